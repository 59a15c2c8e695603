/**
 * What a review costs the guard's process, beside a bare node:https echo of the same body in the same run:
 * `node test/bench/admission-server.ts [reviews] [at a time]`. Connections are kept, as the API server keeps them.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { reviewBody } from './admission-review.ts'

/** Times in milliseconds, CPU in microseconds a review. */
export interface AdmissionBench {
  reviews: number
  errors: number
  perSecond: number
  cpuPerReview: number
  median: number
  p99: number
  max: number
  residentMiB: number
}

export interface AdmissionBenchOptions {
  reviews?: number
  atATime?: number
}

/** Runs both, the echo before and after, so that a machine that gets slower shows. */
export async function benchAdmission(options: AdmissionBenchOptions = {}) {
  const before = await measure('echo', options)
  const guard = await measure('guard', options)
  const after = await measure('echo', options)
  const floor = (before.cpuPerReview + after.cpuPerReview) / 2
  return { guard, echo: after, ratio: guard.cpuPerReview / floor }
}

async function measure(mode: 'guard' | 'echo', options: AdmissionBenchOptions): Promise<AdmissionBench> {
  const { reviews = 10_000, atATime = 64 } = options
  const child = fork(new URL('./admission-child.ts', import.meta.url), [mode])
  try {
    const [{ port, ca }] = (await once(child, 'message')) as [{ port: number; ca: string }]
    const agent = new Agent({ keepAlive: true, maxSockets: atATime, ca })
    await load({ port, agent, reviews: 2000, atATime, mode })
    const start = await usage(child)
    const began = performance.now()
    const { times, errors } = await load({ port, agent, reviews, atATime, mode })
    const ms = performance.now() - began
    const end = await usage(child)
    agent.destroy()
    times.sort((a, b) => a - b)
    return {
      reviews,
      errors,
      perSecond: (reviews / ms) * 1000,
      cpuPerReview: (end.cpu.user + end.cpu.system - start.cpu.user - start.cpu.system) / reviews,
      median: times[Math.floor(times.length / 2)]!,
      p99: times[Math.floor(times.length * 0.99)]!,
      max: times.at(-1)!,
      residentMiB: end.memory / 2 ** 20,
    }
  } finally {
    child.kill()
  }
}

async function usage(child: ChildProcess): Promise<{ cpu: NodeJS.CpuUsage; memory: number }> {
  child.send('usage')
  const [answer] = await once(child, 'message')
  return answer
}

interface Load {
  port: number
  agent: Agent
  reviews: number
  atATime: number
  mode: 'guard' | 'echo'
}

async function load({ port, agent, reviews, atATime, mode }: Load) {
  const times: number[] = []
  let errors = 0
  let next = 0
  const worker = async () => {
    while (next++ < reviews) {
      const uid = randomUUID()
      const start = performance.now()
      const answer = await post({ port, agent, body: reviewBody(uid) }).catch(() => '')
      times.push(performance.now() - start)
      if (!answer.includes(uid) || (mode === 'guard' && !answer.includes('"allowed":false'))) errors++
    }
  }
  await Promise.all(Array.from({ length: atATime }, worker))
  return { times, errors }
}

function post({ port, agent, body }: { port: number; agent: Agent; body: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: 'localhost',
        port,
        agent,
        method: 'POST',
        path: '/validate?timeout=5s',
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve(text))
        response.on('error', reject)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** What was measured, for people. */
export function describeAdmission({
  guard,
  echo,
  ratio,
}: Awaited<ReturnType<typeof benchAdmission>>): string {
  const line = (name: string, bench: AdmissionBench) =>
    [
      name.padEnd(22),
      `${bench.cpuPerReview.toFixed(0)} µs CPU`.padStart(12),
      `${bench.perSecond.toFixed(0)} a second`.padStart(16),
      `median ${bench.median.toFixed(1)} ms`.padStart(18),
      `99% ${bench.p99.toFixed(1)} ms`.padStart(15),
      `worst ${bench.max.toFixed(0)} ms`.padStart(14),
      `${bench.errors} errors`.padStart(10),
      `${bench.residentMiB.toFixed(0)} MiB`.padStart(9),
    ].join('')
  return [
    `${guard.reviews} reviews of ${(reviewBody('').length / 1024).toFixed(1)} KiB`,
    line('guard', guard),
    line('bare node:https echo', echo),
    `CPU per review: ${ratio.toFixed(2)} × the echo`,
  ].join('\n')
}

if (import.meta.main) {
  const [reviews, atATime] = process.argv.slice(2).map(Number)
  const result = await benchAdmission({ ...(reviews ? { reviews } : {}), ...(atATime ? { atATime } : {}) })
  console.log(describeAdmission(result))
}
