import { setTimeout as sleep } from 'node:timers/promises'
import { pastTheGuard } from '../agents/past-the-guard.ts'
import type { ApiClient } from '../control-plane/api-client.ts'
import type { Edit } from './judge-race.ts'
import type { RaceShop } from './race-shop.ts'
import type { Random } from './random.ts'

export interface RaceOptions {
  shop: RaceShop
  random: Random
  alice: ApiClient
  /** Field managers that alice gives: her own, and that of the agent, forged. */
  managers: readonly string[]
  /** Tells the agent of a commit, or applies it. Called in the order of the commits. */
  bring(commit: string): Promise<void>
  /** For how long commits are made, in milliseconds. */
  ms: number
  /** The agent brings a commit in up to so many milliseconds after it was made. */
  agentDelayMs: number
  /** Milliseconds between bursts of commits, at most. */
  pauseMs: number
  /** Milliseconds between edits of alice's. */
  editEveryMs: number
}

const STRATEGIC = 'application/strategic-merge-patch+json'

/** Bursts of commits that an agent brings in late, and alice, who edits the same objects past the guard. Ends with the newest commit brought in. */
export async function race(options: RaceOptions): Promise<{ edits: Edit[]; last: string }> {
  const { shop, random, bring, ms, agentDelayMs, pauseMs } = options
  const end = Date.now() + ms
  const made: { commit: string; due: number }[] = []
  let last = ''
  let over = false
  const committing = (async () => {
    while (Date.now() < end) {
      for (let burst = random.whole(1, 5); burst > 0; burst--) {
        last = shop.change()
        made.push({ commit: last, due: Date.now() + random.next() * agentDelayMs })
        await sleep(random.next() * 300)
      }
      await sleep(random.next() * pauseMs)
    }
    over = true
  })()
  const bringing = (async () => {
    let done = 0
    while (!over || done < made.length) {
      // The newest that is due: an agent that fetches late skips those between.
      const now = Date.now()
      const at = made.findLastIndex(({ due }) => due <= now)
      if (at >= done) {
        await bring(made[at]!.commit)
        done = at + 1
      }
      await sleep(50)
    }
  })()
  const [edits] = await Promise.all([edit(options, end), committing, bringing])
  return { edits, last }
}

async function edit(
  { shop, random, alice, managers, editEveryMs }: RaceOptions,
  end: number,
): Promise<Edit[]> {
  const edits: Edit[] = []
  for (let number = 1; Date.now() < end; number++) {
    const object = random.pick([...shop.objects.keys()])
    const token = `alice-${number}-${random.whole(1000, 9999)}`
    const [resource = '', name = ''] = object.split('/')
    const path = `/${resource === 'configmaps' ? 'api/v1' : 'apis/apps/v1'}/namespaces/shop/${object}`
    const manager = random.pick(managers)
    const { status } = await pastTheGuard(alice, {
      method: 'PATCH',
      path: `${path}?fieldManager=${manager}`,
      body: resource === 'configmaps' ? dataEdit(random, token) : templateEdit(random, token),
      contentType: STRATEGIC,
    })
    if (status === 200) edits.push({ object, token })
    else if (status !== 404 && status !== 409)
      throw new Error(`${name}: alice's edit was answered with ${status}`)
    await sleep(random.next() * 2 * editEveryMs)
  }
  return edits
}

function dataEdit(random: Random, token: string): object {
  return random.pick([
    { data: { note: token } },
    { data: { [token]: 'added' } },
    { metadata: { labels: { owner: token } } },
    { metadata: { annotations: { note: token } } },
  ])
}

function templateEdit(random: Random, token: string): object {
  const spec = (containers: object[]) => ({ spec: { template: { spec: { containers } } } })
  return random.pick([
    spec([{ name: 'web', env: [{ name: 'NOTE', value: token }] }]),
    spec([{ name: 'web', env: [{ name: 'MORE', value: token }] }]),
    spec([{ name: token, image: 'evil:1' }]),
    { metadata: { annotations: { note: token } } },
    { spec: { template: { metadata: { annotations: { note: token } } } } },
  ])
}
