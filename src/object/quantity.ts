/**
 * Kubernetes' resource quantities (apimachinery pkg/api/resource): a decimal number and a suffix, exact to 10^-9, finer
 * digits rounded away from zero.
 */
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

/** The quantity in units of 10^-9; undefined for what is none. A number is a quantity too. */
export function parseQuantity(value: unknown): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return undefined
  const match = QUANTITY.exec(String(value))
  if (match === null) return undefined
  const [, sign, digits = '', suffix = ''] = match
  const [whole = '', fraction = ''] = digits.split('.')
  let numerator = BigInt(whole + fraction || '0')
  let exponent = 9 - fraction.length
  if (BINARY.includes(suffix)) numerator *= 1024n ** BigInt(BINARY.indexOf(suffix) + 1)
  else if (/^[eE][+-]?\d/.test(suffix)) exponent += Number(suffix.slice(1))
  else if (suffix !== '') exponent += DECIMAL[suffix]!
  const nano =
    exponent >= 0 ? numerator * 10n ** BigInt(exponent) : divideUp(numerator, 10n ** BigInt(-exponent))
  return sign === '-' ? -nano : nano
}

/** Equal as quantities; false where one is none. */
export function equalQuantity(a: unknown, b: unknown): boolean {
  const left = parseQuantity(a)
  return left !== undefined && left === parseQuantity(b)
}

function divideUp(numerator: bigint, denominator: bigint): bigint {
  return (numerator + denominator - 1n) / denominator
}
