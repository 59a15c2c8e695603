/** A mail as a reader sees it. Header names in lower case, each with all its values. */
export interface Mail {
  headers: ReadonlyMap<string, string[]>
  text: string
  html: string
}

/** Reads a mail of RFC 5322 with a multipart/alternative body, from its bytes as latin1. */
export function readMail(raw: string): Mail {
  const { headers, body } = part(raw)
  const boundary = /boundary="?([^";]+)"?/.exec(headers.get('content-type')?.[0] ?? '')?.[1]
  const parts =
    boundary === undefined
      ? []
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((one) => part(one.replace(/^\r\n/, '')))
  const find = (type: string) => parts.find((one) => one.headers.get('content-type')?.[0]?.startsWith(type))
  return { headers, text: decoded(find('text/plain')), html: decoded(find('text/html')) }
}

interface Part {
  headers: Map<string, string[]>
  body: string
}

function part(raw: string): Part {
  const end = raw.indexOf('\r\n\r\n')
  const headers = new Map<string, string[]>()
  for (const line of raw
    .slice(0, end)
    .replaceAll(/\r\n[ \t]/g, ' ')
    .split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), words(line.slice(colon + 1).trim())])
  }
  return { headers, body: raw.slice(end + 4) }
}

/** Encoded words of RFC 2047. */
function words(value: string): string {
  return value
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_whole, encoding: string, text: string) =>
      encoding.toLowerCase() === 'b'
        ? Buffer.from(text, 'base64').toString('latin1')
        : quoted(text.replaceAll('_', ' ')),
    )
    .replaceAll(/[\u0080-\u00ff]+/g, (bytes) => Buffer.from(bytes, 'latin1').toString('utf8'))
}

function decoded(one: Part | undefined): string {
  if (one === undefined) return ''
  const encoding = one.headers.get('content-transfer-encoding')?.[0] ?? '7bit'
  const body = one.body.replace(/\r\n$/, '')
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : Buffer.from(encoding === 'quoted-printable' ? quoted(body) : body, 'latin1')
  return bytes.toString('utf8')
}

function quoted(text: string): string {
  return text
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/gi, (_whole, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}
