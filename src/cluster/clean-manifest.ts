/** A manifest as it is sent to the API server. */
import type { JsonObject, KubeObject } from '../model/json.ts'
import { fieldOf, isObject, setKey } from '../object/json.ts'
import { comparable } from '../object/metadata.ts'

/** Without status and what only the server may say; in its namespace, or in none. */
export function cleanManifest(manifest: KubeObject, namespace: string): KubeObject {
  const clean = comparable(manifest)
  if (namespace === '') delete clean.metadata['namespace']
  else clean.metadata['namespace'] = namespace
  return clean
}

/** What can be said of the stored form without asking: a Secret's `stringData` becomes `data`, nulls are nothing. */
export function declaredForm(manifest: KubeObject): KubeObject {
  const form = withoutNulls(manifest) as KubeObject
  const texts = fieldOf(form, 'stringData')
  if (form.kind !== 'Secret' || form.apiVersion !== 'v1' || !isObject(texts)) return form
  const given = fieldOf(form, 'data')
  const data: JsonObject = isObject(given) ? { ...given } : {}
  for (const [key, value] of Object.entries(texts)) {
    setKey(data, key, Buffer.from(String(value)).toString('base64'))
  }
  delete form['stringData']
  form['data'] = data
  return form
}

function withoutNulls(object: JsonObject): JsonObject {
  const copy: JsonObject = {}
  for (const [key, value] of Object.entries(object)) {
    if (value === null) continue
    setKey(copy, key, isObject(value) ? withoutNulls(value) : value)
  }
  return copy
}
