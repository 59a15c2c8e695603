import type { IncomingMessage } from 'node:http'
import { DecodeError } from './decode-error.ts'

/** Bytes of bodies that are being read, over all requests: the memory that unfinished requests can hold. */
export interface BodyBudget {
  bytes: number
  readonly limit: number
}

/** How much of a body is read. */
export interface BodyLimits {
  /** Bytes of one body. */
  limit: number
  budget: BodyBudget
}

/**
 * Reads a body whole: at most `limit` bytes, and as long as all bodies together stay within the budget.
 * @throws {DecodeError} 413 for a body that is too long, 503 when the budget is spent, 400 for one that breaks off.
 */
export function readBody(request: IncomingMessage, { limit, budget }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLong = () => reject(new DecodeError(413, `the body is longer than ${limit} bytes`))
    if (Number(request.headers['content-length'] ?? 0) > limit) return tooLong()
    const chunks: Buffer[] = []
    let length = 0
    const take = (chunk: Buffer) => {
      length += chunk.length
      budget.bytes += chunk.length
      chunks.push(chunk)
      if (length > limit) stop(tooLong)
      else if (budget.bytes > budget.limit) {
        stop(() => reject(new DecodeError(503, 'too many large requests at a time')))
      }
    }
    const end = () => stop(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    const close = () => stop(() => reject(new DecodeError(400, 'the body broke off')))
    const stop = (settle: () => void) => {
      request.off('data', take).off('end', end).off('close', close)
      budget.bytes -= length
      settle()
    }
    request.on('data', take).on('end', end).on('close', close)
  })
}
