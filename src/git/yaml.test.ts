import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../model/json.ts'
import { parseJson } from '../object/json.ts'
import { readDocuments } from './yaml.ts'

interface Expected {
  json?: string
  error?: string
  duplicate?: string
}

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../test/fixtures/yaml/${name}`, import.meta.url), 'utf8'))
const inputs = fixture('inputs.json') as Record<string, string>
const expected = fixture('expected.json') as Record<string, Expected>

/** Texts that Kubernetes refuses and the parser here takes: nothing is applied from them, so nothing is compared wrongly. */
const LENIENT = new Set(['escape slash', 'directive 1.2', 'tab after dash', 'line separator'])
/** Keys that are the same only once they are text: Go keeps whichever its map yields last. */
const AMBIGUOUS = new Set(['duplicate by type'])

describe('the same as sigs.k8s.io/yaml', () => {
  for (const [name, text] of Object.entries(inputs)) {
    const wanted = expected[name]
    assert(wanted, `expected.json lacks ${name}: run go run . in test/fixtures/yaml`)
    if (LENIENT.has(name)) continue
    test(name, () => {
      const { documents, problems } = readDocuments(text, 'file.yaml')
      const duplicate = wanted.duplicate !== undefined && !name.startsWith('merge')
      if (wanted.error !== undefined || duplicate || AMBIGUOUS.has(name)) {
        assert.equal(problems.length, 1)
        assert.deepEqual(documents, [])
        return
      }
      assert.deepEqual(problems, [])
      assert.deepStrictEqual(documents[0]?.value ?? null, parseJson(wanted.json ?? ''))
    })
  }
})

function values(content: string | Uint8Array): Json[] {
  const { documents, problems } = readDocuments(content, 'f.yaml')
  assert.deepEqual(problems, [])
  return documents.map(({ value }) => value)
}

describe('documents', () => {
  test('have the line of their first content', () => {
    const text = '# head\n\n---\n# about a\na: 1\n---\n---\n# nothing\n---\n\n- b\n...\n---\nc: 1\n'
    const { documents } = readDocuments(text, 'f.yaml')
    assert.deepEqual(
      documents.map(({ value, line }) => [value, line]),
      [
        [{ a: 1 }, 5],
        [['b'], 11],
        [{ c: 1 }, 14],
      ],
    )
  })

  test('count CRLF as one line', () => {
    const { documents } = readDocuments('a: 1\r\n---\r\nb: 2\r\n', 'f.yaml')
    assert.deepEqual(
      documents.map(({ line }) => line),
      [1, 3],
    )
  })

  test('tell the line of a value inside', () => {
    const { documents } = readDocuments('items:\n- a: 1\n  b: 2\n-\n  a: 3\n', 'f.yaml')
    assert.equal(documents[0]?.lineAt(['items', 1]), 5)
    assert.equal(documents[0].lineAt(['items', 0, 'b']), 3)
    assert.equal(documents[0].lineAt(['items', 7, 'b']), 2)
  })

  test('around a broken one are still read, and its line is told', () => {
    const { documents, problems } = readDocuments(
      'a: 1\n---\nb: 1\nc: [\n---\nd: 1\n---\ne: 1\ne: 2\n',
      'f.yaml',
    )
    assert.deepEqual(
      documents.map(({ value }) => value),
      [{ a: 1 }, { d: 1 }],
    )
    assert.equal(problems.length, 2)
    assert.deepEqual(problems[1], { file: 'f.yaml', line: 9, message: 'key "e" is given twice' })
  })

  test('of comments, separators or nothing are none', () => {
    for (const text of ['', '\n', '# a\n', '---\n', '---\n---\n# b\n', '\ufeff', '...\n', '~\n']) {
      assert.deepEqual(values(text), [], JSON.stringify(text))
    }
  })

  test('do not share anchors', () => {
    const { problems } = readDocuments('a: &x 1\n---\nb: *x\n', 'f.yaml')
    assert.deepEqual(problems, [{ file: 'f.yaml', line: 3, message: "unknown anchor 'x' referenced" }])
  })

  test('each own what an anchor repeats', () => {
    const [value] = values('a: &x {p: 1}\nb: *x\n') as [{ a: object; b: object }]
    assert.notEqual(value.a, value.b)
  })
})

describe('bytes', () => {
  test('are refused when they are no UTF-8', () => {
    const { documents, problems } = readDocuments(Buffer.from('a: \xff\xfe\n', 'latin1'), 'f.yaml')
    assert.deepEqual(documents, [])
    assert.match(problems[0]?.message ?? '', /not UTF-8/)
  })

  test('may be UTF-16 with a byte order mark, as libyaml reads it', () => {
    assert.deepEqual(values(Buffer.from('\ufeffa: é\n', 'utf16le')), [{ a: 'é' }])
    assert.deepEqual(values(Buffer.from('\ufeffa: é\n', 'utf16le').swap16()), [{ a: 'é' }])
  })

  test('with a byte order mark are read without it', () => {
    assert.deepEqual(values(Buffer.from('\ufeffa: é\n')), [{ a: 'é' }])
  })
})

describe('bounds', () => {
  const laughs = (levels: number) =>
    `a0: &a0 [x]\n${Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`).join('\n')}\n`

  for (const [name, text] of [
    ['a billion laughs', laughs(9)],
    ['a billion laughs in merges', `${laughs(6).replaceAll('[x]', '{x: 1}')}b: {<<: {c: *a6}}\n`],
    ['flow lists in lists', '['.repeat(100_000)],
    ['closed lists in lists', '['.repeat(3000) + ']'.repeat(3000)],
    ['flow maps in maps', '{a: '.repeat(50_000)],
    ['deep indentation', Array.from({ length: 2500 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
    ['dashes in dashes', '- '.repeat(20_000)],
  ] as const) {
    test(`refuse ${name} soon`, () => {
      const start = performance.now()
      const { documents, problems } = readDocuments(text, 'f.yaml')
      assert.deepEqual(documents, [])
      assert.equal(problems.length, 1)
      assert.ok(problems[0]?.message)
      assert.ok(performance.now() - start < 10_000)
    })
  }

  test('let a large honest file with anchors through', () => {
    const text = `base: &b {x: 1, y: [1, 2, 3]}\nall:\n${'- {<<: *b, z: 1}\n'.repeat(5000)}`
    assert.equal((values(text)[0] as { all: unknown[] }).all.length, 5000)
  })
})

describe('keys', () => {
  test('named __proto__ are plain keys', () => {
    const [value] = values('__proto__: {polluted: true}\na: {__proto__: 1, constructor: 2}\n') as [object]
    assert.deepEqual(Object.keys(value), ['__proto__', 'a'])
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  })
})

test('JSON is read as what it says', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value)
      // YAML has no escape for these in JSON text; a reader refuses the raw character as Kubernetes does.
      fc.pre(!/[\x7f-\x9f\ufffe\uffff\u2028\u2029]|\p{Surrogate}/u.test(text) && value !== null)
      const { documents, problems } = readDocuments(text, 'f.json')
      assert.deepEqual(problems, [])
      assert.deepStrictEqual(documents[0]?.value, parseJson(text))
    }),
  )
})
