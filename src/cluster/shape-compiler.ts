/** Compiles the schemas of an OpenAPI v3 document into what comparing needs of them. */
import type { Json, JsonObject } from '../model/json.ts'
import type { Shape } from '../model/path.ts'
import { fieldOf, isObject, setKey } from '../object/json.ts'

type Building = { -readonly [key in keyof Shape]: Shape[key] }

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
/** Of the pattern that controller-gen writes for a quantity in a CRD. */
const QUANTITY_PATTERN = '[KMGTPE]i'
const REF = '#/components/schemas/'

/**
 * Shapes of one document's schemas. A schema that others refer to is compiled once and shared; one that refers to itself gives a shape
 * that does, so follow shapes along data only.
 */
export class ShapeCompiler {
  readonly #schemas: JsonObject
  /** Null where the schema says nothing that matters. */
  readonly #compiled = new Map<string, Shape | null>()
  readonly #underWay = new Map<string, Building>()

  constructor(document: Json) {
    const schemas = fieldOf(fieldOf(document, 'components'), 'schemas')
    this.#schemas = isObject(schemas) ? schemas : {}
  }

  /** By kind, for those of a group and version. */
  kinds(group: string, version: string): Map<string, Shape> {
    const shapes = new Map<string, Shape>()
    for (const [name, schema] of Object.entries(this.#schemas)) {
      const kinds = fieldOf(schema, 'x-kubernetes-group-version-kind')
      // Options such as DeleteOptions belong to every group.
      if (!Array.isArray(kinds) || kinds.length !== 1) continue
      const [only] = kinds
      if (fieldOf(only, 'group') !== group || fieldOf(only, 'version') !== version) continue
      shapes.set(String(fieldOf(only, 'kind')), this.#named(name) ?? {})
    }
    return shapes
  }

  #named(name: string): Shape | undefined {
    if (name === QUANTITY) return { quantity: true }
    const done = this.#compiled.get(name)
    if (done !== undefined) return done ?? undefined
    const underWay = this.#underWay.get(name)
    if (underWay !== undefined) return underWay
    const building: Building = {}
    this.#underWay.set(name, building)
    Object.assign(building, this.#compile(fieldOf(this.#schemas, name)))
    this.#underWay.delete(name)
    const shape = Object.keys(building).length > 0 ? building : null
    this.#compiled.set(name, shape)
    return shape ?? undefined
  }

  #compile(schema: Json | undefined): Shape | undefined {
    if (!isObject(schema)) return undefined
    const target = referenceOf(schema)
    if (target !== undefined) return this.#named(target)
    if (isQuantity(schema)) return { quantity: true }
    const shape: Building = {}
    const list = schema['type'] === 'array' ? listOf(schema) : undefined
    if (list !== undefined) shape.list = list
    const items = this.#compile(schema['items'] ?? schema['additionalProperties'])
    if (items !== undefined) shape.items = items
    const fields = this.#fields(schema['properties'])
    if (fields !== undefined) shape.fields = fields
    return Object.keys(shape).length > 0 ? shape : undefined
  }

  #fields(properties: Json | undefined): { [key: string]: Shape } | undefined {
    if (!isObject(properties)) return undefined
    const fields: { [key: string]: Shape } = {}
    for (const key of Object.keys(properties)) {
      const shape = this.#compile(properties[key])
      if (shape !== undefined) setKey(fields as unknown as JsonObject, key, shape as unknown as Json)
    }
    return Object.keys(fields).length > 0 ? fields : undefined
  }
}

function referenceOf(schema: JsonObject): string | undefined {
  const reference = schema['$ref']
  if (typeof reference === 'string') return reference.slice(REF.length)
  const all = schema['allOf']
  return Array.isArray(all) && all.length === 1 && isObject(all[0]) ? referenceOf(all[0]) : undefined
}

function isQuantity(schema: JsonObject): boolean {
  const pattern = schema['pattern']
  return typeof pattern === 'string' && pattern.includes(QUANTITY_PATTERN) && schema['type'] !== 'object'
}

/** Kinds whose lists have no `x-kubernetes-list-type` may still say how a strategic merge patch tells their items apart. */
function listOf(schema: JsonObject): Shape['list'] | undefined {
  const keys = schema['x-kubernetes-list-map-keys']
  const type = schema['x-kubernetes-list-type']
  if (type === 'map' && Array.isArray(keys)) return { keys: keys.map(String) }
  if (type === 'set') return 'set'
  if (type === 'atomic') return 'atomic'
  if (schema['x-kubernetes-patch-strategy'] === undefined) return undefined
  const mergeKey = schema['x-kubernetes-patch-merge-key']
  return typeof mergeKey === 'string' ? { keys: [mergeKey] } : 'set'
}
