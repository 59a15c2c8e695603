/** Makes the first document of a text a tree, as Go's reader does, which looks no further. */
import { T, type Scanner, type Token } from './scanner.ts'
import type { Directive, Tag } from './tag.ts'

export const SCALAR = 0
export const LIST = 1
export const MAP = 2
export const ALIAS = 3

export interface YamlNode {
  kind: typeof SCALAR | typeof LIST | typeof MAP | typeof ALIAS
  /** From 1. */
  line: number
  /** Of a scalar, or the name of an alias. */
  text: string
  /** In full; '' for none. */
  tag: string
  /** A scalar whose text decides its type. */
  plain: boolean
  /** Of a list; of a map keys and values in turn. */
  items: readonly YamlNode[]
  /** What an alias stands for. */
  target: YamlNode | undefined
}

/** Kubernetes' own JSON decoder gives up at 10,000; no manifest comes near this. */
const MAX_DEPTH = 1000
const NONE: readonly YamlNode[] = []
const CORE = 'tag:yaml.org,2002:'

/** A node before its content: what an anchor and a tag say. */
interface Properties {
  anchor: string | undefined
  tag: string
}

export class Parser {
  readonly #scanner: Scanner
  readonly #anchors = new Map<string, YamlNode>()
  readonly #handles = new Map<string, string>()
  #depth = 0

  constructor(scanner: Scanner) {
    this.#scanner = scanner
  }

  /** Undefined where there is none. Throws YamlSyntaxError. */
  read(): YamlNode | undefined {
    const { type } = this.#scanner.peek()
    if (type === T.streamEnd) return undefined
    const explicit = type === T.directive || type === T.documentStart
    this.#readDirectives()
    let root: YamlNode
    if (explicit) {
      const start = this.#scanner.peek()
      if (start.type !== T.documentStart)
        this.#fail(start, 'no tool of Kubernetes reads directives: remove the lines of %')
      this.#scanner.skip()
      const first = this.#scanner.peek()
      root = first.type <= T.documentEnd ? empty(first.line) : this.#node(true, false)
    } else root = this.#node(true, false)
    const { type: after } = this.#scanner.peek()
    if (after === T.documentEnd) this.#scanner.skip()
    return root
  }

  /** The line of what follows the document, if anything does. */
  more(): number | undefined {
    const { type, line } = this.#scanner.peek()
    return type === T.streamEnd ? undefined : line
  }

