import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Fights } from './fights.ts'
import type { Relapse } from './fights.ts'

const relapse = (now: number, more: Partial<Relapse> = {}): Relapse => ({
  now,
  signature: 'replicas=5',
  fields: 'replicas',
  writer: 'some-controller',
  ...more,
})

/** Repairs the same thing every `gap` milliseconds, whenever it is allowed to. Returns when it was. */
function play(
  fights: Fights,
  until: number,
  gap: number,
  more: (now: number) => Partial<Relapse> = () => ({}),
) {
  const repairs: number[] = []
  let told = 0
  for (let now = 0; now < until;) {
    const fight = fights.before('k', relapse(now, more(now)))
    if (fight?.began) told++
    if (fight !== undefined && fight.until > now) {
      now = fight.until
      continue
    }
    fights.repaired('k', relapse(now, more(now)))
    repairs.push(now)
    now += gap
  }
  return { repairs, told }
}

it('back off further and further from the same value that comes back at once', () => {
  const fights = new Fights()
  const { repairs, told } = play(fights, 3_600_000, 10)
  const gaps = repairs.slice(1).map((time, index) => time - repairs[index]!)
  assert.deepEqual(gaps.slice(0, 7), [10, 10, 10, 10, 1_010, 2_010, 4_010])
  assert.equal(Math.max(...gaps), 300_010)
  assert.equal(told, 1)
  assert.equal(fights.count, 1)
})

it('see no fight in edits to ever new values, as fast as a script that tests the guard', () => {
  const { repairs, told } = play(new Fights(), 40_000, 200, (now) => ({ signature: `replicas=${now}` }))
  assert.equal(repairs.length, 200)
  assert.equal(told, 0)
})

it('see a fight in ever new values that come faster', () => {
  assert.equal(play(new Fights(), 60_000, 20, (now) => ({ signature: `at=${now}` })).told, 1)
})

it('see no fight in other fields, in other objects, or in what comes back later', () => {
  const fields = play(new Fights(), 10_000, 100, (now) => ({ fields: `f${now}`, signature: `f${now}` }))
  assert.equal(fields.told, 0)
  assert.equal(play(new Fights(), 3_600_000, 30_000).told, 0)
  const fights = new Fights()
  for (let key = 0; key < 50; key++) {
    assert.equal(fights.before(String(key), relapse(key)), undefined)
    fights.repaired(String(key), relapse(key))
  }
})

it('end when nothing came back for a while, and tell the next one again', () => {
  const fights = new Fights()
  const { repairs } = play(fights, 20_000, 10)
  const last = repairs.at(-1)!
  assert.deepEqual(fights.ended(last + 1_000), [])
  assert.deepEqual(fights.ended(last + 120_000), ['k'])
  assert.deepEqual(fights.ended(last + 120_001), [])
  assert.equal(fights.count, 0)
  assert.equal(fights.before('k', relapse(last + 130_000)), undefined)
})
