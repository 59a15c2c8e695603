/**
 * What a review costs the guard's process, beside a bare node:https echo of the same body in the same run:
 * `node test/bench/admission-server.ts [reviews] [at a time]`. Connections are kept, as the API server keeps them.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { reviewBody } from './admission-review.ts'
import { quantile } from './quantile.ts'

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

/** Batches of each in turn, so that a machine that gets slower or faster does so for both. */
const BATCHES = 20

/** Runs both in turns, each in a process of its own. */
export async function benchAdmission({ reviews = 10_000, atATime = 64 }: AdmissionBenchOptions = {}) {
  const servers = [await Measured.start('guard', atATime), await Measured.start('echo', atATime)] as const
  try {
    for (const server of servers) await server.warmUp(4000)
    for (let batch = 0; batch < BATCHES; batch++)
      for (const server of batch % 2 === 0 ? servers : servers.toReversed())
        await server.run(Math.ceil(reviews / BATCHES))
    const [guard, echo] = [await servers[0].result(), await servers[1].result()]
    return { guard, echo, ratio: guard.cpuPerReview / echo.cpuPerReview }
  } finally {
    for (const server of servers) server.stop()
  }
}

/** One of the two servers, and what was measured of it so far. */
class Measured {
  readonly #child: ChildProcess
  readonly #target: Omit<Load, 'reviews'>
  readonly #times: number[] = []
  #errors = 0
  #ms = 0
  #cpu = 0

  private constructor(child: ChildProcess, target: Omit<Load, 'reviews'>) {
    this.#child = child
    this.#target = target
  }

  static async start(mode: 'guard' | 'echo', atATime: number): Promise<Measured> {
    const child = fork(new URL('./admission-child.ts', import.meta.url), [mode])
    const [{ port, ca }] = (await once(child, 'message')) as [{ port: number; ca: string }]
    const agent = new Agent({ keepAlive: true, maxSockets: atATime, ca })
    return new Measured(child, { port, agent, atATime, mode })
  }

  async warmUp(reviews: number): Promise<void> {
    await load({ ...this.#target, reviews })
  }

  async run(reviews: number): Promise<void> {
    const before = await this.#usage()
    const began = performance.now()
    const { times, errors } = await load({ ...this.#target, reviews })
    this.#ms += performance.now() - began
    const after = await this.#usage()
    this.#cpu += after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system
    this.#times.push(...times)
    this.#errors += errors
  }

  async result(): Promise<AdmissionBench> {
    const times = this.#times.toSorted((a, b) => a - b)
    const { memory } = await this.#usage()
    return {
      reviews: times.length,
      errors: this.#errors,
      perSecond: (times.length / this.#ms) * 1000,
      cpuPerReview: this.#cpu / times.length,
      median: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      max: times.at(-1)!,
      residentMiB: memory / 2 ** 20,
    }
  }

  stop(): void {
    this.#target.agent.destroy()
    this.#child.kill()
  }

  async #usage(): Promise<{ cpu: NodeJS.CpuUsage; memory: number }> {
    this.#child.send('usage')
    const [answer] = await once(this.#child, 'message')
    return answer
  }
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
