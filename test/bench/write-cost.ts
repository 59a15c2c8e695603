/**
 * What a write costs through the API server with the guard installed, beside the same write on a control plane without any
 * webhook, in turns in one run; and a judged write beside one that a bare node:https webhook lets pass.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ClusterApi } from '../../src/cluster/api.ts'
import { connect } from '../../src/cluster/connection.ts'
import { AGENT, CONFIG_MAPS, DeclaredWorld, NAMESPACES } from './declared-world.ts'
import { quantile } from './quantile.ts'

const ROUNDS = 400
/** Not declared by Git, so that the watcher has no part in it. */
const NAME = 'written'

interface Writer {
  what: string
  user: string
  namespace: string
}

/** Prints the median of each write with and without the guard, and the ratio. */
export async function benchWriteCost(): Promise<void> {
  const [guarded, bare] = await Promise.all([DeclaredWorld.open(10), DeclaredWorld.open(10)])
  const webhook = fork(new URL('bare-webhook.ts', import.meta.url))
  try {
    const [{ port, ca }] = (await once(webhook, 'message')) as [{ port: number; ca: string }]
    const namespace = guarded.target(0).namespace
    for (const world of [guarded, bare]) {
      for (const name of ['elsewhere', 'judged-by-bare'])
        await world.agent.create(NAMESPACES, object('Namespace', name))
      for (const place of [namespace, 'elsewhere', 'judged-by-bare']) {
        await world.agent.create(CONFIG_MAPS, object('ConfigMap', NAME, place))
      }
    }
    await bare.plane.api('POST', REGISTRATIONS, registration(port, ca))
    const guard = await guarded.guard('guard')
    await guard.launch()
    await guard.ready()
    await compare(guarded, bare, [
      { what: "the agent's write", user: AGENT, namespace },
      { what: "alice's write out of scope", user: 'alice', namespace: 'elsewhere' },
      { what: "alice's judged write", user: 'alice', namespace },
    ])
  } finally {
    webhook.kill()
    await Promise.all([guarded.close(), bare.close()])
  }
}

async function compare(
  guarded: DeclaredWorld,
  bare: DeclaredWorld,
  writers: readonly Writer[],
): Promise<void> {
  for (const writer of writers) {
    const judged = writer.what.includes('judged')
    const places = [
      { api: apiOf(guarded, writer.user), namespace: writer.namespace, times: [] as number[] },
      { api: apiOf(bare, writer.user), namespace: writer.namespace, times: [] as number[] },
      ...(judged
        ? [{ api: apiOf(bare, writer.user), namespace: 'judged-by-bare', times: [] as number[] }]
        : []),
    ]
    for (let round = 0; round < ROUNDS + 50; round++) {
      for (const { api, namespace, times } of places) {
        const at = { namespace, name: NAME }
        const patch = { data: { round: `${round}` } }
        const start = performance.now()
        await api.patch(CONFIG_MAPS, at, patch, { type: 'application/merge-patch+json' })
        if (round >= 50) times.push(performance.now() - start)
      }
    }
    const [withGuard, without, floor] = places.map(({ times }) => quantile(times, 0.5))
    const beside =
      floor === undefined
        ? ''
        : `; with a bare webhook ${floor.toFixed(2)} ms, ${(withGuard! / floor).toFixed(2)} times that`
    console.log(
      `  ${writer.what}: ${withGuard!.toFixed(2)} ms with the guard, ${without!.toFixed(2)} ms without, ${(withGuard! / without!).toFixed(2)} times${beside} (medians of ${ROUNDS})`,
    )
  }
}

function apiOf(world: DeclaredWorld, user: string): ClusterApi {
  return new ClusterApi(connect({ kubeconfig: world.plane.kubeconfig(user) }), { fieldManager: 'bench' })
}

function object(kind: string, name: string, namespace?: string) {
  return { apiVersion: 'v1', kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } }
}

const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const registration = (port: number, ca: string) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'bare' },
  webhooks: [
    {
      name: 'bare.example.com',
      clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(ca).toString('base64') },
      rules: [
        { apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'], scope: 'Namespaced' },
      ],
      namespaceSelector: {
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['judged-by-bare'] },
        ],
      },
      failurePolicy: 'Fail',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
    },
  ],
})
