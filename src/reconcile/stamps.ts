import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { cloneJson, isObject } from '../object/json.ts'
import { agentPresets } from '../policy/presets/agents.ts'
import type { ObjectRef } from '../model/identity.ts'

/** What an agent writes on every object that it brings in, besides the manifest. */
export interface Stamps {
  labels: { readonly [key: string]: string }
  annotations: { readonly [key: string]: string }
  /** Objects carry `kubectl.kubernetes.io/last-applied-configuration`. */
  lastApplied: boolean
}

export const noStamps: Stamps = { labels: {}, annotations: {}, lastApplied: false }

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

/** Argo CD's tracking id names the object, the other stamps name the agent only. */
const trackingId = 'argocd.argoproj.io/tracking-id'

/** Stamps that differ from object to object: a sibling's say nothing. */
const personal: readonly string[] = [
  'configsync.gke.io/declared-fields',
  'configsync.gke.io/resource-id',
  'configmanagement.gke.io/source-path',
]

/**
 * Labels and annotations by which agents know their own objects, so that they prune them when Git drops them: those of
 * the presets, and Helm's, which wants them to adopt an object (helm/helm pkg/action/validate.go).
 */
const stampKeys = {
  labels: [...agentPresets.flatMap(({ stamps }) => stamps.labels), 'app.kubernetes.io/managed-by'],
  annotations: [
    ...agentPresets.flatMap(({ stamps }) => stamps.annotations),
    'meta.helm.sh/release-name',
    'meta.helm.sh/release-namespace',
  ],
}

/** The stamps on a live object that its manifest does not declare. */
export function readStamps(live: KubeObject, manifest: KubeObject): Stamps {
  const read = (field: 'labels' | 'annotations') => {
    const there = strings(live.metadata[field])
    const declared = strings(manifest.metadata[field])
    const found: { [key: string]: string } = {}
    for (const key of stampKeys[field]) {
      const value = there.get(key)
      if (value !== undefined && !declared.has(key)) found[key] = value
    }
    return found
  }
  return {
    labels: read('labels'),
    annotations: read('annotations'),
    lastApplied: strings(live.metadata['annotations']).has(lastAppliedAnnotation),
  }
}

/** The stamps that `stamps`, read from a sibling, would be on this object. */
export function stampsFor(stamps: Stamps, ref: ObjectRef): Stamps {
  const annotations = { ...stamps.annotations }
  for (const key of personal) delete annotations[key]
  const tracking = annotations[trackingId]
  if (tracking === undefined) return { ...stamps, annotations }
  // app-name:group/Kind:namespace/name, where the namespace of a cluster-scoped object is the application's.
  const [app] = tracking.split(':')
  const namespace = ref.namespace || (/^[^:]*:[^:]*:([^/]*)\//.exec(tracking)?.[1] ?? '')
  const id = `${app}:${ref.group}/${ref.kind}:${namespace}/${ref.name}`
  return { ...stamps, annotations: { ...annotations, [trackingId]: id } }
}

/** The manifest with the stamps, as the agent would send it. */
export function stamped(manifest: KubeObject, stamps: Stamps): KubeObject {
  const object = cloneJson(manifest)
  const { metadata } = object
  if (stamps.lastApplied)
    addTo(metadata, 'annotations', { [lastAppliedAnnotation]: lastApplied(manifest, stamps) })
  addTo(metadata, 'labels', stamps.labels)
  addTo(metadata, 'annotations', stamps.annotations)
  return object
}

/**
 * The annotation as `kubectl apply` writes it: the manifest as it was sent, without the annotation itself, with keys in
 * order, annotations at least empty, and a line end. (kubectl pkg/util/apply.go.)
 */
function lastApplied(manifest: KubeObject, stamps: Stamps): string {
  const object = cloneJson(manifest)
  if (!isObject(object.metadata['annotations'])) object.metadata['annotations'] = {}
  delete object.metadata['annotations'][lastAppliedAnnotation]
  addTo(object.metadata, 'labels', stamps.labels)
  addTo(object.metadata, 'annotations', stamps.annotations)
  return `${sorted(object)}\n`
}

/** JSON with sorted keys and the characters escaped that Go's encoder escapes. */
function sorted(value: Json): string {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`
  if (!isObject(value)) return goString(JSON.stringify(value))
  const fields = Object.keys(value)
    .toSorted()
    .map((key) => `${goString(JSON.stringify(key))}:${sorted(value[key]!)}`)
  return `{${fields.join(',')}}`
}

function goString(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function addTo(metadata: JsonObject, field: string, entries: { readonly [key: string]: string }): void {
  if (Object.keys(entries).length === 0) return
  const there = metadata[field]
  metadata[field] = { ...(isObject(there) ? there : {}), ...entries }
}

function strings(value: Json | undefined): Map<string, string> {
  const map = new Map<string, string>()
  if (!isObject(value)) return map
  for (const [key, text] of Object.entries(value)) if (typeof text === 'string') map.set(key, text)
  return map
}
