import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpStandIn } from './testing/http-stand-in.ts'
import { slackProblems } from './testing/slack-rules.ts'

/** The full measure is 10,000 violations at 167 a second, with the chat down for 30 s. */
const FULL = process.env['OUTBOX_FULL'] === '1'
const TOTAL = FULL ? 10_000 : 2000
const RATE = FULL ? 167 : 500
const DOWN_MS = FULL ? 30_000 : 1500
const KILLS = FULL ? [12_000, 12_000, 12_000] : [700, 900, 800]

/** How many violations a message tells of, read as a person would. */
function toldBy(body: string): number {
  const payload = JSON.parse(body) as { blocks: { text: { text: string } }[] }
  assert.deepEqual(slackProblems(payload), [])
  const title = payload.blocks[0]!.text.text
  const digest = /(\d+) violations of \d+ object/.exec(title)
  return Number(digest?.[1] ?? / ×(\d+)$/.exec(title)?.[1] ?? 1)
}

test('lose nothing through three SIGKILLs and a chat that is down, counted from outside', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'guard-outbox-'))
  const hook = await httpStandIn()
  const first = await httpStandIn()
  const { port } = first
  const chatUrl = `${first.url}/services/x`
  await first.close()
  const script = new URL('testing/outbox-child.ts', import.meta.url).pathname
  let taken = 0
  const run = async (killAfter: number | undefined) => {
    const args = [script, directory, chatUrl, hook.url, String(taken), String(TOTAL), String(RATE)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    if (killAfter !== undefined) {
      await Promise.race([sleep(killAfter), closed])
      child.kill('SIGKILL')
    }
    await closed
    // What was taken is on disk before its number is out: the last whole line counts.
    const lines = output.slice(0, output.lastIndexOf('\n') + 1).trim()
    if (lines !== '') taken = Number(lines.split('\n').at(-1)) + 1
  }

  let chat: Awaited<ReturnType<typeof httpStandIn>> | undefined
  const opened = sleep(DOWN_MS).then(async () => (chat = await httpStandIn(() => ({}), port)))
  for (const killAfter of KILLS) await run(killAfter)
  await opened
  await run(undefined)
  assert.equal(taken, TOTAL)

  const ids = hook.received.map(({ body }) => (JSON.parse(body) as { id: string }).id)
  const got = new Set(ids)
  const missing = Array.from({ length: TOTAL }, (_, index) => `v${index}`).filter((id) => !got.has(id))
  assert.deepEqual(missing, [])
  const twice = ids.length - got.size
  assert.ok(
    twice <= KILLS.length * 9,
    `${twice} were sent twice, more than were under way when it was killed`,
  )
  const told = chat!.received.reduce((sum, { body }) => sum + toldBy(body), 0)
  assert.ok(told >= TOTAL, `the chat was told of ${told} of ${TOTAL}`)
  assert.ok(told <= TOTAL + twice + KILLS.length * 1000, `the chat was told of ${told} of ${TOTAL}`)
  if (FULL) console.log({ told, messages: chat!.received.length, posted: ids.length, twice })
  await Promise.all([hook.close(), chat!.close(), rm(directory, { recursive: true })])
})
