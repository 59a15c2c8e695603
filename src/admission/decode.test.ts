import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from './decode-error.ts'
import { decodeReview } from './decode.ts'

const kinds = new Map([
  ['apps/deployments', 'Deployment'],
  ['/pods', 'Pod'],
  ['/serviceaccounts', 'ServiceAccount'],
])
const facts = { kindOf: (group: string, resource: string) => kinds.get(`${group}/${resource}`), now: 1234 }
const decode = (body: unknown) =>
  decodeReview(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), facts)

const request = {
  uid: 'b6a7e7a1-0000-4000-8000-000000000001',
  kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
  resource: { group: 'apps', version: 'v1', resource: 'deployments' },
  name: 'web',
  namespace: 'shop',
  operation: 'UPDATE',
  userInfo: { username: 'alice', groups: ['developers'], extra: { scopes: ['a'] } },
  object: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 2 } },
  oldObject: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 1 } },
  dryRun: false,
  options: { apiVersion: 'meta.k8s.io/v1', kind: 'UpdateOptions' },
}
const review = (changed: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { ...request, ...changed },
})

test('an update becomes a change with both objects and the actor', () => {
  assert.deepEqual(decode(review()), {
    id: request.uid,
    operation: 'UPDATE',
    resource: request.resource,
    subresource: '',
    ref: { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' },
    before: request.oldObject,
    after: request.object,
    options: request.options,
    actor: {
      username: 'alice',
      groups: ['developers'],
      extra: { scopes: ['a'] },
      authenticated: true,
    },
    dryRun: false,
    time: 1234,
  })
})

test('a scale names its parent, with the kind that discovery knows', () => {
  const scale = {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'web' },
    spec: { replicas: 9 },
  }
  const { ref, subresource, after } = decode(
    review({
      subResource: 'scale',
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      object: scale,
    }),
  )
  assert.deepEqual(ref, { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' })
  assert.equal(subresource, 'scale')
  assert.deepEqual(after, scale)
})

test('a scale of a resource that discovery does not know has no kind', () => {
  const { ref } = decode(
    review({
      subResource: 'scale',
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      resource: { group: 'x.dev', version: 'v1', resource: 'widgets' },
    }),
  )
  assert.equal(ref.kind, '')
})

test('the status of a resource that discovery does not know has the kind of its body', () => {
  const { ref } = decode(
    review({
      subResource: 'status',
      kind: { group: 'x.dev', version: 'v1', kind: 'Widget' },
      resource: { group: 'x.dev', version: 'v1', resource: 'widgets' },
    }),
  )
  assert.equal(ref.kind, 'Widget')
})

test('a delete has no object after it', () => {
  const change = decode(review({ operation: 'DELETE', object: null }))
  assert.equal(change.after, undefined)
  assert.deepEqual(change.before, request.oldObject)
})

test('a delete whose old object is missing is still a delete of that name', () => {
  const change = decode(review({ operation: 'DELETE', object: null, oldObject: null }))
  assert.equal(change.before, undefined)
  assert.equal(change.ref.name, 'web')
})

test("an item of a deletecollection has its old object's name", () => {
  const change = decode(review({ operation: 'DELETE', name: '', object: null }))
  assert.equal(change.ref.name, 'web')
})

test("a generated name is the object's", () => {
  const object = { ...request.object, metadata: { generateName: 'web-', name: 'web-x1' } }
  assert.equal(decode(review({ operation: 'CREATE', name: '', object, oldObject: null })).ref.name, 'web-x1')
  const nameless = { ...request.object, metadata: { generateName: 'web-' } }
  assert.equal(decode(review({ operation: 'CREATE', name: '', object: nameless })).ref.name, '')
})

test('a connect has its options and no object', () => {
  const object = { apiVersion: 'v1', kind: 'PodExecOptions', command: ['sh'], stdin: true }
  const change = decode(
    review({
      operation: 'CONNECT',
      subResource: 'exec',
      kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      object,
      oldObject: null,
      options: null,
    }),
  )
  assert.equal(change.ref.kind, 'Pod')
  assert.equal(change.after, undefined)
  assert.equal(change.options?.command instanceof Array, true)
})

test('a Namespace is in no namespace, though the review says it is in itself', () => {
  const change = decode(
    review({
      kind: { group: '', version: 'v1', kind: 'Namespace' },
      resource: { group: '', version: 'v1', resource: 'namespaces' },
      name: 'shop',
      namespace: 'shop',
    }),
  )
  assert.deepEqual(change.ref, { group: '', kind: 'Namespace', namespace: '', name: 'shop' })
})

test('integers beyond 2^53 stay exact', () => {
  const text = JSON.stringify(review()).replace('"replicas":2', '"replicas":9007199254740993')
  assert.equal((decode(text).after?.spec as Record<string, unknown>)['replicas'], 9007199254740993n)
})

test('names and users are kept as they are, however odd', () => {
  const username = 'ali\u001b[31mce\n<!channel>'
  const change = decode(review({ userInfo: { username, groups: [] }, name: '../x' }))
  assert.equal(change.actor.username, username)
  assert.equal(change.ref.name, '../x')
})

test('keys named __proto__ are data: nothing is read through them and nothing is polluted', () => {
  const text = JSON.stringify(review()).replace(
    '"spec":{',
    '"__proto__":{"polluted":1},"spec":{"__proto__":{"a":1},',
  )
  const { after } = decode(text)
  assert.ok(Object.hasOwn(after!, '__proto__'))
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  const request = '{"__proto__":{"operation":"CONNECT","uid":"x"}}'
  assert.throws(
    () => decode(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":${request}}`),
    DecodeError,
  )
})

test('the last of two equal keys counts, as it does for the API server', () => {
  assert.equal(decode(JSON.stringify(review()).replace('{', '{"kind":"Other",')).ref.name, 'web')
})

const refused: [string, unknown, RegExp][] = [
  ['no body', '', /not JSON/],
  ['what is not JSON', '{"kind":', /not JSON/],
  ['a list', '[]', /not a JSON object/],
  ['null', 'null', /not a JSON object/],
  ['another kind', { ...review(), kind: 'Pod' }, /kind must be/],
  ['v1beta1', { ...review(), apiVersion: 'admission.k8s.io/v1beta1' }, /admissionReviewVersions/],
  ['no request', { ...review(), request: undefined }, /no request/],
  ['a request that is a list', { ...review(), request: [] }, /no request/],
  ['no uid', review({ uid: undefined }), /request\.uid/],
  ['an empty uid', review({ uid: '' }), /request\.uid/],
  ['a uid that is a number', review({ uid: 7 }), /request\.uid/],
  ['an unknown operation', review({ operation: 'PATCH' }), /request\.operation/],
  ['no operation', review({ operation: undefined }), /request\.operation/],
  ['an operation that is an object', review({ operation: {} }), /request\.operation/],
  ['no resource', review({ resource: null }), /request\.resource/],
  ['a resource without a name', review({ resource: { version: 'v1' } }), /request\.resource\.resource/],
  ['no kind', review({ kind: null }), /request\.kind/],
  ['a name that is a list', review({ name: [] }), /request\.name/],
  ['no user', review({ userInfo: null }), /request\.userInfo/],
  ['a user without a name', review({ userInfo: { groups: [] } }), /username/],
  ['groups that are no list', review({ userInfo: { username: 'a', groups: 'system:masters' } }), /groups/],
  ['extra that holds no lists', review({ userInfo: { username: 'a', extra: { a: 'b' } } }), /extra/],
  ['an object that is a string', review({ object: 'x' }), /request\.object/],
  ['an object without a kind', review({ object: { apiVersion: 'v1', metadata: {} } }), /object\.kind/],
  ['an object without a version', review({ object: { kind: 'Pod', metadata: {} } }), /object\.apiVersion/],
  [
    'metadata that is a list',
    review({ object: { apiVersion: 'v1', kind: 'Pod', metadata: [] } }),
    /metadata/,
  ],
]
for (const [what, body, message] of refused) {
  test(`refuse ${what} with a 400 that says why`, () => {
    assert.throws(
      () => decode(body),
      (error) => error instanceof DecodeError && error.status === 400 && message.test(error.message),
    )
  })
}

test('refuse a body that nests a hundred thousand deep, and one that nests beyond any manifest', () => {
  for (const depth of [501, 100_000]) {
    const text = JSON.stringify(review()).replace(
      '"replicas":2',
      `"deep":${'['.repeat(depth)}${']'.repeat(depth)}`,
    )
    assert.throws(() => decode(text.padEnd(9000)), /nests deeper/)
  }
  assert.throws(() => decode('['.repeat(1e5)), DecodeError)
  assert.throws(() => decode('{"a":'.repeat(1e5)), DecodeError)
})

test('brackets in strings are no nesting', () => {
  const text = JSON.stringify(review({ name: '[{\\"'.repeat(2000) }))
  assert.equal(decode(text).ref.name.length, 8000)
})

test('the message of a refused body quotes nothing of it', () => {
  assert.throws(
    () => decode('{"data":{"password":"hunter2"'),
    (error) => error instanceof Error && !error.message.includes('hunter2'),
  )
})
