/** Licences under which packages may be shipped: each asks for no more than that its text goes along (dist/THIRD-PARTY.txt). */
const ACCEPTED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT-0',
  'PSF-2.0',
  'Python-2.0',
  'Unlicense',
])

/**
 * Whether an SPDX expression lets us choose accepted licences only: `(BSD-3-Clause OR GPL-2.0)` does, `MIT AND GPL-3.0` does not. What
 * cannot be read is not accepted.
 */
export function isAccepted(expression: unknown): boolean {
  if (typeof expression !== 'string') return false
  const tokens = expression.match(/\(|\)|[^\s()]+/g) ?? []
  const any = (): boolean => {
    let accepted = all()
    while (tokens[0] === 'OR') {
      tokens.shift()
      accepted = all() || accepted
    }
    return accepted
  }
  const all = (): boolean => {
    let accepted = one()
    while (tokens[0] === 'AND') {
      tokens.shift()
      accepted = one() && accepted
    }
    return accepted
  }
  const one = (): boolean => {
    const token = tokens.shift()
    if (token !== '(') return ACCEPTED.has(token ?? '')
    const accepted = any()
    return tokens.shift() === ')' && accepted
  }
  return any() && tokens.length === 0
}
