import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ThreadStore } from './threads.ts'

const root = mkdtempSync(join(tmpdir(), 'guard-threads-'))
after(() => rmSync(root, { recursive: true, force: true }))

describe('threads', () => {
  test('outlive the process, a torn line too', () => {
    const file = join(root, 'a', 'slack.jsonl')
    const first = new ThreadStore({ file })
    first.set('web', '1.1')
    first.set('__proto__', '2.2')
    first.set('gone', '3.3')
    first.delete('gone')
    appendFileSync(file, '["web","9')
    const second = new ThreadStore({ file })
    assert.equal(second.get('web'), '1.1')
    assert.equal(second.get('__proto__'), '2.2')
    assert.equal(second.get('gone'), undefined)
  })

  test('are bounded, in memory and on disk: the one that was used least lately goes', () => {
    const file = join(root, 'bounded.jsonl')
    const threads = new ThreadStore({ file, most: 10 })
    for (let index = 0; index < 100; index++) {
      threads.set('kept', '0')
      threads.set(`o${index}`, String(index))
    }
    assert.equal(threads.get('kept'), '0')
    assert.equal(threads.get('o99'), '99')
    assert.equal(threads.get('o50'), undefined)
    assert.ok(readFileSync(file, 'utf8').split('\n').length <= 22)
    assert.equal(new ThreadStore({ file, most: 10 }).get('o99'), '99')
  })

  test('end when nobody wrote into them for a week', () => {
    let now = 0
    const threads = new ThreadStore({ now: () => now })
    threads.set('web', '1.1')
    now = 6 * 86_400_000
    assert.equal(threads.get('web'), '1.1')
    now = 8 * 86_400_000
    assert.equal(threads.get('web'), undefined)
  })

  test('are no failure where the disk takes nothing', () => {
    const threads = new ThreadStore({ file: '/dev/null/slack.jsonl' })
    threads.set('web', '1.1')
    assert.equal(threads.get('web'), '1.1')
  })
})
