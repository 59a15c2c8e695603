/**
 * Throws generated bodies at the review decoder, and at what follows it: each gives a 4xx or a well-formed answer, and
 * nothing else. 3,000 of them here; `make fuzz` tries a million, or as many as a minute holds (FUZZ_RUNS, FUZZ_SECONDS).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/admission/decode-error.ts'
import { decodeReview } from '../../src/admission/decode.ts'
import { reviewResponse } from '../../src/admission/respond.ts'
import { review } from '../../src/admission/review.ts'
import { judge } from '../../src/policy/judge.ts'
import { testPolicy } from '../admission/test-guard.ts'
import { reviewBody } from '../bench/admission-review.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 3_000)
/** Undefined: as long as it takes, so that a busy machine tries as many. */
const seconds = process.env['FUZZ_SECONDS'] === undefined ? undefined : Number(process.env['FUZZ_SECONDS'])

const policy = testPolicy()
const failures: Error[] = []

/** What came out: the status, or 200 with the answer that the API server would accept. */
function answer(body: Uint8Array): number {
  try {
    const change = decodeReview(body, { kindOf: (_, resource) => KINDS[resource], now: 0 })
    const verdict = review(change, {
      judge: (each) => judge(each, policy),
      ready: () => true,
      whenBlind: () => 'deny',
      onError: (error) => failures.push(error),
    })
    const { response, kind } = JSON.parse(reviewResponse(change, verdict))
    assert.equal(kind, 'AdmissionReview')
    assert.equal(response.uid, change.id)
    assert.equal(typeof response.allowed, 'boolean')
    if (!response.allowed) assert.equal(response.status.code, 403)
    for (const warning of response.warnings ?? []) assert.ok(warning.length > 0 && [...warning].length <= 256)
    for (const value of Object.values(response.auditAnnotations ?? {})) assert.equal(typeof value, 'string')
    return 200
  } catch (error) {
    if (error instanceof DecodeError && error.status >= 400 && error.status < 500) return error.status
    throw error
  }
}

const KINDS: { [resource: string]: string } = {
  __proto__: null as never,
  deployments: 'Deployment',
  pods: 'Pod',
  secrets: 'Secret',
}

const valid = JSON.parse(reviewBody('7f1c7d6e-27c5-4b63-8d5e-57f3a7a3f1aa'))

/** Any JSON, with the keys and values that are likely to matter. */
const key = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'metadata',
    'name',
    'namespace',
    'kind',
    'spec',
    'labels',
    'groups',
    '',
  ),
  fc.string(),
)
const leaf = fc.oneof(
  fc.constantFrom(
    null,
    true,
    '',
    'v1',
    'CREATE',
    'DELETE',
    'CONNECT',
    'scale',
    'status',
    'alice',
    '../..',
    '\u0000\u001b[2J',
  ),
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.integer(),
)
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(key, tie('json'), { maxKeys: 5 }),
  ),
}))

/** One place of a review that was valid: replaced, removed or added to. */
const mutation = fc.record({
  steps: fc.array(fc.nat(), { minLength: 1, maxLength: 9 }),
  how: fc.constantFrom('replace', 'remove', 'add', 'swap'),
  key,
  value: json,
})
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(root: Record<string, unknown>, { steps, how, key, value }: Mutation): void {
  let holder: Record<string, unknown> = root
  let last = 'request'
  for (const step of steps) {
    const keys = Object.keys(holder)
    if (keys.length === 0) break
    last = keys[step % keys.length]!
    const next = holder[last]
    if (typeof next !== 'object' || next === null || step % 7 === 0) break
    if (Object.keys(next).length === 0) break
    holder = next as Record<string, unknown>
    last = Object.keys(holder)[0]!
  }
  const define = (name: string, what: unknown) =>
    Object.defineProperty(holder, name, { value: what, enumerable: true, configurable: true, writable: true })
  if (how === 'remove') delete holder[last]
  else if (how === 'add') define(key, value)
  else if (how === 'swap') define(last, structuredClone(valid.request.object))
  else define(last, value)
}

const mutated = fc.array(mutation, { minLength: 1, maxLength: 4 }).map((mutations) => {
  const body = structuredClone(valid)
  for (const each of mutations) mutate(body, each)
  return Buffer.from(JSON.stringify(body))
})

/** A valid text with bytes changed, cut or doubled. */
const text = Buffer.from(reviewBody('u'))
const damaged = fc
  .record({
    edits: fc.array(fc.record({ at: fc.nat(text.length), bytes: fc.uint8Array({ maxLength: 4 }) }), {
      maxLength: 5,
    }),
    length: fc.oneof(fc.constant(text.length), fc.nat(text.length)),
  })
  .map(({ edits, length }) => {
    const copy = Buffer.from(text)
    for (const { at, bytes } of edits) copy.set(bytes.subarray(0, Math.max(0, copy.length - at)), at)
    return copy.subarray(0, length)
  })

const requestOnly = json.map((request) =>
  Buffer.from(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request })),
)
const nested = fc
  .record({ depth: fc.nat(100_000), open: fc.constantFrom('[', '{"a":', '[{"":'), closed: fc.boolean() })
  .map(({ depth, open, closed }) => Buffer.from(open.repeat(depth) + (closed ? ']'.repeat(depth) : '')))

const body = fc.oneof(
  { arbitrary: mutated, weight: 10 },
  { arbitrary: damaged, weight: 6 },
  { arbitrary: requestOnly, weight: 3 },
  { arbitrary: json.map((value) => Buffer.from(JSON.stringify(value) ?? '')), weight: 2 },
  { arbitrary: fc.uint8Array({ maxLength: 200 }), weight: 2 },
  { arbitrary: nested, weight: 1 },
)

test('any body gets a 4xx or a well-formed answer', (t) => {
  const statuses = new Map<number, number>()
  fc.assert(
    fc.property(body, (bytes) => {
      const status = answer(bytes)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }),
    {
      numRuns: runs,
      ...(seconds === undefined
        ? {}
        : { interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }),
    },
  )
  t.diagnostic([...statuses].map(([status, count]) => `${status}: ${count}`).join(', '))
  assert.ok((statuses.get(200) ?? 0) > 50, 'some bodies were reviews')
  assert.ok((statuses.get(400) ?? 0) > 50, 'some were not')
  assert.deepEqual(
    [...new Set(failures.map(({ stack }) => stack?.split('\n').slice(0, 3).join(' ')))],
    [],
    'no rule failed',
  )
})
