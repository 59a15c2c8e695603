/** What an agent adds to the kustomization in a source's folder before it builds it. */
import type { Json, JsonObject } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'

/** Fields are those of a kustomization. */
export interface KustomizationEdit {
  /** These stand in place of what the file says. */
  set?: JsonObject | undefined
  /** Lists whose items follow those of the file. */
  append?: { readonly [field: string]: readonly Json[] } | undefined
  /** Lists whose items stand in place of those of the same name. */
  merge?: { readonly [field: string]: readonly JsonObject[] } | undefined
  /** Maps whose keys stand in place of those of the file. */
  assign?: { readonly [field: string]: JsonObject } | undefined
  /** Folders that follow those of the file, by their place from it. */
  components?: { folders: readonly string[]; ignoreMissing: boolean } | undefined
}

/** The kustomization as it is built. A file that is no kustomization stays as it is. */
export function editKustomization(
  value: Json,
  edit: KustomizationEdit,
  isThere: (folder: string) => boolean,
): Json {
  if (!isObject(value)) return value
  const { set, append = {}, merge = {}, assign = {}, components } = edit
  let edited: JsonObject = { ...value, ...set }
  const list = (field: string) => {
    const found = fieldOf(edited, field)
    return Array.isArray(found) ? found : []
  }
  for (const [field, items] of Object.entries(append)) {
    if (items.length > 0) edited = { ...edited, [field]: [...list(field), ...items] }
  }
  for (const [field, items] of Object.entries(merge)) {
    if (items.length > 0) edited = { ...edited, [field]: mergeByName(list(field), items) }
  }
  for (const [field, entries] of Object.entries(assign)) {
    const there = fieldOf(edited, field)
    edited = { ...edited, [field]: { ...(isObject(there) ? there : {}), ...entries } }
  }
  if (components !== undefined) {
    const { folders, ignoreMissing } = components
    const there = folders.filter((folder) => !ignoreMissing || isThere(folder))
    if (there.length > 0) edited = { ...edited, components: [...list('components'), ...there] }
  }
  return edited
}

function mergeByName(there: readonly Json[], items: readonly JsonObject[]): Json[] {
  const merged = [...there]
  for (const item of items) {
    const at = merged.findIndex((other) => fieldOf(other, 'name') === fieldOf(item, 'name'))
    if (at < 0) merged.push(item)
    else merged[at] = item
  }
  return merged
}
