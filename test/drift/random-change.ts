import type { Manifest } from '../../src/model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../../src/model/json.ts'
import { cloneJson, equalJson, fieldOf, isObject, setKey } from '../../src/object/json.ts'
import { groupOf } from '../../src/object/identity.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'

type Steps = readonly (string | number)[]

/** A change that the API server took. */
export interface Made {
  /** Before it. */
  before: KubeObject
  /** JSON Pointers of the leaves that differ after it, by a comparison that knows nothing. */
  paths: string[]
}

/** The API server counts updates of a DaemonSet in it. */
const COUNTED = 'deprecated.daemonset.template.generation'

/** Changes of one object that are tried before it is given up. */
const TRIES = 25

/** Changes one random field of the live object by a PUT, as anybody could; undefined where nothing could be changed. */
export async function changeSomething(
  stage: Stage,
  { object: manifest }: Manifest,
  random: Random,
): Promise<Made | undefined> {
  const path = stage.path(manifest)
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = await stage.must('GET', path)
    const changed = somethingElse(before, random)
    if (changed === undefined || isServers(pointerOf(changed.steps), manifest)) continue
    const answer = await stage.send(
      'PUT',
      `${path}?fieldManager=intruder&fieldValidation=Strict`,
      changed.object,
    )
    if (answer.status >= 300) continue
    const paths = leavesThatDiffer(stateOf(before), stateOf(answer.body as KubeObject)).filter(
      (leaf) => !isServers(leaf, manifest),
    )
    if (paths.length > 0) return { before, paths }
  }
  return undefined
}

/** Whether what was told is what was done: each leaf lies at, above or beneath a told path, and the other way round. */
export function isTold(made: readonly string[], told: readonly string[]): boolean {
  const related = (a: string, b: string) => {
    const [one, other] = [generic(a), generic(b)]
    return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`)
  }
  return (
    told.length > 0 &&
    made.every((path) => told.some((other) => related(path, other))) &&
    told.every((path) => made.some((other) => related(path, other)))
  )
}

/** Items may stand elsewhere in what Git says. */
function generic(pointer: string): string {
  return pointer.replaceAll(/\/\d+(?=\/|$)/g, '/*')
}

function somethingElse(live: KubeObject, random: Random): { object: KubeObject; steps: Steps } | undefined {
  const object = cloneJson(live)
  delete object.metadata['managedFields']
  const kind = random.next()
  if (kind < 0.2) {
    const map = random.pick(['labels', 'annotations'])
    const own = object.metadata[map]
    const values: JsonObject = isObject(own) ? own : {}
    const key =
      random.chance(0.5) || Object.keys(values).length === 0
        ? 'intruder.example/x'
        : random.pick(Object.keys(values))
    setKey(values, key, `x${random.below(1000)}`)
    object.metadata[map] = values
    return { object, steps: ['metadata', map, key] }
  }
  const places = [...placesOf(stateOf(live))].filter(({ steps }) => steps[0] !== 'metadata')
  if (places.length === 0) return undefined
  const { steps, value } = random.pick(places)
  const parent = steps
    .slice(0, -1)
    .reduce<Json | undefined>(
      (at, step) => (typeof step === 'number' ? (at as Json[])[step] : fieldOf(at, step)),
      object,
    )
  const last = steps.at(-1)!
  const other = kind < 0.35 ? undefined : otherThan(value, random)
  if (Array.isArray(parent)) {
    if (other === undefined) parent.splice(last as number, 1)
    else parent[last as number] = other
  } else if (isObject(parent)) {
    if (other === undefined) delete parent[last]
    else setKey(parent, String(last), other)
  }
  return { object, steps }
}

function otherThan(value: Json, random: Random): Json {
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return value + 1 + random.below(3)
  if (typeof value === 'bigint') return value + 1n
  if (typeof value !== 'string') return Array.isArray(value) ? [...value, ...value.slice(0, 1)] : { x: 'y' }
  // A duration or quantity stays one.
  const number = /^(\d+)(\D*)$/.exec(value)
  if (number !== null) return `${Number(number[1]) + 1 + random.below(3)}${number[2]}`
  return `${value}x`
}

/** Every leaf, and every list. */
function* placesOf(value: Json, steps: Steps = []): Generator<{ steps: Steps; value: Json }> {
  if (isObject(value) && Object.keys(value).length > 0) {
    for (const key of Object.keys(value)) yield* placesOf(value[key]!, [...steps, key])
  } else if (Array.isArray(value) && value.length > 0) {
    if (steps.length > 0) yield { steps, value }
    for (const [index, item] of value.entries()) yield* placesOf(item, [...steps, index])
  } else if (steps.length > 0) yield { steps, value }
}

/** What is somebody's to want: no status, nothing that only the server writes. */
function stateOf(object: KubeObject): JsonObject {
  const { labels, annotations, finalizers } = object.metadata
  const state: JsonObject = { ...object }
  delete state['apiVersion']
  delete state['kind']
  delete state['status']
  const notes = isObject(annotations) ? { ...annotations } : {}
  delete notes[COUNTED]
  state['metadata'] = {
    ...(labels === undefined ? {} : { labels }),
    ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }),
    ...(finalizers === undefined ? {} : { finalizers }),
  }
  return state
}

function leavesThatDiffer(before: Json | undefined, after: Json | undefined, path = ''): string[] {
  if (equalJson(before, after)) return []
  const step = (key: string) => `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap((key) => leavesThatDiffer(fieldOf(before, key), fieldOf(after, key), step(key)))
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item, index) => leavesThatDiffer(item, after[index], step(String(index))))
  }
  return [path]
}

