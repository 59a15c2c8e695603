/** Turns a document's tree into JSON as sigs.k8s.io/yaml does: merge keys, anchors, keys of any type, exact integers. */
import type { Json, JsonObject } from '../../model/json.ts'
import { setKey } from '../../object/json.ts'
import { ALIAS, LIST, MAP, SCALAR, type YamlNode } from './parser.ts'
import { resolveScalar, type Scalar } from './resolve-scalar.ts'
import { YamlSyntaxError } from './syntax-error.ts'

/** What aliases bring in may be as deep as what is written. */
const MAX_DEPTH = 1000
/** More values than any manifest that a server would take (3 MiB) holds. */
const MAX_VALUES = 2_000_000

/** A key that stands twice in a map. Kubernetes takes the last. */
export interface Duplicate {
  key: string
  line: number
}

/** The value of a tree, and the keys that are given twice in it. Throws YamlSyntaxError. */
export function toJson(root: YamlNode): { value: Json; duplicates: readonly Duplicate[] } {
  const reader = new Reader()
  return { value: reader.value(root, 0), duplicates: reader.duplicates }
}

interface Key {
  name: string
  /** 1 and "1" are two keys to Go, and one to JSON. */
  type: Scalar['type']
}

class Reader {
  readonly duplicates: Duplicate[] = []
  readonly #open = new Set<YamlNode>()
  #values = 0
  #aliased = 0
  #inAlias = 0

  value(node: YamlNode, depth: number): Json {
    this.#count(node, depth)
    switch (node.kind) {
      case SCALAR:
        return scalarValue(node)
      case LIST:
        return node.items.map((item) => this.value(item, depth + 1))
      case MAP:
        return this.#entries(node, {}, depth)
      case ALIAS:
        return this.#follow(node, (target) => this.value(target, depth + 1))
    }
  }

  #fail(node: YamlNode, message: string): never {
    throw new YamlSyntaxError(message, node.line)
  }

  /** Billion laughs: the same bounds as go.yaml.in/yaml/v2 has for what comes out of aliases. */
  #count(node: YamlNode, depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(node, `nested more than ${MAX_DEPTH} levels deep`)
    this.#values++
    if (this.#inAlias > 0) this.#aliased++
    if (this.#values > MAX_VALUES) this.#fail(node, 'holds too many values')
    const ratio = this.#aliased / this.#values
    if (this.#aliased > 100 && this.#values > 1000 && ratio > allowedRatio(this.#values))
      this.#fail(node, 'excessive use of aliases')
  }

  #follow<T>(alias: YamlNode, use: (target: YamlNode) => T): T {
    const target = alias.target as YamlNode
    if (this.#open.has(target)) this.#fail(alias, `anchor '${alias.text}' holds itself`)
    this.#open.add(target)
    this.#inAlias++
    try {
      return use(target)
    } finally {
      this.#inAlias--
      this.#open.delete(target)
    }
  }

  /** Go sets keys in the order of the text, so that a merge after a key of its own replaces it. */
  #entries(map: YamlNode, into: JsonObject, depth: number): JsonObject {
    const { items } = map
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index] as YamlNode
      const value = items[index + 1] as YamlNode
      if (isMerge(key)) {
        this.#merge(value, into, depth + 1)
        continue
      }
      const { name, type } = this.#key(key)
      if (Object.hasOwn(into, name)) this.#lookForDuplicate(map, index, { name, type })
      setKey(into, name, this.value(value, depth + 1))
    }
    return into
  }

  /** Among the keys before `index` of the map itself: what a merge brought in may be replaced. */
  #lookForDuplicate({ items }: YamlNode, index: number, { name, type }: Key): void {
    const key = items[index] as YamlNode
    for (let before = 0; before < index; before += 2) {
      const other = items[before] as YamlNode
      if (isMerge(other)) continue
      const known = this.#key(other)
      if (known.name !== name) continue
      // Go keeps whichever its map yields last.
      if (known.type !== type) this.#fail(key, `key ${JSON.stringify(name)} is given twice, of two types`)
      this.duplicates.push({ key: name, line: key.line })
      return
    }
  }

  #merge(node: YamlNode, into: JsonObject, depth: number): void {
    const wanted = 'a merge (<<) takes a map or a list of maps'
    if (node.kind === LIST) {
      // Earlier maps win, so they are set last.
      for (const item of node.items.toReversed()) {
        if (item.kind === LIST) this.#fail(item, wanted)
        this.#merge(item, into, depth)
      }
      return
    }
    this.#count(node, depth)
    if (node.kind === MAP) this.#entries(node, into, depth)
    else if (node.kind === ALIAS) {
      this.#follow(node, (target) => {
        if (target.kind !== MAP) this.#fail(node, wanted)
        this.#entries(target, into, depth)
      })
    } else this.#fail(node, wanted)
  }

  #key(node: YamlNode): Key {
    if (node.kind === SCALAR && !node.plain && node.tag === '') return { name: node.text, type: 'string' }
    if (node.kind === ALIAS) return this.#follow(node, (target) => this.#key(target))
    if (node.kind !== SCALAR) this.#fail(node, 'a key cannot be a map or a list')
    const resolved = resolve(node)
    const { type } = resolved
    switch (type) {
      case 'null':
        this.#fail(node, 'a key cannot be null')
        break
      case 'int':
        if (resolved.value > 2n ** 63n - 1n) this.#fail(node, 'a key cannot be an integer beyond 64 bits')
        return { name: String(resolved.value), type }
      case 'float':
        return { name: formatFloatKey(resolved.value), type }
      default:
        return { name: String(resolved.value), type }
    }
  }
}

