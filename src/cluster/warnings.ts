/** The `Warning` headers of an answer (RFC 7234: `299 - "text"`), as texts. */
import type { IncomingMessage } from 'node:http'

export function readWarnings(response: Pick<IncomingMessage, 'headersDistinct'>): string[] {
  const texts: string[] = []
  for (const header of response.headersDistinct['warning'] ?? []) {
    for (const match of header.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)) {
      texts.push(match[1]!.replace(/\\(.)/g, '$1'))
    }
  }
  return texts
}
