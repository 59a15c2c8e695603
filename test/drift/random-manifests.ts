import { customResources, manifests } from '../../src/cluster/testing/kinds.ts'
import type { Json, JsonObject, KubeObject } from '../../src/model/json.ts'
import { cloneJson, isObject, setKey } from '../../src/object/json.ts'
import type { Random } from './random.ts'
import { messageOf, type Stage } from './stage.ts'

/** Kinds whose name is their content, or that others of the set need by their name. */
const NAMED = [
  'CustomResourceDefinition',
  'APIService',
  'Namespace',
  'ServiceAccount',
  'ResourceQuota',
  'LimitRange',
]

/** Manifests of some fifty kinds in `copies` versions each, none like the next, all such as the API server takes. */
export async function randomManifests(stage: Stage, random: Random, copies: number): Promise<KubeObject[]> {
  const made: KubeObject[] = []
  for (const base of [...manifests(), ...customResources()]) {
    for (let copy = 0; copy < copies; copy++) {
      if (copy > 0 && NAMED.includes(base.kind)) continue
      const object = cloneJson(base)
      if (copy > 0) object.metadata['name'] = `${String(base.metadata['name'])}-${copy}`
      // Other objects are made by these.
      const changes = ['CustomResourceDefinition', 'LimitRange', 'APIService'].includes(base.kind)
        ? 0
        : random.below(4)
      for (let change = changes; change > 0; change--) {
        const other = varied(object, random)
        // Before its namespace or definition is there nothing can be tried.
        if (await isTaken(stage, other)) Object.assign(object, other)
      }
      made.push(object)
    }
  }
  return made
}

async function isTaken(stage: Stage, object: KubeObject): Promise<boolean> {
  if (!stage.serves(object.apiVersion, object.kind)) return false
  const probe = {
    ...object,
    metadata: { ...object.metadata, name: `${String(object.metadata['name'])}-probe` },
  }
  const path = `${stage.collection(object)}?dryRun=All&fieldValidation=Strict`
  const answer = await stage.send('POST', path, NAMED.includes(object.kind) ? object : probe)
  return answer.status < 300 || (answer.status === 409 && messageOf(answer).includes('already exists'))
}

/** The manifest with one thing written otherwise: a label, an annotation, a number, a text, a switch, a field left out. */
function varied(object: KubeObject, random: Random): KubeObject {
  const copy = cloneJson(object)
  if (random.chance(0.3)) {
    const map = random.pick(['labels', 'annotations'])
    const own = copy.metadata[map]
    copy.metadata[map] = {
      ...(isObject(own) ? own : {}),
      [`example.org/k${random.below(9)}`]: `v${random.below(99)}`,
    }
    return copy
  }
  const places = [...leaves(copy)]
  if (places.length === 0) return copy
  const { parent, key } = random.pick(places)
  const value = (parent as JsonObject)[key]!
  if (random.chance(0.2) && isObject(parent)) delete parent[key]
  else if (typeof value === 'boolean') (parent as JsonObject)[key] = !value
  else if (typeof value === 'number') (parent as JsonObject)[key] = value + random.below(5)
  else if (typeof value === 'string')
    (parent as JsonObject)[key] = /^\d+\D*$/.test(value) ? `1${value}` : `${value}${random.below(9)}`
  else if (isObject(parent)) setKey(parent, key, null)
  return copy
}

function* leaves(value: Json, top = true): Generator<{ parent: Json; key: string }> {
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    if (top && ['apiVersion', 'kind', 'metadata', 'status'].includes(key)) continue
    const inside = (value as JsonObject)[key]!
    if (typeof inside === 'object' && inside !== null && Object.keys(inside).length > 0)
      yield* leaves(inside, false)
    else yield { parent: value, key }
  }
}
