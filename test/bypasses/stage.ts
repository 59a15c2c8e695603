import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ViolationEvent, Violation } from '../../src/model/violation.ts'
import { Shop } from '../../src/demo/shop.ts'
import { freePort } from '../control-plane/free-port.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import type { CommandOptions, CommandResult } from '../control-plane/run-command.ts'
import { applyDeploy } from '../deploy/installation.ts'
import { GuardRunner } from './guard-runner.ts'
import { RawClient, type RawAnswer, type RawOptions } from './raw-client.ts'
import type { Outcome, Stopper } from './row.ts'
import { Sink } from './sink.ts'
import { auditArguments, configuration } from './stage-files.ts'

export const AGENT = 'system:serviceaccount:ci:deployer'
/** Has an allowance for one annotation. */
export const OPERATOR = 'system:serviceaccount:ops:operator'
const MANIFESTS = join(import.meta.dirname, 'manifests')
const ADMISSION = '/apis/admissionregistration.k8s.io/v1'
export const WEBHOOK = `${ADMISSION}/validatingwebhookconfigurations/gitops-guard`
export const bindingPath = (name: string) => `${ADMISSION}/validatingadmissionpolicybindings/${name}`
const ORDER = ['namespace', 'cluster', 'settings', 'podinfo', 'autoscaling', 'workloads', 'custom']

/**
 * One control plane, one Git repository, one guard that enforces, installed as deploy/ says and running as a process
 * outside. alice may do anything by RBAC; admin is in system:masters.
 */
export class Stage {
  readonly plane: ControlPlane
  readonly shop: Shop
  readonly sink: Sink
  readonly guard: GuardRunner
  readonly ports: { https: number; http: number }
  readonly directory: string
  readonly #clients = new Map<string, RawClient>()
  /** What Git declares, as the API server held it before anybody tried anything. */
  readonly #declared = new Map<string, string>()

  private constructor(parts: {
    plane: ControlPlane
    shop: Shop
    sink: Sink
    guard: GuardRunner
    ports: { https: number; http: number }
    directory: string
  }) {
    this.plane = parts.plane
    this.shop = parts.shop
    this.sink = parts.sink
    this.guard = parts.guard
    this.ports = parts.ports
    this.directory = parts.directory
  }

  static async open(options: { configuration?: string } = {}): Promise<Stage> {
    const ports = { https: await freePort(), http: await freePort() }
    const plane = await startControlPlane({ apiServerArgs: await auditArguments(ports.https) })
    const sink = await Sink.open()
    const directory = join(plane.dir, 'guard')
    await mkdir(directory)
    const shop = await Shop.create(join(plane.dir, 'shop'))
    for (const name of ['cluster', 'workloads', 'custom'])
      await cp(join(MANIFESTS, `${name}.yaml`), join(shop.directory, 'prod', `${name}.yaml`))
    await shop.commit('Open the rest of the shop')
    const config = join(directory, 'config.yaml')
    await writeFile(
      config,
      configuration({ repository: shop.directory, stateDir: join(directory, 'state') }) +
        (options.configuration ?? ''),
    )
    const kubeconfig = await plane.serviceAccount('gitops-guard', 'gitops-guard')
    const guard = new GuardRunner({
      config,
      kubeconfig,
      ports,
      logFile: join(directory, 'guard.log'),
      env: { SLACK_URL: `${sink.url}/slack`, HOOK_URL: `${sink.url}/violations` },
    })
    const stage = new Stage({ plane, shop, sink, guard, ports, directory })
    await stage.#furnish()
    return stage
  }

