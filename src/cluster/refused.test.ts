import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ApiError } from './api-error.ts'
import { readRefused } from './refused.ts'
import type { Refused } from './refused.ts'

/** As v1.36.3 says them. */
const CASES: readonly [Refused, number, string][] = [
  ['transient', 0, 'connect ECONNREFUSED 127.0.0.1:1'],
  ['transient', 429, 'Too many requests, please try again later.'],
  ['transient', 500, 'Internal error occurred: failed calling webhook "a.example": connection refused'],
  ['transient', 409, 'Operation cannot be fulfilled on configmaps "a": the object has been modified'],
  ['transient', 401, 'Unauthorized'],
  ['pending', 404, 'namespaces "a" not found'],
  [
    'pending',
    403,
    'configmaps "a" is forbidden: unable to create new content in namespace a because it is being terminated',
  ],
  [
    'no-right',
    403,
    'configmaps is forbidden: User "bob" cannot create resource "configmaps" in API group "" in the namespace "a"',
  ],
  [
    'no-right',
    403,
    'roles.rbac.authorization.k8s.io "a" is forbidden: user "bob" (groups=[]) is attempting to grant RBAC permissions not currently held:',
  ],
  ['no-dry-run', 400, 'admission webhook "a.example" does not support dry run'],
  ['no-dry-run', 500, 'Internal error occurred: admission webhook "a.example" does not support dry run'],
  ['admission', 403, 'admission webhook "a.example" denied the request: no'],
  ['admission', 400, 'admission webhook "a.example" denied the request: no'],
  [
    'admission',
    422,
    "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
  ],
  [
    'admission',
    403,
    'pods "a" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
  ],
  ['immutable', 422, 'Deployment.apps "a" is invalid: spec.selector: Invalid value: {}: field is immutable'],
  [
    'immutable',
    422,
    'StatefulSet.apps "a" is invalid: spec: Forbidden: updates to statefulset spec for fields other than \'replicas\' are forbidden',
  ],
  [
    'invalid',
    422,
    'Service "a" is invalid: spec.ports[0].nodePort: Invalid value: 30123: provided port is already allocated',
  ],
  ['invalid', 400, 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal'],
]

for (const [expected, status, serverMessage] of CASES) {
  it(`call ${status} ${serverMessage.slice(0, 60)} ${expected}`, () => {
    assert.equal(readRefused(new ApiError('cannot', { status, reason: '', serverMessage })), expected)
  })
}
