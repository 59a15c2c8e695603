/** Turns a parsed YAML document into JSON as sigs.k8s.io/yaml does: merge keys, anchors, keys of any type, exact integers. */
import { isAlias, isMap, isScalar, isSeq, Scalar } from 'yaml'
import type { Alias, Document, Node, YAMLMap } from 'yaml'
import type { Json } from '../model/json.ts'
import { resolveScalar } from './yaml-scalar.ts'
import type { Scalar as Resolved } from './yaml-scalar.ts'

/** Kubernetes' own JSON decoder gives up at 10,000; no manifest comes near this. */
const MAX_DEPTH = 1000
/** More values than any manifest that a server would take (3 MiB) holds. */
const MAX_VALUES = 2_000_000

/** A place in a document that Kubernetes could not read. */
export class YamlValueError extends Error {
  override name = 'YamlValueError'
  readonly offset: number

  /** @param offset of the place, in UTF-16 units from the start of the text. */
  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/** The value of a document of `text`. Throws YamlValueError. */
export function toJson(document: Document.Parsed, text: string): Json {
  return new Reader(document, text).read()
}

type Entries = Map<string, Json>

class Reader {
  private readonly root: Node | null
  private readonly unendedAt: number
  private readonly anchors = new Map<Alias, Node>()
  private readonly open = new Set<Node>()
  private values = 0
  private aliased = 0
  private inAlias = 0

  constructor(document: Document.Parsed, text: string) {
    this.root = document.contents
    // Only in a last line that holds something and has no end.
    this.unendedAt = /\S/.test(text.slice(text.lastIndexOf('\n') + 1)) ? text.length : -1
  }

  read(): Json {
    if (!this.root) return null
    this.collectAnchors(this.root, new Map(), 0)
    return this.value(this.root, 0)
  }

