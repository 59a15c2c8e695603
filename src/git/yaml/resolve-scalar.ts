/** What a YAML scalar means to Kubernetes: the rules of go.yaml.in/yaml/v2 (`resolve.go`), which sigs.k8s.io/yaml reads by. */

/** `float` keeps apart what Go holds as a float64, as keys are written differently then. */
export type Scalar =
  | { type: 'null' }
  | { type: 'bool'; value: boolean }
  | { type: 'int'; value: bigint }
  | { type: 'float'; value: number }
  | { type: 'string'; value: string }

const WORDS = new Map<string, Scalar>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    (word): [string, Scalar] => [word, { type: 'bool', value: true }],
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (word): [string, Scalar] => [word, { type: 'bool', value: false }],
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, Scalar] => [word, { type: 'null' }]),
  ...['.nan', '.NaN', '.NAN'].map((word): [string, Scalar] => [word, { type: 'float', value: NaN }]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word): [string, Scalar] => [
    word,
    { type: 'float', value: Infinity },
  ]),
  ...['-.inf', '-.Inf', '-.INF'].map((word): [string, Scalar] => [word, { type: 'float', value: -Infinity }]),
])

const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
// Go's ParseFloat, which takes underscores between digits only.
const DOT_FLOAT = /^\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?$/
const TIMESTAMP =
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})| +[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?)?$/

const MIN_INT = -(2n ** 63n)
const MAX_INT = 2n ** 63n - 1n
const MAX_UINT = 2n ** 64n - 1n

const TAG = 'tag:yaml.org,2002:'

/**
 * What `text` stands for under an explicit `tag` (`tag:yaml.org,2002:int`, ...) or, with none, as a plain scalar.
 * Throws an Error where the tag cannot hold the text, as Go does.
 */
export function resolveScalar(text: string, tag: string | undefined): Scalar {
  const wanted = tag?.startsWith(TAG) ? tag.slice(TAG.length) : tag
  switch (wanted) {
    case undefined:
      return resolvePlain(text)
    case 'binary':
      return { type: 'string', value: decodeBinary(text) }
    case 'bool':
    case 'int':
    case 'float':
    case 'null': {
      const found = resolvePlain(text)
      if (found.type === wanted) return found
      if (wanted === 'float' && found.type === 'int') return { type: 'float', value: Number(found.value) }
      throw new Error(`cannot read this !!${found.type} as a !!${wanted}`)
    }
    case 'timestamp':
      if (TIMESTAMP.test(text)) return { type: 'string', value: text }
      throw new Error('cannot read this as a !!timestamp')
    default:
      return { type: 'string', value: text }
  }
}

function resolvePlain(text: string): Scalar {
  const word = WORDS.get(text)
  if (word) return word
  const first = text.charAt(0)
  if (first === '.')
    return DOT_FLOAT.test(text) ? floatOr(text.replaceAll('_', ''), text) : { type: 'string', value: text }
  if (!/[-+0-9]/.test(first) || TIMESTAMP.test(text)) return { type: 'string', value: text }

  const digits = text.replaceAll('_', '')
  const integer = parseInteger(digits)
  if (integer !== undefined) return { type: 'int', value: integer }
  return FLOAT.test(digits) ? floatOr(digits, text) : { type: 'string', value: text }
}

/** Out of a double's range is no number for Go. */
function floatOr(digits: string, text: string): Scalar {
  const value = Number(digits)
  return Number.isFinite(value) ? { type: 'float', value } : { type: 'string', value: text }
}

/** As Go's strconv.ParseInt(s, 0, 64), then ParseUint: prefixes 0b, 0o, 0x, and 0 for octal. */
function parseInteger(digits: string): bigint | undefined {
  const match = /^([-+]?)(0[bB][01]+|0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[0-7]+|0|[1-9][0-9]*)$/.exec(digits)
  if (!match) return undefined
  const [, sign = '', body = ''] = match
  const octal = /^0[0-7]+$/.test(body)
  const size = BigInt(octal ? `0o${body.slice(1)}` : body.toLowerCase())
  const value = sign === '-' ? -size : size
  const max = sign === '' ? MAX_UINT : MAX_INT
  return value >= MIN_INT && value <= max ? value : undefined
}

function decodeBinary(text: string): string {
  const packed = text.replace(/[\r\n]/g, '')
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(packed)) {
    throw new Error('!!binary value holds no valid base64')
  }
  return Buffer.from(packed, 'base64').toString('utf8')
}