  #fail(token: Token, message: string): never {
    this.#scanner.cursor.fail(message, token.line)
  }

  #readDirectives(): void {
    let version = false
    for (;;) {
      const token = this.#scanner.peek()
      if (token.type !== T.directive) break
      const directive = token.data as Directive
      if (directive.type === 'version') {
        if (version) this.#fail(token, '%YAML is given twice')
        if (directive.major !== 1 || directive.minor !== 1)
          this.#fail(token, `Kubernetes reads YAML 1.1, not ${directive.major}.${directive.minor}`)
        version = true
      } else {
        if (this.#handles.has(directive.handle)) this.#fail(token, `%TAG ${directive.handle} is given twice`)
        this.#handles.set(directive.handle, directive.prefix)
      }
      this.#scanner.skip()
    }
    for (const [handle, prefix] of [
      ['!', '!'],
      ['!!', CORE],
    ] as const)
      if (!this.#handles.has(handle)) this.#handles.set(handle, prefix)
  }

  #node(block: boolean, indentless: boolean): YamlNode {
    const scanner = this.#scanner
    let token = scanner.peek()
    if (token.type === T.alias) {
      scanner.skip()
      return this.#alias(token)
    }
    let properties: Properties | undefined
    if (token.type === T.anchor || token.type === T.tag) {
      properties = this.#properties()
      token = scanner.peek()
    }
    switch (token.type) {
      case T.plain:
      case T.text:
        scanner.skip()
        return this.#scalar(token, properties)
      case T.blockMap:
        if (block) return this.#collection(MAP, token, properties, this.#blockMap)
        break
      case T.blockList:
        if (block) return this.#collection(LIST, token, properties, this.#blockList)
        break
      case T.dash:
        if (indentless) return this.#collection(LIST, token, properties, this.#indentlessList)
        break
      case T.mapStart:
        return this.#collection(MAP, token, properties, this.#flowMap)
      case T.listStart:
        return this.#collection(LIST, token, properties, this.#flowList)
    }
    if (!properties) this.#fail(token, `a value is expected here: ${found(token)}`)
    const node = { ...empty(token.line), tag: properties.tag, plain: properties.tag === '' }
    return this.#anchored(node, properties)
  }

  #alias({ text, line }: Token): YamlNode {
    const target = this.#anchors.get(text)
    if (!target) this.#scanner.cursor.fail(`unknown anchor '${text}' referenced`, line)
    return { kind: ALIAS, line, text, tag: '', plain: false, items: NONE, target }
  }

  #scalar({ type, text, line }: Token, properties: Properties | undefined): YamlNode {
    const tag = properties?.tag ?? ''
    const plain = tag === '!' || (tag === '' && type === T.plain)
    const node = { kind: SCALAR, line, text, tag, plain, items: NONE, target: undefined } as const
    return properties ? this.#anchored(node, properties) : node
  }

  #anchored(node: YamlNode, { anchor }: Properties): YamlNode {
    if (anchor !== undefined) this.#anchors.set(anchor, node)
    return node
  }

  /** An anchor and a tag, in either order. */
  #properties(): Properties {
    const properties: Properties = { anchor: undefined, tag: '' }
    for (;;) {
      const token = this.#scanner.peek()
      if (token.type === T.anchor && properties.anchor === undefined) properties.anchor = token.text
      else if (token.type === T.tag && properties.tag === '') properties.tag = this.#tag(token)
      else return properties
      this.#scanner.skip()
    }
  }

  #tag(token: Token): string {
    const { handle, suffix } = token.data as Tag
    if (handle === '') return suffix
    const tag = (this.#handles.get(handle) ?? '') + suffix
    if (!this.#handles.has(handle)) this.#fail(token, `the tag handle ${handle} is not declared`)
    return tag
  }

  #collection(
    kind: typeof LIST | typeof MAP,
    token: Token,
    properties: Properties | undefined,
    read: (items: YamlNode[], start: Token) => void,
  ): YamlNode {
    if (++this.#depth > MAX_DEPTH) this.#fail(token, `nested more than ${MAX_DEPTH} levels deep`)
    const items: YamlNode[] = []
    const node = {
      kind,
      line: token.line,
      text: '',
      tag: properties?.tag ?? '',
      plain: false,
      items,
      target: undefined,
    }
    if (properties) this.#anchored(node, properties)
    if (token.type !== T.dash) this.#scanner.skip()
    read.call(this, items, token)
    this.#depth--
    return node
  }

  #blockList(items: YamlNode[], start: Token): void {
    const scanner = this.#scanner
    for (;;) {
      const token = scanner.peek()
      if (token.type === T.blockEnd) return scanner.skip()
      if (token.type !== T.dash)
        this.#fail(
          token,
          `the list that begins in line ${start.line} must go on with - or end: ${found(token)}`,
        )
      scanner.skip()
      const next = scanner.peek()
      if (next.type === T.dash || next.type === T.blockEnd) items.push(empty(token.line))
      else items.push(this.#node(true, false))
    }
  }

  /** A list whose dashes are no deeper than the key that it belongs to. */
  #indentlessList(items: YamlNode[]): void {
    const scanner = this.#scanner
    for (;;) {
      const token = scanner.peek()
      if (token.type !== T.dash) return
      scanner.skip()
      const next = scanner.peek().type
      if (next === T.dash || endsEntry(next)) items.push(empty(token.line))
      else items.push(this.#node(true, false))
    }
  }

  #blockMap(items: YamlNode[], start: Token): void {
    const scanner = this.#scanner
    for (;;) {
      const token = scanner.peek()
      if (token.type === T.blockEnd) return scanner.skip()
      if (token.type !== T.key)
        this.#fail(
          token,
          `the map that begins in line ${start.line} must go on with a key or end: ${found(token)}`,
        )
      scanner.skip()
      items.push(endsEntry(scanner.peek().type) ? empty(token.line) : this.#node(true, true))
      const value = scanner.peek()
      if (value.type !== T.value) {
        items.push(empty(value.line))
        continue
      }
      scanner.skip()
      items.push(endsEntry(scanner.peek().type) ? empty(value.line) : this.#node(true, true))
    }
  }

  #flowList(items: YamlNode[], start: Token): void {
    const scanner = this.#scanner
    for (let first = true; ; first = false) {
      if (!this.#flowEntry(T.listEnd, start, first)) return
      const token = scanner.peek()
      if (token.type === T.key) items.push(this.#collection(MAP, token, undefined, this.#pair))
      else items.push(this.#node(false, false))
    }
  }

  /** A map of one key that stands in a list without braces. Its key token is gone already. */
  #pair(items: YamlNode[]): void {
    const scanner = this.#scanner
    const token = scanner.peek()
    if (token.type === T.value || token.type === T.comma || token.type === T.listEnd) {
      // As Go does, which goes past what it finds there.
      scanner.skip()
      items.push(empty(token.line))
    } else items.push(this.#node(false, false))
    items.push(this.#flowValue(T.listEnd))
  }

  #flowMap(items: YamlNode[], start: Token): void {
    const scanner = this.#scanner
    for (let first = true; ; first = false) {
      if (!this.#flowEntry(T.mapEnd, start, first)) return
      if (scanner.peek().type !== T.key) {
        items.push(this.#node(false, false), empty(scanner.peek().line))
        continue
      }
      scanner.skip()
      const { type, line } = scanner.peek()
      if (type === T.value || type === T.comma || type === T.mapEnd) items.push(empty(line))
      else items.push(this.#node(false, false))
      items.push(this.#flowValue(T.mapEnd))
    }
  }

  /** Goes past a comma, or past the end; says whether there is another entry. */
  #flowEntry(end: number, start: Token, first: boolean): boolean {
    const scanner = this.#scanner
    let token = scanner.peek()
    if (token.type !== end && !first) {
      if (token.type !== T.comma) {
        const what = end === T.listEnd ? 'list in [ ]' : 'map in { }'
        this.#fail(
          token,
          `the ${what} that begins in line ${start.line} must go on with a comma or end: ${found(token)}`,
        )
      }
      scanner.skip()
      token = scanner.peek()
    }
    if (token.type !== end) return true
    scanner.skip()
    return false
  }

  #flowValue(end: number): YamlNode {
    const scanner = this.#scanner
    const token = scanner.peek()
    if (token.type === T.value) {
      scanner.skip()
      const { type } = scanner.peek()
      if (type !== T.comma && type !== end) return this.#node(false, false)
    }
    return empty(token.line)
  }
}

function empty(line: number): YamlNode {
  return { kind: SCALAR, line, text: '', tag: '', plain: true, items: NONE, target: undefined }
}

function endsEntry(type: number): boolean {
  return type === T.key || type === T.value || type === T.blockEnd
}

const FOUND = new Map<number, string>([
  [T.streamEnd, 'the end of the document'],
  [T.documentStart, 'the end of the document'],
  [T.documentEnd, 'the end of the document'],
  [T.blockEnd, 'a line that is indented less'],
  [T.blockMap, 'a map that is indented differently'],
  [T.blockList, 'a list that is indented differently'],
  [T.dash, '-'],
  [T.comma, 'a comma'],
  [T.key, 'a key'],
  [T.value, 'a colon'],
  [T.listEnd, ']'],
  [T.mapEnd, '}'],
])

function found({ type }: Token): string {
  return `there is ${FOUND.get(type) ?? 'another value'}`
}