  async #furnish(): Promise<void> {
    const { plane, guard } = this
    await Promise.all([
      plane.serviceAccount('ci', 'deployer', { clusterAdmin: true }),
      plane.serviceAccount('ops', 'operator', { clusterAdmin: true }),
      plane.serviceAccount('argocd', 'argocd-server', { clusterAdmin: true }),
      plane.serviceAccount('elsewhere', 'drainer', { clusterAdmin: true }),
      plane.serviceAccount('ci', 'deployer-2', { clusterAdmin: true }),
      plane.serviceAccount('flux-system', 'kustomize-controller', { clusterAdmin: true }),
      applyDeploy(plane),
      this.must('admin', ['apply', '-f', join(MANIFESTS, 'outside.yaml')]),
    ])
    await this.must('admin', ['apply', '-f', join(MANIFESTS, 'inputs.yaml')])
    await this.agentApplies()
    await guard.start()
    await guard.ready()
    await this.eventually('the webhook is in force', async () => {
      const { code } = await plane.kubectl('alice', [
        'label',
        '-n',
        'shop',
        'cm/web',
        'a=b',
        '--dry-run=server',
      ])
      return code !== 0
    })
    await this.snapshot()
  }

  /** The agent of the stage: a CI job that applies what it checked out. */
  async agentApplies(): Promise<void> {
    const files = ORDER.flatMap((name) => ['-f', join(this.shop.directory, 'prod', `${name}.yaml`)])
    const args = ['apply', '--server-side', '--force-conflicts', '--field-manager=deployer', ...files]
    // A definition that was just made is not served at once.
    let said = ''
    await this.eventually('the agent applies', async () => {
      const { code, stderr } = await this.kubectl(AGENT, args)
      said = stderr
      return code === 0
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${said}`)
    })
  }

  kubectl(user: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.plane.kubectl(user, args, options)
  }

  /** Throws with what kubectl said where it fails. */
  async must(user: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    const result = await this.kubectl(user, args, options)
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')} as ${user}: ${result.stderr.trim()}`)
    return result
  }

  /** A raw request as a user. */
  raw(
    user: string,
    method: string,
    path: string,
    body?: unknown,
    options: RawOptions = {},
  ): Promise<RawAnswer> {
    const key = `${this.plane.url} ${user}`
    let client = this.#clients.get(key)
    if (client === undefined) this.#clients.set(key, (client = new RawClient(this.plane.kubeconfig(user))))
    return client.send(method, path, body, options)
  }

  /** kubectl as a user, which the guard must refuse. */
  async refused(user: string, args: string[], options: CommandOptions = {}): Promise<Outcome> {
    const { code, stdout, stderr } = await this.kubectl(user, args, options)
    if (code === 0) throw new Error(`kubectl ${args.join(' ')} went through: ${stdout.trim()}`)
    return { stopped: stopperOf(stderr) }
  }

  /** A raw request as a user, which the guard must refuse. */
  async refusedRaw(
    user: string,
    [method, path, body]: [string, string, unknown?],
    options: RawOptions = {},
  ): Promise<Outcome> {
    const { status, text } = await this.raw(user, method, path, body, options)
    if (status < 300) throw new Error(`${method} ${path} went through: ${text.slice(0, 500)}`)
    return { stopped: stopperOf(text) }
  }

  /**
   * Takes policy and webhook away as admin, again and again until a write gets through, and measures until a client
   * outside sees Git's state again.
   */
  async pastAdmission(
    write: () => Promise<{ status?: number; code?: number }>,
    healed: () => Promise<boolean>,
  ): Promise<Outcome> {
    for (let tries = 1; tries <= 200; tries++) {
      await this.raw('admin', 'DELETE', bindingPath('gitops-guard'))
      await this.raw('admin', 'DELETE', WEBHOOK)
      const { status = 0, code = 0 } = await write()
      if (status >= 300 || code !== 0) continue
      const outcome = await this.putBack(healed)
      const late = tries === 1 ? '' : `at try ${tries}`
      return { ...outcome, ...(late === '' ? {} : { note: late }) }
    }
    throw new Error('not one of 200 tries got past the webhook')
  }

  /** Milliseconds from now until `healed`. */
  async putBack(healed: () => Promise<boolean>): Promise<Outcome> {
    const written = performance.now()
    for (;;) {
      if (await healed()) return { stopped: 'watcher', ms: performance.now() - written }
      if (performance.now() - written > 20_000) throw new Error('not put back within 20 s')
      await sleep(1)
    }
  }

  /** Waits for a violation that matches. */
  async told(
    event: ViolationEvent,
    matches: (violation: Violation) => boolean,
    ms = 10_000,
  ): Promise<Violation> {
    for (const start = Date.now(); ; await sleep(20)) {
      const found = this.sink.violations.find((each) => each.event === event && matches(each))
      if (found !== undefined) return found
      if (Date.now() - start > ms) {
        const last = this.sink.violations.slice(-5).map(({ event, reason }) => `${event}: ${reason}`)
        throw new Error(`nobody was told of it (${event}). Last told:\n${last.join('\n')}`)
      }
    }
  }

  async eventually(what: string, done: () => Promise<boolean>, ms = 30_000): Promise<number> {
    for (const start = performance.now(); ; await sleep(20)) {
      if (await done()) return performance.now() - start
      if (performance.now() - start > ms) throw new Error(`not within ${ms} ms: ${what}`)
    }
  }

  /** The API server asks the webhook again, of namespaced and of cluster-scoped objects. */
  async webhookInForce(): Promise<void> {
    const probe = { metadata: { annotations: { probe: 'yes' } } }
    await this.eventually('the webhook is in force', async () => {
      const answers = await Promise.all(
        [paths.settings, paths.priority].map((path) =>
          this.raw('alice', 'PATCH', `${path}?dryRun=All`, probe, {
            contentType: 'application/merge-patch+json',
          }),
        ),
      )
      return answers.every(({ text }) => text.includes('denied the request'))
    })
  }

  /** What the guard keeps of its own is there: rows take it away, again and again. */
  async registered(): Promise<void> {
    const own = [WEBHOOK, ...['gitops-guard', 'gitops-guard-namespace'].map(bindingPath)]
    await this.eventually('the guard is registered', async () => {
      const answers = await Promise.all(own.map((path) => this.raw('admin', 'GET', path)))
      return answers.every(({ status }) => status === 200)
    })
  }

  /** The API server learns of a policy within a second or so of its binding. */
  async policiesInForce(): Promise<void> {
    const object = { metadata: { name: 'probe' } }
    await this.eventually('the policies are in force', async () => {
      const [own, namespace] = await Promise.all([
        this.raw('alice', 'DELETE', `${WEBHOOK}?dryRun=All`),
        this.raw('alice', 'POST', '/api/v1/namespaces/gitops-guard/configmaps?dryRun=All', object),
      ])
      return [own, namespace].every(({ text }) => text.includes('ValidatingAdmissionPolicy'))
    })
  }

  /** Takes down what the cluster holds of what Git declares: {@link settled} compares with it. */
  async snapshot(): Promise<void> {
    this.#declared.clear()
    for (const path of DECLARED) this.#declared.set(path, await this.#state(path))
  }

  /** Throws unless what Git declares is, at once or soon, as it was. */
  async settled(): Promise<void> {
    for (const [path, was] of this.#declared) {
      let now = ''
      await this.eventually(
        `${path} as it was`,
        async () => (now = await this.#state(path)) === was,
        10_000,
      ).catch((error: unknown) => {
        throw new Error(`${(error as Error).message}\n  was ${was}\n  is  ${now}`)
      })
    }
  }

  async #state(path: string): Promise<string> {
    const { body } = await this.raw('admin', 'GET', path)
    const { metadata = {}, ...rest } = body ?? {}
    delete rest.status
    const { labels, annotations = {}, finalizers, ownerReferences, deletionTimestamp } = metadata
    delete annotations['deployment.kubernetes.io/revision']
    // A Service that was deleted gets another.
    delete rest.spec?.clusterIP
    delete rest.spec?.clusterIPs
    return JSON.stringify({ labels, annotations, finalizers, ownerReferences, deletionTimestamp, ...rest })
  }

  async close(): Promise<void> {
    // The control plane first: a guard that is asked to stop waits for those who still call it.
    await this.plane.stop()
    await this.guard.end('SIGKILL')
    for (const client of this.#clients.values()) client.close()
    this.sink.close()
  }
}

const SHOP = '/api/v1/namespaces/shop'
export const paths = {
  web: '/apis/apps/v1/namespaces/shop/deployments/web',
  api: '/apis/apps/v1/namespaces/shop/deployments/api',
  db: '/apis/apps/v1/namespaces/shop/statefulsets/db',
  settings: `${SHOP}/configmaps/web`,
  secret: `${SHOP}/secrets/web`,
  service: `${SHOP}/services/web`,
  bare: `${SHOP}/pods/bare`,
  namespace: SHOP,
  hpa: '/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/web',
  ingress: '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web',
  cronJob: '/apis/batch/v1/namespaces/shop/cronjobs/report',
  widget: '/apis/shop.example/v1/namespaces/shop/widgets/front',
  gadget: '/apis/gadgets.example/v1/namespaces/shop/gadgets/oven',
  widgets: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.shop.example',
  gadgets: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.gadgets.example',
  dns: '/api/v1/namespaces/kube-system/configmaps/shop-dns',
  auditor: '/apis/rbac.authorization.k8s.io/v1/clusterroles/shop-auditor',
  deployer: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/shop-deployer',
  priority: '/apis/scheduling.k8s.io/v1/priorityclasses/shop',
  images: `${ADMISSION}/validatingwebhookconfigurations/shop-images`,
  roleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/api',
  account: `${SHOP}/serviceaccounts/api`,
} as const
const DECLARED = Object.values(paths).filter((path) => path !== paths.gadgets)

/** Who refused, from what the API server says. */
export function stopperOf(text: string): Stopper {
  if (/ValidatingAdmissionPolicy '[^']*gitops-guard/.test(text)) return 'policy'
  if (/admission webhook \\?"[a-z]+\.gitops-guard\.dev\\?" denied the request/.test(text)) return 'webhook'
  if (/failed calling webhook/.test(text)) throw new Error(`the webhook did not answer: ${text}`)
  return 'server'
}
