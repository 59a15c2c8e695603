import { SendError } from './send-error.ts'

export interface PostRequest {
  url: string
  body: string | Buffer
  headers?: Readonly<Record<string, string>>
  method?: 'POST' | 'PUT'
  signal: AbortSignal
}

export interface PostAnswer {
  status: number
  text: string
  retryAfterMs: number | undefined
}

/** Answers that are longer are cut. */
const ANSWER_BYTES = 16_384

/**
 * Sends a body and returns a successful answer's text.
 *
 * @throws SendError: permanent where the receiver says that this body is wrong (400, 413, 415, 422). A refused identity or an address
 * that is gone is not: whoever runs the guard can put that right, and then it is delivered.
 */
export async function post(request: PostRequest): Promise<PostAnswer> {
  const response = await ask(request)
  const text = await readSome(response).catch(() => '')
  const retryAfterMs = retryAfter(response.headers.get('retry-after')) ?? retryInBody(response, text)
  const { status } = response
  if (response.ok) return { status, text, retryAfterMs }
  const where = hostOf(request.url)
  if (status >= 300 && status < 400) {
    throw new SendError(`${where} answers ${status}, a redirection: configure the URL that it leads to`, {
      answered: true,
    })
  }
  throw new SendError(`${where} answers ${status}${said(text)}`, {
    answered: true,
    permanent: [400, 413, 415, 422].includes(status),
    retryAfterMs,
  })
}

async function ask({ url, body, headers, method = 'POST', signal }: PostRequest): Promise<Response> {
  if (URL.canParse(url) === false) throw new SendError('cannot send as the configured URL is none')
  try {
    return await fetch(url, { method, body, headers: { ...headers }, signal, redirect: 'manual' })
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const { code, name, message } = cause as { code?: string; name?: string; message?: string }
    const why = name === 'TimeoutError' ? 'no answer in time' : (code ?? message ?? name ?? 'unknown error')
    throw new SendError(`cannot reach ${hostOf(url)}: ${why}`)
  }
}

/** The URL's path and query may be the secret. */
export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'the receiver'
}

async function readSome(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array
    chunks.push(bytes)
    size += bytes.length
    if (size > ANSWER_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, ANSWER_BYTES)
}

/** Slack and others say in a word what is wrong; a page says nothing. */
function said(text: string): string {
  const short = text.trim()
  return /^[\w .,:;'"{}[\]()/-]{1,200}$/.test(short) ? `: ${short}` : ''
}

/** Matrix says it in milliseconds, Discord in seconds. */
function retryInBody(response: Response, text: string): number | undefined {
  if (response.status !== 429) return undefined
  const found = /"retry_after(_ms)?"\s*:\s*(\d+(?:\.\d+)?)/.exec(text)
  if (found === null) return undefined
  return Math.ceil(Number(found[2]) * (found[1] === undefined ? 1000 : 1))
}

/** Seconds, or a date. */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined
}
