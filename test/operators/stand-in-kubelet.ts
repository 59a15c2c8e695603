import type { ApiClient } from '../control-plane/api-client.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { clientOf } from '../agents/client-of.ts'
import { until } from '../e2e/until.ts'

const NODE = 'one'
const EVERY_MS = 200
const HEARTBEAT_MS = 10_000
const MERGE = 'application/merge-patch+json'

interface Pod {
  metadata: { namespace: string; name: string; uid: string; deletionTimestamp?: string }
  spec: { nodeName?: string; serviceAccountName?: string; containers: { name: string; image: string }[] }
  status?: { phase?: string }
}

/**
 * One node that runs whatever Pods there are, with no containers: a scheduler that binds every Pod to it, and a kubelet that
 * says that they run and lets them go, each with its real identity.
 */
export class StandInKubelet {
  readonly #scheduler: ApiClient
  readonly #kubelet: ApiClient
  #stopped = false
  #work: Promise<void> = Promise.resolve()
  #beat = 0

  private constructor(scheduler: ApiClient, kubelet: ApiClient) {
    this.#scheduler = scheduler
    this.#kubelet = kubelet
  }

  static async start(plane: ControlPlane): Promise<StandInKubelet> {
    await plane.user('system:kube-scheduler')
    await plane.user(`system:node:${NODE}`, { groups: ['system:nodes'] })
    const stand = new StandInKubelet(
      clientOf(plane, 'system:kube-scheduler'),
      clientOf(plane, `system:node:${NODE}`),
    )
    await stand.#kubelet.ensure('/api/v1/nodes', { metadata: { name: NODE }, spec: {} })
    stand.#work = stand.#run()
    return stand
  }

  /** A token of an account that a Pod here runs as, bound to that Pod: how a container gets its own. */
  async token(namespace: string, account: string): Promise<string> {
    return await until(
      `a Pod runs as ${namespace}:${account}`,
      async () => {
        const { body } = await this.#scheduler.send('GET', `/api/v1/namespaces/${namespace}/pods`)
        const pod = ((body.items ?? []) as Pod[]).find(
          ({ spec }) => spec.serviceAccountName === account && spec.nodeName === NODE,
        )
        if (pod === undefined) return undefined
        const { name, uid } = pod.metadata
        const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid }
        const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
        const answer = await this.#kubelet.send('POST', path, {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { boundObjectRef, expirationSeconds: 24 * 3600 },
        })
        return answer.status === 201 ? (answer.body.status.token as string) : undefined
      },
      { ms: 60_000 },
    )
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#work
    this.#scheduler.close()
    this.#kubelet.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      // A control plane that is being stopped answers nothing: the next round or `stop` ends it.
      await this.#round().catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }

  async #round(): Promise<void> {
    if (Date.now() - this.#beat > HEARTBEAT_MS) await this.#heartbeat()
    const { body } = await this.#scheduler.send('GET', '/api/v1/pods')
    for (const pod of (body.items ?? []) as Pod[]) await this.#care(pod)
  }

  async #heartbeat(): Promise<void> {
    this.#beat = Date.now()
    const now = new Date().toISOString()
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      message: 'ready',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    }
    await this.#kubelet.send(
      'PATCH',
      `/api/v1/nodes/${NODE}/status`,
      { status: { conditions: [ready] } },
      MERGE,
    )
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
    const spec = { holderIdentity: NODE, leaseDurationSeconds: 40, renewTime: now.replace('Z', '000Z') }
    const { status } = await this.#kubelet.send('PATCH', `${leases}/${NODE}`, { spec }, MERGE)
    if (status === 404) await this.#kubelet.send('POST', leases, { metadata: { name: NODE }, spec })
  }

  async #care({ metadata, spec, status }: Pod): Promise<void> {
    const { namespace, name, uid, deletionTimestamp } = metadata
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`
    if (deletionTimestamp !== undefined) {
      if (spec.nodeName === NODE)
        await this.#kubelet.send('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } })
      return
    }
    if (spec.nodeName === undefined) {
      const target = { apiVersion: 'v1', kind: 'Node', name: NODE }
      await this.#scheduler.send('POST', `${path}/binding`, { metadata: { name }, target })
    }
    if (status?.phase === 'Running') return
    const now = new Date().toISOString()
    const conditions = ['Initialized', 'PodReadyToStartContainers', 'ContainersReady', 'Ready'].map(
      (type) => ({
        type,
        status: 'True',
        lastTransitionTime: now,
      }),
    )
    const containerStatuses = spec.containers.map((container) => ({
      name: container.name,
      image: container.image,
      imageID: '',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: now } },
    }))
    const running = { phase: 'Running', startTime: now, podIP: '10.1.0.1', conditions, containerStatuses }
    await this.#kubelet.send('PATCH', `${path}/status`, { status: running }, MERGE)
  }
}