  /** An alias means the nearest anchor of its name before it. */
  private collectAnchors(node: unknown, known: Map<string, Node>, depth: number): void {
    if (depth > MAX_DEPTH)
      throw new YamlValueError(`nested more than ${MAX_DEPTH} levels deep`, offsetOf(node))
    if (isAlias(node)) {
      const target = known.get(node.source)
      if (!target) throw new YamlValueError(`unknown anchor '${node.source}' referenced`, offsetOf(node))
      this.anchors.set(node, target)
      return
    }
    if (isScalar(node) || isMap(node) || isSeq(node)) {
      if (node.anchor) known.set(node.anchor, node)
    }
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        this.collectAnchors(key, known, depth + 1)
        this.collectAnchors(value, known, depth + 1)
      }
    } else if (isSeq(node)) {
      for (const item of node.items) this.collectAnchors(item, known, depth + 1)
    }
  }

  private value(node: unknown, depth: number): Json {
    this.count(node, depth)
    if (isAlias(node)) return this.follow(node, (target) => this.value(target, depth + 1))
    if (isMap(node)) return Object.fromEntries(this.entries(node, new Map(), depth))
    if (isSeq(node)) return node.items.map((item) => this.value(item, depth + 1))
    if (isScalar(node)) return scalarValue(this.resolve(node), node)
    return null
  }

  /** Billion laughs: the same bounds as go.yaml.in/yaml/v2 has for what comes out of aliases. */
  private count(node: unknown, depth: number): void {
    if (depth > MAX_DEPTH)
      throw new YamlValueError(`nested more than ${MAX_DEPTH} levels deep`, offsetOf(node))
    this.values++
    if (this.inAlias > 0) this.aliased++
    if (this.values > MAX_VALUES) throw new YamlValueError('holds too many values', offsetOf(node))
    if (this.aliased > 100 && this.values > 1000 && this.aliased / this.values > allowedRatio(this.values)) {
      throw new YamlValueError('excessive use of aliases', offsetOf(node))
    }
  }

  private follow<T>(alias: Alias, use: (target: Node) => T): T {
    const target = this.anchors.get(alias)
    if (!target) throw new YamlValueError(`unknown anchor '${alias.source}' referenced`, offsetOf(alias))
    if (this.open.has(target)) {
      throw new YamlValueError(`anchor '${alias.source}' holds itself`, offsetOf(alias))
    }
    this.open.add(target)
    this.inAlias++
    try {
      return use(target)
    } finally {
      this.inAlias--
      this.open.delete(target)
    }
  }

  /** Go sets keys in the order of the text, so that a merge after a key of its own replaces it. */
  private entries(map: YAMLMap, into: Entries, depth: number): Entries {
    const own = new Set<string>()
    for (const { key, value } of map.items) {
      if (isMerge(key)) {
        this.merge(value, into, depth + 1)
        continue
      }
      const name = this.key(key)
      if (own.has(name)) throw new YamlValueError(`key ${JSON.stringify(name)} is given twice`, offsetOf(key))
      own.add(name)
      into.set(name, this.value(value, depth + 1))
    }
    return into
  }

  private merge(node: unknown, into: Entries, depth: number): void {
    const wanted = 'a merge (<<) takes a map or a list of maps'
    if (isSeq(node)) {
      // Earlier maps win, so they are set last.
      for (const item of node.items.toReversed()) {
        if (isSeq(item)) throw new YamlValueError(wanted, offsetOf(item))
        this.merge(item, into, depth)
      }
      return
    }
    this.count(node, depth)
    if (isMap(node)) this.entries(node, into, depth)
    else if (isAlias(node)) {
      this.follow(node, (target) => {
        if (!isMap(target)) throw new YamlValueError(wanted, offsetOf(node))
        this.entries(target, into, depth)
      })
    } else throw new YamlValueError(wanted, offsetOf(node))
  }

  private key(node: unknown): string {
    if (isAlias(node)) return this.follow(node, (target) => this.key(target))
    if (isMap(node) || isSeq(node))
      throw new YamlValueError('a key cannot be a map or a list', offsetOf(node))
    if (!isScalar(node)) throw new YamlValueError('a key cannot be null', 0)
    const resolved = this.resolve(node)
    switch (resolved.type) {
      case 'null':
        throw new YamlValueError('a key cannot be null', offsetOf(node))
      case 'int':
        if (resolved.value > 2n ** 63n - 1n) {
          throw new YamlValueError('a key cannot be an integer beyond 64 bits', offsetOf(node))
        }
        return String(resolved.value)
      case 'float':
        return formatFloatKey(resolved.value)
      default:
        return String(resolved.value)
    }
  }

  private resolve(node: Scalar): Resolved {
    const text = typeof node.source === 'string' ? node.source : String(node.value ?? '')
    try {
      if (node.type === Scalar.PLAIN || node.tag !== undefined) return resolveScalar(text, node.tag)
    } catch (error) {
      throw new YamlValueError((error as Error).message, offsetOf(node))
    }
    return { type: 'string', value: this.isUnended(node) ? text.replace(/\n$/, '') : text }
  }

  /** A block scalar whose last line the file does not end: libyaml adds no line end to it, the parser here does. */
  private isUnended({ type, range }: Scalar): boolean {
    if (type !== Scalar.BLOCK_LITERAL && type !== Scalar.BLOCK_FOLDED) return false
    return this.unendedAt >= 0 && range?.[2] === this.unendedAt
  }
}

function allowedRatio(values: number): number {
  const low = 400_000
  const high = 4_000_000
  if (values <= low) return 0.99
  if (values >= high) return 0.1
  return 0.99 - (0.89 * (values - low)) / (high - low)
}

function isMerge(key: unknown): boolean {
  return (
    isScalar(key) &&
    key.source === '<<' &&
    (key.tag === undefined ? key.type === Scalar.PLAIN : key.tag === 'tag:yaml.org,2002:merge')
  )
}

function scalarValue(scalar: Resolved, node: Scalar): Json {
  switch (scalar.type) {
    case 'null':
      return null
    case 'int':
      return exact(scalar.value)
    case 'float':
      if (!Number.isFinite(scalar.value)) {
        throw new YamlValueError('JSON has no infinity and no NaN: quote it if it is text', offsetOf(node))
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

function offsetOf(node: unknown): number {
  return (node as { range?: [number, number, number] | null } | null)?.range?.[0] ?? 0
}
