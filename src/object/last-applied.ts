import type { Json, KubeObject } from '../model/json.ts'
import { equalJson, isObject, parseJson } from './json.ts'
import { normaliseManifest } from './metadata.ts'

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * Whether the annotation that client-side apply keeps says the same as the manifest. The namespace does not count: a
 * manifest may leave it to its source.
 */
export function sameAsManifest(annotation: unknown, manifest: KubeObject): boolean {
  if (typeof annotation !== 'string') return false
  const value = parsed(annotation)
  return (
    isObject(value) && isObject(value['metadata']) && equalJson(meant(value as KubeObject), meant(manifest))
  )
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

function meant(object: KubeObject): KubeObject {
  const copy = normaliseManifest(object)
  delete copy.metadata['namespace']
  return copy
}
