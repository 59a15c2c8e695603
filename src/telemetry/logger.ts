import { Writable } from 'node:stream'
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino'
import pretty from 'pino-pretty'
import { escapeText } from '../object/text.ts'
import { describeError } from './describe-error.ts'

export type Logger = PinoLogger

export interface LoggerOptions {
  level: string
  /** For people instead of machines. */
  pretty?: boolean
  color?: boolean
  /** Default: standard output. */
  destination?: DestinationStream
}

/** Fields whose value is never written, wherever they are. */
const SECRET =
  /^(authorization|cookie|password|passwd|token|secret|secrets|key|privatekey|private_key|stringdata|apikey|api_key)$/i

/**
 * The logger: JSON lines, or lines for people. Text from outside is made harmless, errors are reduced to what may be shown,
 * values under the name of a secret are not written.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { level, color = false, destination } = options
  const stream = options.pretty
    ? pretty({
        colorize: color,
        translateTime: 'SYS:HH:MM:ss.l',
        ignore: 'pid,hostname',
        sync: true,
        ...(destination === undefined ? {} : { destination: asStream(destination) }),
      })
    : destination
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      // Errors are described below already; pino's own serializer would append the causes' messages.
      serializers: { err: (described: unknown) => described },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => harmless(fields, 0) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          method.apply(
            this,
            args.map((arg: unknown) =>
              typeof arg === 'string' ? escapeText(arg, 4000) : arg,
            ) as typeof args,
          )
        },
      },
    },
    ...(stream === undefined ? [] : [stream as DestinationStream]),
  )
  // pino formats neither a child's fields as it does those of a line, nor those of a child's child.
  const child = logger.child
  logger.child = function (this: Logger, fields: object, childOptions?: object) {
    return child.call(this, harmless(fields, 0) as object, childOptions)
  } as typeof child
  return logger
}

function asStream(destination: DestinationStream): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      destination.write(String(chunk))
      done()
    },
  })
}

function harmless(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return escapeText(value, 4000)
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Error) return describeError(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value.toISOString()
  if (Buffer.isBuffer(value)) return `(${value.length} bytes)`
  if (depth >= 6) return '(deep)'
  if (Array.isArray(value)) return value.slice(0, 100).map((item: unknown) => harmless(item, depth + 1))
  const entries = Object.entries(value).map(([key, item]: [string, unknown]) => [
    escapeText(key, 200),
    SECRET.test(key) && item !== undefined ? '(secret)' : harmless(item, depth + 1),
  ])
  return Object.fromEntries(entries) as unknown
}
