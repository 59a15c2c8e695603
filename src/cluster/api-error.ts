/** The API server's refusal, or a failure on the way to it. */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { escapeText } from '../object/text.ts'

export interface ApiErrorInfo {
  /** HTTP status; 0 where there was no answer. */
  status: number
  /** As the API server names it: `NotFound`, `Conflict`, `Invalid`, ...; '' where it says nothing. */
  reason: string
  details?: JsonObject | undefined
  retryAfterSeconds?: number | undefined
  /** The API server's own words, without what was asked of it. */
  serverMessage: string
}

/** Why a request did not do what it should. Its message names the object and holds no Secret's value. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly reason: string
  readonly details: JsonObject | undefined
  readonly retryAfterSeconds: number | undefined
  readonly serverMessage: string

  constructor(message: string, info: ApiErrorInfo, options?: ErrorOptions) {
    super(message, options)
    this.status = info.status
    this.reason = info.reason
    this.details = info.details
    this.retryAfterSeconds = info.retryAfterSeconds
    this.serverMessage = info.serverMessage
  }

  /** Repeating the request later may help: no answer, too many requests, or a server in trouble. */
  get transient(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500
  }
}

/** A webhook of somebody's cannot be reached: nothing that it is asked about can be written, nor tried. */
export function isWebhookDown(error: unknown): error is ApiError {
  return (
    error instanceof ApiError && error.status >= 500 && /failed calling webhook/.test(error.serverMessage)
  )
}

/** Reads the body of an answer that is no success. */
export function readStatus(
  status: number,
  body: Json | undefined,
  retryAfter: string | undefined,
): ApiErrorInfo {
  const reason = fieldOf(body, 'reason')
  const message = fieldOf(body, 'message')
  const details = fieldOf(body, 'details')
  const inBody = fieldOf(details, 'retryAfterSeconds')
  const seconds = retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : inBody
  return {
    status,
    reason: typeof reason === 'string' ? reason : '',
    details: isObject(details) ? details : undefined,
    retryAfterSeconds: typeof seconds === 'number' ? seconds : undefined,
    serverMessage: typeof message === 'string' ? escapeText(message, 4096) : `HTTP status ${status}`,
  }
}

/** A message without the values of the Secret that was sent, plain or in base64. */
export function withoutSecretValues(message: string, sent: KubeObject | undefined): string {
  if (!isSecret(sent)) return message
  let clean = message
  for (const value of secretTexts(sent)) clean = clean.replaceAll(value, '***')
  return clean
}

export function isSecret(object: KubeObject | undefined): object is KubeObject {
  return object?.kind === 'Secret' && object.apiVersion === 'v1'
}

function secretTexts(secret: KubeObject): string[] {
  const texts = new Set<string>()
  for (const [field, encoded] of [
    ['data', true],
    ['stringData', false],
  ] as const) {
    const map = fieldOf(secret, field)
    for (const value of isObject(map) ? Object.values(map) : []) {
      const text = typeof value === 'string' ? value : JSON.stringify(String(value))
      for (const form of encoded ? [text, Buffer.from(text, 'base64').toString()] : [text]) {
        texts.add(form)
        texts.add(escapeText(form, 4096))
        // As Go quotes it.
        texts.add(JSON.stringify(form).slice(1, -1))
      }
    }
  }
  // The longest first, so that a value inside another does not cut it. Very short ones would hit words.
  return [...texts].filter((text) => text.length > 2).toSorted((a, b) => b.length - a.length)
}
