/** What an agent does to what kustomize built: variables, common metadata, and objects that it leaves alone. */
import type { Json, JsonObject } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { substitute, SubstitutionError } from './envsubst.ts'
import type { KustomizeSpec } from './source-spec.ts'
import { readDocuments } from './yaml.ts'

/** By this label or annotation a manifest says that nothing is to be replaced in it (fluxcd/pkg/kustomize). */
const OPT_OUT = 'kustomize.toolkit.fluxcd.io/substitute'

/** Replaces the variables in the text of one document; undefined where there are none. Throws SubstitutionError. */
export function substitution(
  variables: NonNullable<KustomizeSpec['variables']>,
): ((text: string) => string) | undefined {
  if (variables.length === 0) return undefined
  for (const [name] of variables) {
    if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name))
      throw new SubstitutionError(`${JSON.stringify(name.slice(0, 100))} is no name of a variable`)
  }
  const known = new Map(variables)
  return (text) => (text.includes(OPT_OUT) && optsOut(text) ? text : substitute(text, known))
}

function optsOut(text: string): boolean {
  return readDocuments(text, '').documents.some(({ value }) => says(value, OPT_OUT, ['disabled']))
}

/** The object as it is applied; undefined where the agent leaves it alone. */
export function finished(value: Json, { metadata, leaveOut = [] }: KustomizeSpec = {}): Json | undefined {
  if (leaveOut.some(({ key, values }) => says(value, key, values))) return undefined
  if (metadata === undefined || !isObject(value)) return value
  let about: JsonObject = isObject(value['metadata']) ? value['metadata'] : {}
  for (const field of ['labels', 'annotations'] as const) {
    const added = metadata[field]
    if (added === undefined || Object.keys(added).length === 0) continue
    const there = fieldOf(about, field)
    about = { ...about, [field]: { ...(isObject(there) ? there : {}), ...added } }
  }
  return { ...value, metadata: about }
}

/** As fluxcd/pkg/ssa compares: the case of the value does not matter. */
function says(value: Json, key: string, values: readonly string[]): boolean {
  const metadata = fieldOf(value, 'metadata')
  return ['labels', 'annotations'].some((field) => {
    const text = fieldOf(fieldOf(metadata, field), key)
    return typeof text === 'string' && values.some((one) => one.toLowerCase() === text.toLowerCase())
  })
}
