/** The names in the subject of a certificate request. A subject may hold several of each; any of them counts. */
export interface Subject {
  commonNames: string[]
  organizations: string[]
}

const commonName = '\x55\x04\x03'
const organization = '\x55\x04\x0a'

/**
 * Reads the subject of a PKCS#10 request as the API server takes it: base64 of PEM. Undefined where it cannot be read;
 * then nobody should assume that it is harmless. Knows just enough DER to get there (RFC 2986, X.690): definite lengths,
 * one-byte tags.
 */
export function requestedSubject(request: unknown): Subject | undefined {
  if (typeof request !== 'string' || request.length > 100_000) return undefined
  const der = decodePem(request)
  if (der === undefined) return undefined
  try {
    const info = children(children({ bytes: der, start: 0, end: der.length })[0]!, sequence)[0]!
    const name = children(info, sequence)[1]!
    return readName(name)
  } catch {
    return undefined
  }
}

function readName(name: Node): Subject {
  const subject: Subject = { commonNames: [], organizations: [] }
  for (const set of children(name, sequence)) {
    for (const attribute of children(set, 0x31)) {
      const [type, value] = children(attribute, sequence)
      const oid = latin1(type!)
      if (type!.tag !== 0x06) throw new Error('no object identifier')
      if (oid === commonName) subject.commonNames.push(readText(value!))
      if (oid === organization) subject.organizations.push(readText(value!))
    }
  }
  return subject
}

interface Node {
  bytes: Uint8Array
  start: number
  end: number
  tag?: number
}

const sequence = 0x30

/** What a constructed value holds. @throws Error where lengths do not fit or the tag is another. */
function children({ bytes, start, end, tag }: Node, expected?: number): Node[] {
  if (expected !== undefined && tag !== expected) throw new Error('another tag')
  const nodes: Node[] = []
  let at = start
  while (at < end) {
    const tag = bytes[at++]!
    if ((tag & 0x1f) === 0x1f) throw new Error('a tag of several bytes')
    let length = bytes[at++]
    if (length === undefined) throw new Error('no length')
    if (length > 0x7f) {
      let octets = length & 0x7f
      if (octets === 0 || octets > 4) throw new Error('an indefinite or huge length')
      length = 0
      while (octets-- > 0) length = length * 256 + (bytes[at++] ?? Number.NaN)
    }
    if (!(at + length <= end)) throw new Error('longer than what holds it')
    nodes.push({ bytes, start: at, end: at + length, tag })
    at += length
  }
  return nodes
}

function readText(node: Node): string {
  const raw = node.bytes.subarray(node.start, node.end)
  switch (node.tag) {
    case 0x0c: // UTF8String
      return new TextDecoder('utf-8', { fatal: true }).decode(raw)
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x14: // T61String
    case 0x16: // IA5String
      return latin1(node)
    case 0x1e: {
      // BMPString: two bytes a character
      let text = ''
      for (let at = 0; at + 1 < raw.length; at += 2)
        text += String.fromCharCode(raw[at]! * 256 + raw[at + 1]!)
      return text
    }
    default:
      throw new Error('a text of unknown kind')
  }
}

function latin1({ bytes, start, end }: Node): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}

function decodePem(request: string): Uint8Array | undefined {
  try {
    const pem = atob(request)
    const body = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([^-]*)-----END/.exec(pem)?.[1]
    if (body === undefined) return undefined
    // Headers of old PEM end with an empty line.
    const base64 = body.includes(':') ? body.slice(body.indexOf('\n\n')) : body
    return Uint8Array.from(atob(base64.replaceAll(/\s/g, '')), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
