import type { Violation } from '../../src/model/violation.ts'
import type { Json } from '../../src/model/json.ts'
import type { GuardRun } from '../e2e/guard-run.ts'
import { configMap, deployment, inNamespace, namespace } from '../e2e/manifests.ts'
import { AGENT, Stage } from '../e2e/stage.ts'
import { until } from '../e2e/until.ts'
import type { TestRepository } from '../git/test-repository.ts'
import { RawRequests } from './raw-requests.ts'

/** Seconds that an agent gets. */
export const GRACE = 3

export const OPERATOR = 'system:serviceaccount:foo:operator'
const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'
const MERGE = 'application/merge-patch+json'

export const FINALIZER = 'somebody.dev/holds'

const CLAIM = `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: grows
  volumeName: data
  resources: { requests: { storage: 1Gi } }
`

/** What the sources of the running guard hold at first; each has the namespace of its name. */
const DECLARED = {
  open: [configMap('app')],
  late: [configMap('next', { step: '1' }), configMap('other')],
  fixed: [
    configMap('good'),
    configMap('held').replace('name: held', `name: held\n  finalizers: [${FINALIZER}]`),
    deployment('web'),
    CLAIM,
  ],
  fight: [configMap('contested'), configMap('other')],
}

const VOLUME = `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: grows }
provisioner: example.org/none
allowVolumeExpansion: true
---
apiVersion: v1
kind: PersistentVolume
metadata: { name: data }
spec:
  capacity: { storage: 1Gi }
  accessModes: [ReadWriteOnce]
  storageClassName: grows
  hostPath: { path: /tmp/none }
  claimRef: { namespace: fixed, name: data }
`

/** A guard that runs, its agent, an operator, people, and what is told, as a machine reads it. */
export class RunningStage {
  readonly stage: Stage
  readonly guard: GuardRun
  readonly repository: TestRepository
  /** Of the source `ahead`, which the guard asks once an hour. */
  readonly ahead: TestRepository
  readonly #unseen: RawRequests

  private constructor(stage: Stage, guard: GuardRun, repository: TestRepository, ahead: TestRepository) {
    this.stage = stage
    this.guard = guard
    this.repository = repository
    this.ahead = ahead
    this.#unseen = new RawRequests(stage.plane.kubeconfig(GUARD))
  }

  static async start(): Promise<RunningStage> {
    const stage = await Stage.open()
    try {
      return await this.#started(stage)
    } catch (error) {
      await stage.close()
      throw error
    }
  }

  static async #started(stage: Stage): Promise<RunningStage> {
    const repository = stage.repository()
    for (const [name, manifests] of Object.entries(DECLARED)) {
      repository.write(`${name}/namespace.yaml`, namespace(name))
      repository.write(`${name}/all.yaml`, manifests.join('---\n'))
    }
    stage.settledCommit(repository)
    const ahead = stage.repository()
    const first = [configMap('kept', { step: '1' }), configMap('pruned')]
    ahead.write('all.yaml', first.join('---\n'))
    stage.settledCommit(ahead)
    await stage.plane.serviceAccount('foo', 'operator', { clusterAdmin: true })
    const all = Object.entries({ ...DECLARED, ahead: first })
    await stage.apply(...all.map(([name]) => namespace(name)), VOLUME)
    await stage.apply(
      ...all.flatMap(([name, manifests]) => manifests.map((manifest) => inNamespace(name, manifest))),
    )
    // The selector was another one, in a former commit.
    const former = deployment('former').replace('name: former', 'name: web')
    await stage.alice(['-n', 'fixed', 'delete', 'deployment/web'])
    await stage.apply(inNamespace('fixed', former))
    const bound = async () =>
      (await stage.get('/api/v1/namespaces/fixed/persistentvolumeclaims/data'))?.status.phase === 'Bound'
    await until('the claim is bound', bound, { ms: 60_000 })
    const source = (name: string, more = '') =>
      `  - { name: ${name}, repository: ${repository.path}, ref: { branch: main }, path: ${name}, namespace: ${name}, poll: 1s${more} }\n`
    const guard = await stage.guard(
      'guard',
      `mode: enforce
graceSeconds: ${GRACE}
sources:
${source('open', ', mode: warn, heal: revert')}${source('late')}${source('fixed')}${source('fight')}
  - { name: ahead, repository: ${ahead.path}, ref: { branch: main }, namespace: ahead, poll: 1h }
agents:
  - { user: ${AGENT}, managers: [deployer] }
allow:
  - name: foo
    actors: { users: ["${OPERATOR}"] }
    objects: { kinds: [ConfigMap], namespaces: [open] }
    fields: ["/metadata/annotations/foo.dev~1note"]
notify:
  - webhook: { url: { env: SLACK_URL } }
`,
    )
    await guard.start()
    return new RunningStage(stage, guard, repository, ahead)
  }

  async stop(): Promise<void> {
    this.#unseen.close()
    await this.stage.close()
  }

  /** What was told of an object so far; of all in the namespace where no name is given. */
  told(where: string, name?: string): Violation[] {
    return this.stage.chat.messages
      .map((message) => JSON.parse(message) as Violation)
      .filter(({ object }) => object.namespace === where && (name === undefined || object.name === name))
  }

  /** Waits for something that is told of an object. */
  hears(where: string, name: string, what: string, is: (one: Violation) => boolean): Promise<Violation> {
    return until(`people hear that ${where}/${name} ${what}`, () => this.told(where, name).find(is), {
      ms: 40_000,
      seen: () => this.told(where, name),
    })
  }

  /** A patch that the webhook is not asked about. */
  async unseen(path: string, body: Json, manager = 'somebody'): Promise<void> {
    const { status } = await this.#unseen.send('PATCH', `${path}?fieldManager=${manager}`, body, MERGE)
    if (status >= 300) throw new Error(`PATCH ${path}: ${status}`)
  }

  async unseenDelete(path: string): Promise<void> {
    const { status } = await this.#unseen.send('DELETE', path)
    if (status >= 300) throw new Error(`DELETE ${path}: ${status}`)
  }

  /** A patch as a user whom the webhook judges. */
  async kubectl(user: string, args: string[]): Promise<string> {
    const { code, stderr } = await this.stage.plane.kubectl(user, args)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
    return stderr
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async becomes(path: string, what: string, is: (object: any) => boolean): Promise<any> {
    const ask = async () => {
      const object = await this.stage.get(path)
      return object !== undefined && is(object) ? object : undefined
    }
    return until(`${path} ${what}`, ask, { ms: 40_000, seen: () => this.stage.get(path) })
  }

  async reads(source: string, revision: string): Promise<void> {
    const ask = async () => (await this.guard.metric('git_revision_info', { source, revision })) === 1
    await until(`the guard has read ${revision} of ${source}`, ask, { ms: 40_000 })
  }
}

/** The path of a ConfigMap. */
export function mapPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps/${name}`
}