/**
 * What nobody is told of, as it is no drift (drift-cases: what the server allocates, the autoscaler's replicas, an aggregated
 * role's rules), and what would take other objects of the same run with it.
 */
function isServers(pointer: string, manifest: KubeObject): boolean {
  const path = generic(pointer)
  if (WRITTEN_BY_CONTROLLERS.test(path)) return true
  switch (`${groupOf(manifest.apiVersion)}/${manifest.kind}`) {
    case '/Service':
      return /^\/spec\/(clusterIPs?|ports\/\*\/nodePort|healthCheckNodePort)/.test(path)
    case '/Secret':
      return manifest['type'] === 'kubernetes.io/service-account-token' && path.startsWith('/data')
    case '/ServiceAccount':
      // Pods that are made get its pull secrets.
      return /^\/(secrets|imagePullSecrets)/.test(path)
    case '/Namespace':
      return path.startsWith('/spec') || path === '/metadata/labels/kubernetes.io/metadata.name'
    case '/PersistentVolumeClaim':
      return /^\/spec\/(volumeName|storageClassName)/.test(path)
    case 'networking.k8s.io/Ingress':
      // Filled in at creation only: one that lacks it may be from before there was a default.
      return path === '/spec/ingressClassName' && fieldOf(manifest['spec'], 'ingressClassName') === undefined
    case '/PersistentVolume':
      // Resizing it is a system controller's job.
      return /^\/spec\/(claimRef|capacity)/.test(path)
    case 'rbac.authorization.k8s.io/ClusterRole':
      return manifest['aggregationRule'] !== undefined && path.startsWith('/rules')
    case 'apiextensions.k8s.io/CustomResourceDefinition':
      return !/^\/metadata|description$|shortNames|categories/.test(path)
    // What others are made with changes what they should be.
    case '/LimitRange':
    case 'networking.k8s.io/IngressClass':
    case 'storage.k8s.io/StorageClass':
    case 'scheduling.k8s.io/PriorityClass':
    case 'node.k8s.io/RuntimeClass':
      return !/^\/metadata\/(labels|annotations($|\/intruder))/.test(path)
    case 'admissionregistration.k8s.io/ValidatingWebhookConfiguration':
    case 'admissionregistration.k8s.io/MutatingWebhookConfiguration':
      return /rules|Selector|matchPolicy|failurePolicy/.test(path)
    case 'batch/Job':
      return /controller-uid|job-name/.test(path)
  }
  return path === '/spec/replicas'
}

/** Notes of the cluster's own controllers and admission about an object. */
const WRITTEN_BY_CONTROLLERS =
  /^\/metadata\/annotations\/((pv|volume|volume\.beta|deployment)\.kubernetes\.io~1|kubernetes\.io~1(limit-ranger|service-account)|deprecated\.daemonset|kubectl\.kubernetes\.io~1last-applied)/

function pointerOf(steps: Steps): string {
  return steps.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
