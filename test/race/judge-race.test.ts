import assert from 'node:assert/strict'
import { it } from 'node:test'
import { judgeRace } from './judge-race.ts'
import type { Sight } from './witness.ts'

/** A race of one object: `ci 3` wrote its commit 3, `ci -` deleted it. */
function judged(...steps: string[]) {
  const writers = new Map<string, string>()
  const deletes: { object: string; user: string; at: number }[] = []
  const sights = steps.map((step, at): Sight => {
    const [user = '', commit = ''] = step.split(' ')
    if (commit === '-') deletes.push({ object: 'configmaps/a', user, at })
    else writers.set(String(at), user)
    const type = commit === '-' ? 'deleted' : 'modified'
    return { object: 'configmaps/a', type, version: String(at), commit: Number(commit) || 0, text: '', at }
  })
  const { undone, early } = judgeRace(
    sights,
    { writers, deletes },
    { agent: 'ci', guard: 'guard', edits: [] },
  )
  return { undone: undone.length, early }
}

it('count what the guard put back over a newer commit of the agent, or after the agent had pruned it', () => {
  assert.deepEqual(judged('ci 1', 'ci 3', 'guard 2'), { undone: 1, early: 0 })
  assert.deepEqual(judged('ci 1', 'ci -', 'guard 1'), { undone: 1, early: 0 })
  assert.deepEqual(judged('ci 1', 'guard 2', 'ci 3', 'ci -', 'guard 3'), { undone: 1, early: 1 })
})

it('not count a commit that the guard brought in first, though a patch of the agent left its number there', () => {
  assert.deepEqual(judged('ci 1', 'alice 1', 'guard 1'), { undone: 0, early: 0 })
  assert.deepEqual(judged('ci 1', 'guard 3', 'ci 3', 'ci -', 'guard 3'), { undone: 0, early: 2 })
  assert.deepEqual(judged('ci 1', 'guard 3', 'ci 2', 'guard 2'), { undone: 0, early: 1 })
})
