import type { KubeObject } from '../model/json.ts'
import { equalJson, isObject, parseJson } from './json.ts'
import { normaliseManifest } from './metadata.ts'

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Whether the annotation that client-side apply keeps says the same as the manifest. */
export function sameAsManifest(annotation: unknown, manifest: KubeObject): boolean {
  if (typeof annotation !== 'string') return false
  let value
  try {
    value = parseJson(annotation)
  } catch {
    return false
  }
  if (!isObject(value) || !isObject(value['metadata'])) return false
  const { namespace: _a, ...written } = normaliseManifest(value as KubeObject).metadata
  const { namespace: _b, ...declared } = normaliseManifest(manifest).metadata
  return (
    equalJson(written, declared) &&
    equalJson(
      { ...normaliseManifest(value as KubeObject), metadata: {} },
      { ...normaliseManifest(manifest), metadata: {} },
    )
  )
}
