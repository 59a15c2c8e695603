/**
 * A process to be killed: appends violations `from` to `to` to an outbox, a few a tick, and writes each one's number to standard
 * output once it was taken. Arguments: folder, chat URL, webhook URL, from, to, how many a second.
 */
import { writeSync } from 'node:fs'
import { Outbox } from '../outbox.ts'
import { slackWebhook } from '../slack.ts'
import { webhook } from '../webhook.ts'
import { someViolation } from './violations.ts'

const [directory, chat, hook, from, to, rate] = process.argv.slice(2)
const url = (value: string | undefined) => ({ read: () => Promise.resolve(value ?? '') })
const outbox = new Outbox({
  directory: directory!,
  targets: [
    { name: 'slack', provider: { ...slackWebhook({ url: url(chat) }), interval: 100 } },
    { name: 'webhook', provider: webhook({ url: url(hook) }) },
  ],
  times: {
    bundle: { window: 200, burst: 200, hold: 1000, holdMost: 4000 },
    backoff: { least: 100, most: 1000 },
  },
  onProblem: (problem, error) => process.stderr.write(`${problem} ${String(error)}\n`),
})
outbox.start()

let next = Number(from)
const timer = setInterval(() => {
  for (let left = Math.ceil(Number(rate) / 100); left > 0 && next < Number(to); left--, next++) {
    const name = next % 10 < 5 ? 'web' : `web-${next}`
    outbox.append(
      someViolation({
        id: `v${next}`,
        time: new Date().toISOString(),
        object: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name },
      }),
    )
    writeSync(1, `${next}\n`)
  }
  if (next < Number(to) || outbox.waiting().some(([, count]) => count > 0)) return
  clearInterval(timer)
  void outbox.stop()
}, 10)
