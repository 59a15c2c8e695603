import type { Actor } from '../model/actor.ts'
import type { Change, Operation } from '../model/change.ts'
import type { GroupVersionResource, ObjectRef } from '../model/identity.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { isObject, parseJson } from '../object/json.ts'
import { DecodeError } from './decode-error.ts'
import { nestsDeeper } from './nesting.ts'

/** What decoding needs to know from outside. */
export interface DecodeFacts {
  /**
   * The kind that a resource holds, from discovery: a review of `deployments/scale` says only Scale. Undefined when
   * it is not known (yet).
   */
  kindOf(group: string, resource: string): string | undefined
  /** Milliseconds since the epoch. */
  now: number
}

/** No manifest nests like that; far from what a stack holds. */
const MAX_NESTING = 500

const OPERATIONS: ReadonlySet<unknown> = new Set(['CREATE', 'UPDATE', 'DELETE', 'CONNECT'])

/**
 * Reads an AdmissionReview of admission.k8s.io/v1 into a Change. Everything in it is data from outside: shapes are
 * checked, names and users are kept as they are.
 *
 * The object and its version are those of `resource` and `kind`, which the API server converts to, not of
 * `requestResource`; with rules for every version the two are the same. `ref.kind` is '' where the kind of a
 * subresource's parent is not known.
 *
 * @throws {DecodeError} for anything else.
 */
export function decodeReview(body: Uint8Array, facts: DecodeFacts): Change {
  const request = requestOf(parse(body))
  const operation = request.operation
  if (!OPERATIONS.has(operation)) {
    throw bad('request.operation must be CREATE, UPDATE, DELETE or CONNECT')
  }
  const resource = groupVersionResource(request.resource)
  const subresource = optionalString(request, 'subResource')
  const object = kubeObject(request, 'object')
  const before = kubeObject(request, 'oldObject')
  const connects = operation === 'CONNECT'
  const options = connects ? object : objectOrNull(request, 'options')
  return {
    id: requiredString(request, 'uid'),
    operation: operation as Operation,
    resource,
    subresource,
    ref: {
      group: resource.group,
      kind: subresource === '' ? kindName(request) : parentKind(request, resource, facts),
      namespace: namespaceOf(request, resource),
      name: nameOf(request, object ?? before),
    },
    ...(before === undefined ? {} : { before }),
    ...(object === undefined || connects ? {} : { after: object }),
    ...(options === undefined ? {} : { options }),
    actor: actorOf(request.userInfo),
    dryRun: request.dryRun === true,
    time: facts.now,
  }
}

function parse(body: Uint8Array): JsonObject {
  if (nestsDeeper(body, MAX_NESTING)) throw bad(`the body nests deeper than ${MAX_NESTING}`)
  let value
  try {
    value = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  } catch (error) {
    // The message of a syntax error quotes the body, which may hold a Secret.
    if (error instanceof SyntaxError || error instanceof RangeError) throw bad('the body is not JSON')
    throw error
  }
  if (!isObject(value)) throw bad('the body is not a JSON object')
  return value
}

function requestOf(review: JsonObject): JsonObject {
  if (own(review, 'kind') !== 'AdmissionReview') throw bad('kind must be AdmissionReview')
  if (own(review, 'apiVersion') !== 'admission.k8s.io/v1') {
    throw bad('apiVersion must be admission.k8s.io/v1: set admissionReviewVersions to [v1]')
  }
  const request = own(review, 'request')
  if (!isObject(request)) throw bad('the review has no request')
  return request
}

/** Of subresources that are the object itself in another guise, the request names the kind; of others, discovery does. */
function parentKind(
  request: JsonObject,
  { group, resource }: GroupVersionResource,
  facts: DecodeFacts,
): string {
  const known = facts.kindOf(group, resource)
  if (known !== undefined) return known
  const own = isObject(request.kind) ? optionalString(request.kind, 'group') === group : false
  return own && SAME_KIND.has(optionalString(request, 'subResource')) ? kindName(request) : ''
}

/** Subresources whose body is the whole object, in Kubernetes' own API and for custom resources. */
const SAME_KIND: ReadonlySet<string> = new Set([
  'status',
  'ephemeralcontainers',
  'resize',
  'finalize',
  'approval',
])

function kindName(request: JsonObject): string {
  if (!isObject(request.kind)) throw bad('request.kind must be an object')
  return requiredString(request.kind, 'kind', 'request.kind.kind')
}

function groupVersionResource(value: unknown): GroupVersionResource {
  if (!isObject(value)) throw bad('request.resource must be an object')
  return {
    group: optionalString(value, 'group', 'request.resource.group'),
    version: requiredString(value, 'version', 'request.resource.version'),
    resource: requiredString(value, 'resource', 'request.resource.resource'),
  }
}

/** The API server gives a Namespace itself as its namespace, though it is cluster-scoped. */
function namespaceOf(request: JsonObject, { group, resource }: GroupVersionResource): string {
  return group === '' && resource === 'namespaces' ? '' : optionalString(request, 'namespace')
}

/** Empty in the request for an item of a deletecollection, and for `generateName`. */
function nameOf(request: JsonObject, object: KubeObject | undefined): ObjectRef['name'] {
  const name = optionalString(request, 'name')
  if (name !== '' || object === undefined) return name
  return optionalString(object.metadata, 'name', 'metadata.name')
}

function actorOf(value: unknown): Actor {
  if (!isObject(value)) throw bad('request.userInfo must be an object')
  const groups = own(value, 'groups') ?? []
  if (!isStrings(groups)) throw bad('request.userInfo.groups must be a list of strings')
  const extra = own(value, 'extra') ?? undefined
  if (extra !== undefined && !(isObject(extra) && Object.values(extra).every(isStrings))) {
    throw bad('request.userInfo.extra must hold lists of strings')
  }
  return {
    username: requiredString(value, 'username', 'request.userInfo.username'),
    groups,
    ...(extra === undefined ? {} : { extra: extra as Record<string, string[]> }),
    authenticated: true,
  }
}

function kubeObject(request: JsonObject, key: 'object' | 'oldObject'): KubeObject | undefined {
  const object = objectOrNull(request, key)
  if (object === undefined) return undefined
  requiredString(object, 'apiVersion', `request.${key}.apiVersion`)
  requiredString(object, 'kind', `request.${key}.kind`)
  const metadata = own(object, 'metadata') ?? {}
  if (!isObject(metadata)) throw bad(`request.${key}.metadata must be an object`)
  // The options of a CONNECT have none.
  object.metadata = metadata
  return object as KubeObject
}

function objectOrNull(request: JsonObject, key: string): JsonObject | undefined {
  const value = own(request, key) ?? undefined
  if (value !== undefined && !isObject(value)) throw bad(`request.${key} must be an object`)
  return value
}

function requiredString(holder: JsonObject, key: string, path = `request.${key}`): string {
  const value = own(holder, key)
  if (typeof value !== 'string' || value === '') throw bad(`${path} must be a string that is not empty`)
  return value
}

function optionalString(holder: JsonObject, key: string, path = `request.${key}`): string {
  const value = own(holder, key) ?? ''
  if (typeof value !== 'string') throw bad(`${path} must be a string`)
  return value
}

/** A key of its own, so that a body cannot be read through what it makes of its prototype. */
function own(holder: JsonObject, key: string) {
  return Object.hasOwn(holder, key) ? holder[key] : undefined
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function bad(message: string): DecodeError {
  return new DecodeError(400, message)
}
