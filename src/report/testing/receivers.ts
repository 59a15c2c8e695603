import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Violation } from '../../model/violation.ts'
import type { Message } from '../message.ts'

/** Short times for tests. */
export const TIMES = {
  bundle: { window: 30, burst: 30, hold: 100, holdMost: 400 },
  backoff: { least: 10, most: 40 },
  timeout: 1000,
}

/** A chat that keeps what it is told; `answer` may throw. */
export function chat(answer: (message: Message) => void | Promise<void> = () => undefined) {
  const messages: Message[] = []
  const provider = {
    takes: 'messages' as const,
    interval: 5,
    send: async (message: Message) => {
      await answer(message)
      messages.push(message)
    },
  }
  const ids = () => messages.flatMap((message) => message.ids)
  return { provider, messages, ids, count: () => messages.reduce((sum, { count }) => sum + count, 0) }
}

/** A machine that keeps what it is told; `answer` may throw. */
export function machine(answer: (violation: Violation) => void | Promise<void> = () => undefined) {
  const got: Violation[] = []
  const send = async (violation: Violation) => {
    await answer(violation)
    got.push(violation)
  }
  return {
    provider: { takes: 'violations' as const, parallel: 4, send },
    got,
    ids: () => got.map(({ id }) => id),
  }
}

/** Waits until something comes true, half a minute at most. */
export async function until(condition: () => boolean, what = 'it'): Promise<void> {
  for (const deadline = Date.now() + 30_000; !condition();) {
    assert.ok(Date.now() < deadline, `${what} did not come true in time`)
    await sleep(5)
  }
}
