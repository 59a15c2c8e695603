import { escapeText } from '../object/text.ts'

/** An error as it may be logged. */
export interface DescribedError {
  type: string
  message: string
  code?: string
  status?: number
  stack?: string
  cause?: DescribedError
}

/**
 * Type, message, code and stack of an error, and of its causes. Bodies of requests and answers, headers and other fields
 * are left out: a Secret may be in them.
 */
export function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error))
    return { type: typeof error, message: escapeText(withoutBody(String(error))) }
  const { code, statusCode, status } = error as { code?: unknown; statusCode?: unknown; status?: unknown }
  const http = [statusCode, status, code].find((value) => typeof value === 'number')
  const stack = stackOf(error)
  return {
    type: escapeText(error.name, 100),
    message: escapeText(withoutBody(error.message), 2000),
    ...(typeof code === 'string' ? { code: escapeText(code, 100) } : {}),
    ...(typeof http === 'number' ? { status: http } : {}),
    ...(stack === '' ? {} : { stack }),
    ...(error.cause === undefined || depth >= 4 ? {} : { cause: describeError(error.cause, depth + 1) }),
  }
}

/** The Kubernetes client puts the answer's body and headers into an error's message. */
function withoutBody(message: string): string {
  return message.replace(/\n?(Body|Headers): [^]*$/, '')
}

/** Frames only: the head of a stack repeats the message. */
function stackOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return frames
    .slice(0, 12)
    .map((line) => line.trim())
    .join('\n')
}
