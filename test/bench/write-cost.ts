/**
 * What a write costs through the API server with the guard installed, beside the same write on a control plane without any
 * webhook, in one run; and a judged write beside one that a bare node:https webhook lets pass. Two control planes change roles
 * half-way, and each pair of writes its order, so that neither a slower one nor a busy moment counts for the guard or against it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterApi } from '../../src/cluster/api.ts'
import { connect } from '../../src/cluster/connection.ts'
import { AGENT, CONFIG_MAPS, DeclaredWorld, NAMESPACES } from './declared-world.ts'
import { quantile } from './quantile.ts'

/** Of one half. */
const ROUNDS = Number(process.env['BENCH_WRITES'] ?? 500)
const WARM_UP = 50
/** Between two writes, in milliseconds: what the one before left to do (watch events, the guard's look) is done then. */
const PAUSE_MS = 4
/** The API server has taken in what was registered, or is no more. */
const SETTLE_MS = 3_000

/** Not declared by Git, so that the watcher has no part in it. */
const NAME = 'written'

interface Writer {
  what: string
  user: string
  /** Undefined: the guarded one. */
  namespace?: string
  judged?: true
}

const WRITERS: readonly Writer[] = [
  { what: "the agent's write", user: AGENT },
  { what: "alice's write out of scope", user: 'alice', namespace: 'elsewhere' },
  { what: "alice's judged write", user: 'alice', judged: true },
]

/** Milliseconds of each write of one half, by where it went. */
interface Times {
  guarded: number[]
  bare: number[]
  /** Past the bare webhook, where the write is a judged one. */
  floor: number[]
}

/** Prints the median of each write with and without the guard, and the ratio. */
export async function benchWriteCost(): Promise<void> {
  const worlds = await Promise.all([DeclaredWorld.open(10), DeclaredWorld.open(10)])
  const webhook = fork(new URL('bare-webhook.ts', import.meta.url))
  try {
    const [server] = (await once(webhook, 'message')) as [{ port: number; ca: string }]
    await Promise.all(worlds.map(furnish))
    const [one, other] = worlds as [DeclaredWorld, DeclaredWorld]
    const halves = [await half(one, other, server), await half(other, one, server)]
    for (const [index, { what, judged }] of WRITERS.entries())
      print(
        what,
        halves.map((times) => times[index]!),
        judged === true,
      )
  } finally {
    webhook.kill()
    await Promise.all(worlds.map((world) => world.close()))
  }
}

async function furnish(world: DeclaredWorld): Promise<void> {
  for (const name of ['elsewhere', 'judged-by-bare'])
    await world.agent.create(NAMESPACES, object('Namespace', name))
  for (const place of [world.target(0).namespace, 'elsewhere', 'judged-by-bare'])
    await world.agent.create(CONFIG_MAPS, object('ConfigMap', NAME, place))
}

/** One control plane has the guard, the other nothing but the bare webhook of one namespace. */
async function half(
  guarded: DeclaredWorld,
  bare: DeclaredWorld,
  server: { port: number; ca: string },
): Promise<Times[]> {
  await bare.plane.api('POST', REGISTRATIONS, registration(server.port, server.ca))
  const guard = await guarded.guard('guard')
  await guard.launch()
  await guard.ready()
  await sleep(SETTLE_MS)
  const times: Times[] = []
  for (const writer of WRITERS) times.push(await writes(guarded, bare, writer))
  await guard.end('SIGKILL')
  await uninstall(guarded)
  await bare.plane.api('DELETE', `${REGISTRATIONS}/bare`)
  await sleep(SETTLE_MS)
  return times
}

async function writes(
  guarded: DeclaredWorld,
  bare: DeclaredWorld,
  { user, namespace = guarded.target(0).namespace, judged }: Writer,
): Promise<Times> {
  const times: Times = { guarded: [], bare: [], floor: [] }
  const places = [
    { api: apiOf(guarded, user), namespace, times: times.guarded },
    { api: apiOf(bare, user), namespace, times: times.bare },
    ...(judged === true ? [{ api: apiOf(bare, user), namespace: 'judged-by-bare', times: times.floor }] : []),
  ]
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    for (const { api, namespace, times } of round % 2 === 0 ? places : places.toReversed()) {
      const start = performance.now()
      const patch = { data: { round: `${round}` } }
      await api.patch(CONFIG_MAPS, { namespace, name: NAME }, patch, { type: 'application/merge-patch+json' })
      if (round >= WARM_UP) times.push(performance.now() - start)
      await sleep(PAUSE_MS)
    }
  }
  for (const { api } of places) api.connection.close()
  return times
}

function print(what: string, halves: readonly Times[], judged: boolean): void {
  const medians = (key: keyof Times) => halves.map((times) => quantile(times[key], 0.5))
  const mean = (values: readonly number[]) =>
    Math.exp(values.reduce((sum, each) => sum + Math.log(each), 0) / values.length)
  const [guarded, bare, floor] = [medians('guarded'), medians('bare'), medians('floor')]
  const times = (over: readonly number[]) => guarded.map((each, index) => each / over[index]!)
  const beside = judged
    ? `; with a bare webhook ${mean(floor).toFixed(2)} ms, ${mean(times(floor)).toFixed(2)} times that`
    : ''
  const each = times(bare).map((ratio) => ratio.toFixed(3))
  console.log(
    `  ${what}: ${mean(guarded).toFixed(2)} ms with the guard, ${mean(bare).toFixed(2)} ms without, ${mean(times(bare)).toFixed(3)} times (halves: ${each.join(', ')})${beside} (medians of ${2 * ROUNDS})`,
  )
}

/** The guard is dead: its policy first, then what the policy keeps. */
async function uninstall({ plane }: DeclaredWorld): Promise<void> {
  const kubectl = (args: string[]) => plane.kubectl('admin', args)
  const kinds = 'validatingadmissionpolicybindings,validatingadmissionpolicies'
  await kubectl(['delete', kinds, '-l', 'app.kubernetes.io/managed-by=gitops-guard'])
  for (let tries = 0; tries < 50; tries++) {
    const { code } = await kubectl(['delete', 'validatingwebhookconfiguration', 'gitops-guard'])
    if (code === 0) return
    await sleep(200)
  }
  throw new Error('what the guard registered cannot be removed')
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
