import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Announcer } from './announcer.ts'
import type { TimedTrouble } from './announcer.ts'
import type { SyncEvent } from './events.ts'

const trouble = (name: string, dueAt: number): TimedTrouble => ({
  what: 'apply',
  ref: { group: '', kind: 'ConfigMap', namespace: 'shop', name },
  apiVersion: 'v1',
  why: 'refused',
  since: 0,
  dueAt,
})

function announcer() {
  const told: string[] = []
  const tell = (event: SyncEvent) => {
    const names = event.event === 'failing' ? event.troubles.map(({ ref }) => ref.name).join() : ''
    told.push(`${event.event} ${names}`.trim())
  }
  return { look: new Announcer('shop', tell), told }
}

describe('Announcer', () => {
  it('tell a trouble once, when it is due, and once that it is over', () => {
    const { look, told } = announcer()
    look.look([trouble('a', 30)], 10, 'r', false)
    assert.deepEqual(told, [])
    look.look([trouble('a', 30)], 30, 'r', false)
    look.look([trouble('a', 30)], 40, 'r', false)
    assert.deepEqual(told, ['failing a'])
    look.look([], 50, 'r', false)
    assert.deepEqual(told, ['failing a'], 'what the next commit says is not applied yet')
    look.look([], 60, 'r', true)
    look.look([], 70, 'r', true)
    assert.deepEqual(told, ['failing a', 'well'])
  })

  it('tell several at once, and what comes later by itself', () => {
    const { look, told } = announcer()
    look.look([trouble('a', 0), trouble('b', 0)], 1, 'r', false)
    look.look([trouble('a', 0), trouble('b', 0), trouble('c', 0)], 2, 'r', false)
    assert.deepEqual(told, ['failing a,b', 'failing c'])
  })

  it('not say that all is well while anything is wrong, told or not', () => {
    const { look, told } = announcer()
    look.look([trouble('a', 0)], 1, 'r', false)
    look.look([trouble('b', 99)], 2, 'r', true)
    assert.deepEqual(told, ['failing a'])
  })

  it('say nothing of what passed before it was due', () => {
    const { look, told } = announcer()
    look.look([trouble('a', 30)], 10, 'r', false)
    look.look([], 20, 'r', true)
    assert.deepEqual(told, [])
  })
})
