/** Two replicas and one source that the guard brings in: one does, and the other goes on where it was killed. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { freePort } from '../control-plane/free-port.ts'
import type { TestRepository } from '../git/test-repository.ts'
import type { GuardRun } from '../e2e/guard-run.ts'
import { configMap, namespace } from '../e2e/manifests.ts'
import { Stage } from '../e2e/stage.ts'
import { until } from '../e2e/until.ts'
import { LoadBalancer } from '../replicas/load-balancer.ts'

const COUNT = 60
const NAMES = ['a', 'b'] as const

let stage: Stage
let git: TestRepository
let balancer: LoadBalancer
const guards = new Map<string, GuardRun>()

before(async () => {
  stage = await Stage.open()
  git = stage.repository()
  commit('1')
  const ports = await Promise.all(NAMES.map(() => freePort()))
  balancer = await LoadBalancer.open(ports)
  for (const [index, name] of NAMES.entries()) {
    const guard = await stage.guard(
      name,
      `mode: enforce
sources:
  - { name: shop, repository: ${git.path}, ref: { branch: main }, namespace: shop, poll: 1s, sync: true }
`,
      { POD_NAME: name },
      { ports: { https: ports[index]!, http: await freePort() }, webhookUrl: balancer.url },
    )
    guards.set(name, guard)
  }
  await Promise.all([...guards.values()].map((guard) => guard.start()))
})

after(async () => {
  await stage.close()
  balancer.close()
})

/** Every object says which step it is of. */
function commit(step: string): string {
  const names = Array.from({ length: COUNT }, (_, index) => `step-${index}`)
  git.write('namespace.yaml', namespace('shop'))
  git.write('all.yaml', names.map((name) => configMap(name, { step })).join('---\n'))
  return git.commit()
}

async function state(name: string): Promise<string> {
  const answer = await fetch(`${guards.get(name)!.url}/status`).catch(() => undefined)
  const status = (await answer?.json()) as { sources: { sync: { state: string } }[] } | undefined
  return status?.sources[0]?.sync.state ?? ''
}

async function steps(): Promise<Set<string>> {
  const { body } = await stage.plane.api('GET', '/api/v1/namespaces/shop/configmaps')
  const items = (body as { items?: { metadata: { name: string }; data: { step: string } }[] }).items ?? []
  return new Set(
    items.filter(({ metadata }) => metadata.name.startsWith('step-')).map(({ data }) => data.step),
  )
}

async function at(step: string): Promise<void> {
  await until(
    `all are at step ${step}`,
    async () => {
      const found = await steps()
      return found.size === 1 && found.has(step)
    },
    { ms: 60_000, seen: async () => [[...(await steps())], await state('a'), await state('b')] },
  )
}

test('bring a source in by one replica alone, and by the other when that is killed', async () => {
  await at('1')
  const leader = await until('one leads', async () => {
    const states = await Promise.all(NAMES.map(state))
    const leads = NAMES.filter((_, index) => states[index] === 'synced')
    return states.includes('elsewhere') && leads.length === 1 ? leads[0] : undefined
  })
  const other = NAMES.find((name) => name !== leader)!
  const applied = await guards.get(leader)!.metric('sync_applies_total')
  const before = await guards.get(other)!.metric('sync_applies_total')
  commit('2')
  await at('2')
  assert.equal(await guards.get(leader)!.metric('sync_applies_total'), applied + COUNT)
  assert.equal(await guards.get(other)!.metric('sync_applies_total'), before)

  commit('3')
  await until('some are at the next step', async () => (await steps()).has('3'))
  await guards.get(leader)!.end('SIGKILL')
  await at('3')
  await until('the other leads', async () => (await state(other)) === 'synced', {
    ms: 60_000,
    seen: () => state(other),
  })

  await guards.get(leader)!.start()
  await until('one of them leads', async () => (await Promise.all(NAMES.map(state))).includes('elsewhere'))
  commit('4')
  await at('4')
  for (const guard of guards.values()) assert.equal(await guard.metric('drift_found_total'), 0)
})
