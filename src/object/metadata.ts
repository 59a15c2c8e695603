import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { isObject, setKey } from './json.ts'

/**
 * Metadata that the server writes and no client decides: who wrote which field, versions, identity, times, and how far
 * a delete has come.
 */
export const SERVER_METADATA: readonly string[] = [
  'managedFields',
  'resourceVersion',
  'uid',
  'generation',
  'creationTimestamp',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]

const serverMetadata = new Set(SERVER_METADATA)

/** The object without what the server alone writes into its metadata. */
export function withoutServerMetadata(object: KubeObject): KubeObject {
  const metadata: JsonObject = {}
  for (const key of Object.keys(object.metadata)) {
    if (!serverMetadata.has(key)) setKey(metadata, key, object.metadata[key]!)
  }
  return { ...object, metadata }
}

/** What people and agents write, as far as it is compared: without status and what the server alone writes. */
export function comparable(object: KubeObject): KubeObject {
  const copy = withoutServerMetadata(object)
  delete copy['status']
  return copy
}

/** A manifest as it means: no status, no server metadata, nothing null or empty in labels and annotations. */
export function normaliseManifest(manifest: KubeObject): KubeObject {
  const copy = comparable(manifest)
  const metadata: JsonObject = {}
  for (const [key, value] of Object.entries(copy.metadata)) {
    if (value === null) continue
    if ((key === 'labels' || key === 'annotations') && isObject(value) && isEmpty(value)) continue
    setKey(metadata, key, value)
  }
  copy.metadata = metadata
  return copy
}

function isEmpty(map: JsonObject): boolean {
  return Object.values(map).every((value: Json) => value === null)
}
