import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Who wrote which version of which object, by the API server's own record. */
export class AuditRecord {
  readonly #log: string
  /** For startControlPlane. */
  readonly apiServerArgs: string[]

  /** @param namespace the one whose ConfigMaps and Deployments are recorded. */
  constructor(namespace: string) {
    const directory = mkdtempSync(join(tmpdir(), 'gitops-guard-audit-'))
    this.#log = join(directory, 'audit.log')
    const policy = join(directory, 'policy.yaml')
    const resources = [
      { group: '', resources: ['configmaps'] },
      { group: 'apps', resources: ['deployments'] },
    ]
    const verbs = ['create', 'update', 'patch', 'delete']
    const rule = {
      level: 'RequestResponse',
      verbs,
      namespaces: [namespace],
      resources,
      omitStages: ['RequestReceived'],
    }
    const rules = [rule, { level: 'None' }]
    writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }))
    this.apiServerArgs = [`--audit-policy-file=${policy}`, `--audit-log-path=${this.#log}`]
  }

  /** All successful writes so far. */
  read(): Writes {
    const writers = new Map<string, string>()
    const deletes: { object: string; user: string; at: number }[] = []
    const text = existsSync(this.#log) ? readFileSync(this.#log, 'utf8') : ''
    for (const line of text.split('\n')) {
      if (line === '') continue
      const event = JSON.parse(line) as AuditEvent
      if (event.responseStatus.code >= 300 || event.requestURI.includes('dryRun=')) continue
      const version = event.responseObject?.metadata?.resourceVersion
      const { username } = event.user
      if (event.verb === 'delete') {
        const { resource, name } = event.objectRef
        deletes.push({ object: `${resource}/${name}`, user: username, at: Date.parse(event.stageTimestamp) })
      } else if (version !== undefined && !writers.has(version)) writers.set(version, username)
    }
    return { writers, deletes }
  }
}

/** What {@link AuditRecord.read} gives. */
export interface Writes {
  /** Usernames by resourceVersion. A write that changed nothing made no version: the first one counts. */
  writers: ReadonlyMap<string, string>
  /** `at` in milliseconds since the epoch. */
  deletes: readonly { object: string; user: string; at: number }[]
}

interface AuditEvent {
  verb: string
  requestURI: string
  stageTimestamp: string
  user: { username: string }
  objectRef: { resource: string; name: string }
  responseStatus: { code: number }
  responseObject?: { metadata?: { resourceVersion?: string } }
}
