import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../model/json.ts'
import { parseJson } from '../object/json.ts'
import { disagreement, type Stream } from '../../test/fixtures/yaml/disagreement.ts'
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

/** Keys that are the same only once they are text: Go keeps whichever its map yields last. */
const AMBIGUOUS = new Set(['duplicate by type'])

describe('the same as sigs.k8s.io/yaml', () => {
  for (const [name, text] of Object.entries(inputs)) {
    const wanted = expected[name]
    assert(wanted, `expected.json lacks ${name}: run go run . in test/fixtures/yaml`)
    test(name, () => {
      const { documents, problems, notes } = readDocuments(text, 'file.yaml')
      if (wanted.error !== undefined || AMBIGUOUS.has(name)) {
        assert.equal(problems.length, 1)
        assert.deepEqual(documents, [])
        return
      }
      assert.deepEqual(problems, [])
      assert.deepStrictEqual(documents[0]?.value ?? null, parseJson(wanted.json ?? ''))
      const duplicate = wanted.duplicate !== undefined && !name.startsWith('merge')
      assert.equal(
        notes.some(({ message }) => message.includes('given twice')),
        duplicate,
      )
    })
  }
})

test('whole files are read as kubectl reads them, and what it refuses is a problem of that document alone', () => {
  const differing = (fixture('streams.json') as Stream[]).flatMap((stream) => {
    const what = disagreement(stream)
    return what === undefined ? [] : [{ what, ...stream }]
  })
  assert.deepEqual(differing, [])
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
      'a: 1\n---\nb: 1\nc: [\n---\nd: 1\n---\ne: 1\n[e]: 2\n',
      'f.yaml',
    )
    assert.deepEqual(
      documents.map(({ value }) => value),
      [{ a: 1 }, { d: 1 }],
    )
    assert.equal(problems.length, 2)
    assert.deepEqual(problems[1], { file: 'f.yaml', line: 9, message: 'a key cannot be a map or a list' })
  })

  test('of comments, separators or nothing are none', () => {
    for (const text of ['', '\n', '# a\n', '---\n', '---\n---\n# b\n', '\ufeff', '---\n...\n', '~\n']) {
      assert.deepEqual(values(text), [], JSON.stringify(text))
    }
  })

  test('that give a key twice are read as Kubernetes does, and it is said', () => {
    const { documents, problems, notes } = readDocuments('a: 1\n---\nb: 1\nc: {d: 1}\nb: 2\n', 'f.yaml')
    assert.deepEqual(
      documents.map(({ value }) => value),
      [{ a: 1 }, { b: 2, c: { d: 1 } }],
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(notes, [
      { file: 'f.yaml', line: 5, message: 'key "b" is given twice: Kubernetes takes the last' },
    ])
    assert.equal(documents[1]?.lineAt(['b']), 5)
  })

  test('that go on after their end are read up to it, and it is said', () => {
    const { documents, notes } = readDocuments('a: 1\n...\nb: 1\n---\nc: 1\n', 'f.yaml')
    assert.deepEqual(
      documents.map(({ value }) => value),
      [{ a: 1 }, { c: 1 }],
    )
    assert.deepEqual(
      notes.map(({ line }) => line),
      [3],
    )
  })

  test('of JSON have their lines', () => {
    const { documents } = readDocuments('{"a": 1}\n\n{\n"b":\n {"c": "\\/"}\n}\n', 'f.json')
    assert.deepEqual(
      documents.map(({ value, line, lineAt }) => [value, line, lineAt(['b', 'c'])]),
      [
        [{ a: 1 }, 1, 1],
        [{ b: { c: '/' } }, 3, 5],
      ],
    )
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
  test('that are no UTF-8 are a problem of their document alone', () => {
    const { documents, problems } = readDocuments(Buffer.from('a: é\n---\nb: \xff\n', 'latin1'), 'f.yaml')
    assert.equal(problems.length, 2)
    assert.deepEqual(documents, [])
    const mixed = Buffer.concat([Buffer.from('a: é\n---\n'), Buffer.from('b: \xff\n', 'latin1')])
    const read = readDocuments(mixed, 'f.yaml')
    assert.deepEqual(
      read.documents.map(({ value }) => value),
      [{ a: 'é' }],
    )
    assert.deepEqual(read.problems, [{ file: 'f.yaml', line: 3, message: 'is not UTF-8 text' }])
  })

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
