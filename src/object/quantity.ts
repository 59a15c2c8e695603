const QUANTITY = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,3})?$/
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const DECIMAL: { readonly [suffix: string]: number } = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
}
/** The most that a binary suffix can say; decimal ones have no bound. In units of 10^-9. */
const MOST_BINARY = (2n ** 63n - 1n) * 10n ** 9n

/**
 * A resource quantity in units of 10^-9; undefined for what is none. A number is a quantity too. As apimachinery's
 * ParseQuantity (pkg/api/resource/quantity.go) reads it: exact, finer digits than 10^-9 rounded away from zero. Stricter
 * in two things: it takes `n` and `.` for 0, and exponents of any size.
 */
export function parseQuantity(value: unknown): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return undefined
  const match = QUANTITY.exec(String(value))
  if (match === null) return undefined
  const [, sign, digits = '', suffix = ''] = match
  const nano = magnitude(digits, suffix)
  return sign === '-' ? -nano : nano
}

/** Equal as quantities; false where one is none. */
export function equalQuantity(a: unknown, b: unknown): boolean {
  const left = parseQuantity(a)
  return left !== undefined && left === parseQuantity(b)
}

/** Negative, zero or positive as `a` is less than, equal to or more than `b`; undefined where one is no quantity. */
export function compareQuantity(a: unknown, b: unknown): number | undefined {
  const left = parseQuantity(a)
  const right = parseQuantity(b)
  if (left === undefined || right === undefined) return undefined
  return left < right ? -1 : left > right ? 1 : 0
}

function magnitude(digits: string, suffix: string): bigint {
  const [whole = '', fraction = ''] = digits.split('.')
  const numerator = BigInt(whole + fraction)
  const exponent = 9 - fraction.length
  const binary = BINARY.indexOf(suffix)
  if (binary >= 0) {
    const nano = shifted(numerator * 1024n ** BigInt(binary + 1), exponent)
    return nano > MOST_BINARY ? MOST_BINARY : nano
  }
  const decimal = suffix === '' ? 0 : (DECIMAL[suffix] ?? Number(suffix.slice(1)))
  return shifted(numerator, exponent + decimal)
}

/** numerator × 10^exponent, rounded up. */
function shifted(numerator: bigint, exponent: number): bigint {
  if (exponent >= 0) return numerator * 10n ** BigInt(exponent)
  const denominator = 10n ** BigInt(-exponent)
  return (numerator + denominator - 1n) / denominator
}
