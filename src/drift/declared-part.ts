import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { Shape } from '../model/path.ts'
import { equalJson, fieldOf, isObject, setKey } from '../object/json.ts'

/** The two sides of a comparison; undefined where there is nothing to compare. */
interface Sides {
  wanted: Json | undefined
  live: Json | undefined
}

/**
 * What is left to compare where the API server cannot be asked what it would store: the fields that the manifest
 * declares, and live's part of them. What the server adds cannot be told from what others add, so additions go unseen:
 * fields, items of keyed lists, members of sets. A null or an empty object says nothing that the server would keep.
 */
export function declaredPart(
  manifest: KubeObject,
  live: KubeObject,
  shape: Shape | undefined,
): { wanted: KubeObject; live: KubeObject } {
  const sides = part(withData(manifest), live, shape)
  return { wanted: sides.wanted as KubeObject, live: sides.live as KubeObject }
}

function part(wanted: Json, live: Json | undefined, shape: Shape | undefined): Sides {
  if (live === undefined || wanted === null)
    return { wanted: saidBy(wanted), live: wanted === null ? undefined : live }
  if (isObject(wanted) && isObject(live)) return partOfObject(wanted, live, shape)
  if (Array.isArray(wanted) && Array.isArray(live)) return partOfList(wanted, live, shape)
  return { wanted, live }
}

function partOfObject(wanted: JsonObject, live: JsonObject, shape: Shape | undefined): Sides {
  const sides = { wanted: {} as JsonObject, live: {} as JsonObject }
  for (const key of Object.keys(wanted)) {
    const fields = shape?.fields
    const known = fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : shape?.items
    const field = part(wanted[key]!, fieldOf(live, key), known)
    if (field.wanted !== undefined) setKey(sides.wanted, key, field.wanted)
    if (field.live !== undefined) setKey(sides.live, key, field.live)
  }
  return sides
}

function partOfList(wanted: Json[], live: Json[], shape: Shape | undefined): Sides {
  const list = shape?.list
  if (list === 'set')
    return { wanted, live: live.filter((item) => wanted.some((other) => equalJson(item, other))) }
  if (typeof list === 'object') return partOfKeyed(wanted, live, list.keys, shape?.items)
  if (wanted.length !== live.length) return { wanted: saidBy(wanted) ?? wanted, live }
  const items = wanted.map((item, index) => part(item, live[index], shape?.items))
  return {
    wanted: items.map((item, index) => item.wanted ?? wanted[index]!),
    live: items.map((item, index) => item.live ?? live[index]!),
  }
}

/** An item is found by the keys that the manifest gives; those that it leaves to the server are the found one's. */
function partOfKeyed(wanted: Json[], live: Json[], keys: readonly string[], shape: Shape | undefined): Sides {
  const left = [...live]
  const sides = { wanted: [] as Json[], live: [] as Json[] }
  for (const item of wanted) {
    const place = left.findIndex((other) =>
      keys.every(
        (key) => fieldOf(item, key) === undefined || equalJson(fieldOf(item, key), fieldOf(other, key)),
      ),
    )
    const found = place < 0 ? undefined : left.splice(place, 1)[0]
    const { wanted: ours, live: theirs } = part(
      isObject(found) ? withKeys(item, found, keys) : item,
      found,
      shape,
    )
    if (ours !== undefined) sides.wanted.push(ours)
    if (theirs !== undefined) sides.live.push(theirs)
  }
  return sides
}

function withKeys(item: Json, found: JsonObject, keys: readonly string[]): Json {
  if (!isObject(item)) return item
  const copy = { ...item }
  for (const key of keys)
    if (copy[key] === undefined && found[key] !== undefined) setKey(copy, key, found[key])
  return copy
}

/** A value without nulls and empty objects; undefined where nothing is left. */
function saidBy(value: Json): Json | undefined {
  if (value === null) return undefined
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((item) => saidBy(item) ?? item)
  }
  if (!isObject(value)) return value
  const copy: JsonObject = {}
  for (const key of Object.keys(value)) {
    const field = saidBy(value[key]!)
    if (field !== undefined) setKey(copy, key, field)
  }
  return Object.keys(copy).length === 0 ? undefined : copy
}

/** A Secret's stringData as the server stores it: in data, over what is there. */
function withData(manifest: KubeObject): KubeObject {
  const texts = manifest['stringData']
  if (manifest.kind !== 'Secret' || manifest.apiVersion !== 'v1' || !isObject(texts)) return manifest
  const data: JsonObject = isObject(manifest['data']) ? { ...manifest['data'] } : {}
  for (const key of Object.keys(texts)) {
    if (typeof texts[key] === 'string') setKey(data, key, base64(texts[key]))
  }
  const copy: KubeObject = { ...manifest, data }
  delete copy['stringData']
  return copy
}

function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)))
}
