import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { combineReadings, commitOf, foldersMeet } from './agent-progress-reading.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)

describe('commitOf', () => {
  for (const [text, wanted] of [
    [`main@sha1:${A}`, A],
    [`refs/heads/main@sha1:${A}`, A],
    [`sha1:${A}`, A],
    [`main/${A}`, A],
    [A, A],
    [`main@sha256:${'c'.repeat(64)}`, 'c'.repeat(64)],
    ['main', undefined],
    ['HEAD', undefined],
    ['v1.2.3', undefined],
    [A.slice(1), undefined],
    [`x${A}`, undefined],
    ['', undefined],
    [undefined, undefined],
    [7, undefined],
  ] as const) {
    it(`give ${String(wanted).slice(0, 9)} for ${String(text)}`, () => assert.equal(commitOf(text), wanted))
  }
})

describe('foldersMeet', () => {
  for (const [a, b, wanted] of [
    ['./clusters/prod', 'clusters/prod/', true],
    ['clusters/prod/apps', 'clusters/prod', true],
    ['clusters', 'clusters/prod', true],
    ['', 'clusters/prod', true],
    ['./', '.', true],
    ['clusters/prod', 'clusters/production', false],
    ['clusters/prod', 'clusters/stage', false],
  ] as const) {
    it(`say ${wanted} for "${a}" and "${b}"`, () => assert.equal(foldersMeet(a, b), wanted))
  }
})

describe('combineReadings', () => {
  it('give nothing where no object brings the source in', () => {
    assert.equal(combineReadings([]), undefined)
  })

  it('give the one commit at which all are, applying while one is', () => {
    assert.deepEqual(
      combineReadings([
        { revision: A, state: 'applied' },
        { revision: A, state: 'applying' },
      ]),
      { revision: A, state: 'applying' },
    )
  })

  it('give the newest commit that the agent holds while its objects are at different ones', () => {
    assert.deepEqual(
      combineReadings([
        { revision: A, state: 'applied', newest: B },
        { revision: B, state: 'applied', newest: B },
      ]),
      { revision: B, state: 'applying' },
    )
  })

  it('name no commit where the objects are at different ones and hold different ones', () => {
    assert.deepEqual(
      combineReadings([
        { revision: A, state: 'applied', newest: A },
        { revision: B, state: 'applied', newest: B },
      ]),
      { state: 'applying' },
    )
  })

  it('leave out what is suspended, unless all is', () => {
    const held = { revision: A, state: 'suspended' } as const
    assert.deepEqual(combineReadings([held, { revision: B, state: 'applied' }]), {
      revision: B,
      state: 'applied',
    })
    assert.deepEqual(combineReadings([held, held]), { revision: A, state: 'suspended' })
  })

  it('leave out what says nothing', () => {
    assert.deepEqual(combineReadings([{ state: 'unknown' }]), { state: 'unknown' })
    const said = { revision: B, state: 'applied' } as const
    assert.deepEqual(combineReadings([{ state: 'unknown' }, said]), said)
  })
})