function resolve(node: YamlNode): Scalar {
  if (!node.plain && node.tag === '') return { type: 'string', value: node.text }
  try {
    return resolveScalar(node.text, node.tag === '' ? undefined : node.tag)
  } catch (error) {
    throw new YamlSyntaxError((error as Error).message, node.line)
  }
}

function allowedRatio(values: number): number {
  const low = 400_000
  const high = 4_000_000
  if (values <= low) return 0.99
  if (values >= high) return 0.1
  return 0.99 - (0.89 * (values - low)) / (high - low)
}

function isMerge({ kind, text, plain, tag }: YamlNode): boolean {
  return kind === SCALAR && text === '<<' && (plain || tag === 'tag:yaml.org,2002:merge')
}

function scalarValue(node: YamlNode): Json {
  if (!node.plain && node.tag === '') return node.text
  const scalar = resolve(node)
  switch (scalar.type) {
    case 'null':
      return null
    case 'int':
      return exact(scalar.value)
    case 'float':
      if (!Number.isFinite(scalar.value)) {
        throw new YamlSyntaxError('JSON has no infinity and no NaN: quote it if it is text', node.line)
      }
      return floatValue(scalar.value)
    default:
      return scalar.value
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Go writes a float below 1e21 with all its digits, so what is a whole number is an integer to the API server. */
function floatValue(value: number): number | bigint {
  const whole = Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21
  return whole ? BigInt(value.toString()) : value
}

/** As Go's strconv.FormatFloat(x, 'g', -1, 32), with which sigs.k8s.io/yaml writes keys. */
function formatFloatKey(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  const single = Math.fround(value)
  if (!Number.isFinite(single)) return single > 0 ? '.inf' : '-.inf'
  if (single === 0) return Object.is(single, -0) ? '-0' : '0'
  let digits = 1
  while (digits < 9 && Math.fround(Number(single.toExponential(digits - 1))) !== single) digits++
  const [mantissa = '', power = ''] = single.toExponential(digits - 1).split('e')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 6) {
    const size = String(Math.abs(exponent)).padStart(2, '0')
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
  }
  return Number(`${mantissa}e${power}`).toString()
}
