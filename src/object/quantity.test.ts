import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareQuantity, equalQuantity, parseQuantity } from './quantity.ts'

/** What apimachinery v0.36.3 answers to `ParseQuantity(text).AsDec()`: the decimal number, or null for an error. */
const fromGo = JSON.parse(readFileSync(new URL('fixtures/quantities.json', import.meta.url), 'utf8')) as [
  string,
  string | null,
][]

/** A plain decimal text in units of 10^-9. */
function nano(text: string): bigint {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,9})0*)?$/.exec(text)!
  const magnitude = BigInt(whole + fraction.padEnd(9, '0'))
  return sign === '-' ? -magnitude : magnitude
}

test('read every quantity as Kubernetes reads it', () => {
  for (const [text, answer] of fromGo) {
    assert.equal(parseQuantity(text), answer === null ? undefined : nano(answer), JSON.stringify(text))
  }
})

test('the same amount in other units is equal', () => {
  const same: [unknown, unknown][] = [
    ['1000m', '1'],
    ['0.5', '500m'],
    ['3072Mi', '3Gi'],
    ['1e3', '1k'],
    [1, '1'],
    [0.25, '250m'],
    ['-0', 0],
    [10n ** 18n, '1E'],
  ]
  for (const [a, b] of same) assert.equal(equalQuantity(a, b), true, `${String(a)} ${String(b)}`)
})

test('what is no quantity is equal to none', () => {
  for (const value of ['', 'abc', '1 Gi', '1gi', null, true, {}, undefined]) {
    assert.equal(equalQuantity(value, value), false)
  }
  assert.equal(equalQuantity('1G', '1Gi'), false)
})

test('quantities are the rational numbers that they say', () => {
  const factor: { [suffix: string]: [bigint, bigint] } = {
    '': [1n, 1n],
    m: [1n, 1000n],
    k: [1000n, 1n],
    G: [10n ** 9n, 1n],
  }
  factor['Ki'] = [1024n, 1n]
  factor['Gi'] = [2n ** 30n, 1n]
  factor['e-2'] = [1n, 100n]
  factor['E5'] = [100_000n, 1n]
  const amount = fc.record({
    whole: fc.bigInt(0n, 10n ** 6n),
    fraction: fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 6 }),
    suffix: fc.constantFrom(...Object.keys(factor)),
    negative: fc.boolean(),
  })
  type Amount = typeof amount extends fc.Arbitrary<infer T> ? T : never
  const text = ({ whole, fraction, suffix, negative }: Amount) =>
    `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}${suffix}`
  const rational = ({ whole, fraction, suffix, negative }: Amount): [bigint, bigint] => {
    const [over, under] = factor[suffix]!
    const numerator = BigInt(`${whole}${fraction}`) * over
    return [negative ? -numerator : numerator, 10n ** BigInt(fraction.length) * under]
  }
  fc.assert(
    fc.property(amount, amount, (a, b) => {
      const [an, ad] = rational(a)
      const [bn, bd] = rational(b)
      const expected = an * bd < bn * ad ? -1 : an * bd > bn * ad ? 1 : 0
      assert.equal(compareQuantity(text(a), text(b)), expected)
    }),
  )
})
