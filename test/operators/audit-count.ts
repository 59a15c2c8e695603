import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One write, as the API server recorded it. */
export interface RecordedWrite {
  user: string
  verb: string
  /** `resource.group/subresource namespace/name`, what there is of it. */
  object: string
  namespace: string
  name: string
  code: number
  /** Of a refusal. */
  message: string
}

/** Every write to the cluster by the API server's own record: who was refused what, and what the guard itself wrote. */
export class AuditCount {
  readonly #directory = mkdtempSync(join(tmpdir(), 'gitops-guard-audit-'))
  readonly #log = join(this.#directory, 'audit.log')
  /** For startControlPlane. */
  readonly apiServerArgs: string[]

  constructor() {
    const policy = join(this.#directory, 'policy.yaml')
    const rules = [
      { level: 'None', resources: [{ group: '', resources: ['events'] }, { group: 'events.k8s.io' }] },
      {
        level: 'Metadata',
        verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
        omitStages: ['RequestReceived', 'ResponseStarted'],
      },
      { level: 'None' },
    ]
    writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }))
    this.apiServerArgs = [`--audit-policy-file=${policy}`, `--audit-log-path=${this.#log}`]
  }

  /** All writes so far but dry-runs, oldest first. */
  writes(): RecordedWrite[] {
    const text = existsSync(this.#log) ? readFileSync(this.#log, 'utf8') : ''
    // A line may be half written.
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
    return lines.flatMap((line) => {
      if (line === '') return []
      const { user, verb, requestURI, objectRef, responseStatus } = JSON.parse(line) as AuditEvent
      if (objectRef === undefined || requestURI.includes('dryRun=')) return []
      const { resource, apiGroup, subresource, namespace = '', name = '' } = objectRef
      const kind = [resource, apiGroup].filter(Boolean).join('.') + (subresource ? `/${subresource}` : '')
      return [
        {
          user: user.username,
          verb,
          object: `${kind} ${namespace}/${name}`,
          namespace,
          name,
          code: responseStatus?.code ?? 0,
          message: responseStatus?.message ?? '',
        },
      ]
    })
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** Of these writes those that the guard refused to anybody but `person`. */
export function refusedToOthers(writes: readonly RecordedWrite[], person: string): RecordedWrite[] {
  return writes.filter(
    ({ user, message }) => user !== person && /gitops-guard/.test(message) && /den(ied|y)/.test(message),
  )
}

const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'

/** What the guard changed that is not its own: its repairs. */
export function repairs(writes: readonly RecordedWrite[]): RecordedWrite[] {
  return writes.filter(
    ({ user, namespace, name, code, object }) =>
      user === GUARD &&
      code < 300 &&
      namespace !== 'gitops-guard' &&
      !name.startsWith('gitops-guard') &&
      !/^\w+\.(authorization|authentication)\.k8s\.io/.test(object),
  )
}

interface AuditEvent {
  verb: string
  requestURI: string
  user: { username: string }
  objectRef?: {
    resource: string
    apiGroup?: string
    subresource?: string
    namespace?: string
    name?: string
  }
  responseStatus?: { code: number; message?: string }
}
