import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownerOf } from './share.ts'

const keys = Array.from({ length: 9000 }, (_, index) => `apps\nDeployment\nshop-${index % 90}\nweb-${index}`)
const shares = (members: string[]) => {
  const count = new Map<string, number>()
  for (const key of keys) {
    const owner = ownerOf(key, members)!
    count.set(owner, (count.get(owner) ?? 0) + 1)
  }
  return count
}

test('share evenly, within a tenth', () => {
  const count = shares(['guard-a', 'guard-b', 'guard-c'])
  for (const share of count.values()) assert.ok(share > 2700 && share < 3300, String(share))
  assert.equal(count.size, 3)
})

test('move nothing but the share of the one who left', () => {
  const before = ['guard-a', 'guard-b', 'guard-c']
  for (const key of keys) {
    const owner = ownerOf(key, before)
    if (owner !== 'guard-b') assert.equal(ownerOf(key, ['guard-a', 'guard-c']), owner)
  }
})

test('find the same owner in whatever order the members are', () => {
  for (const key of keys.slice(0, 500))
    assert.equal(ownerOf(key, ['x', 'y', 'z']), ownerOf(key, ['z', 'x', 'y']))
})

test('nobody where there are no members', () => assert.equal(ownerOf('a', []), undefined))
