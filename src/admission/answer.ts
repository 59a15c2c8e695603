import type { ServerResponse } from 'node:http'

/** Answers with JSON text: nothing that Express would add, since a review is answered thousands of times a second. */
export function answerJson(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent || response.destroyed) return
  response.sendDate = false
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  })
  // As text: head and body then go out as one.
  response.end(text)
}

/** Answers that a request was no good; the connection ends, since its body may not have been read. */
export function answerError(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent || response.destroyed) return
  response.setHeader('Connection', 'close')
  if (status === 405) response.setHeader('Allow', 'POST')
  if (status === 429 || status === 503) response.setHeader('Retry-After', '1')
  answerJson(response, status, JSON.stringify({ error: message }))
}
