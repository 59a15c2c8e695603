import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { readLines } from './read-lines.ts'

async function* chunks(bytes: Buffer, sizes: readonly number[]) {
  let start = 0
  for (const size of sizes) {
    if (start >= bytes.length) break
    yield bytes.subarray(start, start + size)
    start += size
  }
  if (start < bytes.length) yield bytes.subarray(start)
}

it('give the same lines however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary' })),
      fc.array(fc.integer({ min: 1, max: 9 })),
      async (texts, sizes) => {
        const lines = texts.map((text) => text.replaceAll('\n', ' '))
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const read: string[] = []
        let waits = 0
        for await (const some of readLines(
          chunks(bytes, sizes),
          (isWaiting) => void (waits += isWaiting ? 1 : -1),
        ))
          read.push(...some.map((line) => line.toString()))
        assert.deepEqual(
          read,
          lines.map((line) => Buffer.from(line).toString()),
        )
        assert.equal(waits, 0)
      },
    ),
  )
})

it('leave out a last line that is not complete', async () => {
  const read: string[] = []
  for await (const lines of readLines(chunks(Buffer.from('a\nb'), []), () => undefined))
    read.push(...lines.map((line) => line.toString()))
  assert.deepEqual(read, ['a'])
})
