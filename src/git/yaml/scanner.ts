/**
 * Tokens of a text, by the rules of libyaml that Go's reader follows: indentation opens and closes blocks, and what turns out to
 * be a key when its colon comes gets its token before it.
 */
import { readBlockScalar } from './block-scalar.ts'
import { Cursor, DASH, isBlankOrEnd, isBreak, NUL, SPACE, TAB } from './cursor.ts'
import { readPlainScalar } from './plain-scalar.ts'
import { readQuotedScalar } from './quoted-scalar.ts'
import { readDirective, readName, readTag, type Directive, type Tag } from './tag.ts'

/** Kinds of tokens. */
export const T = {
  streamEnd: 0,
  directive: 1,
  documentStart: 2,
  documentEnd: 3,
  blockList: 4,
  blockMap: 5,
  blockEnd: 6,
  listStart: 7,
  listEnd: 8,
  mapStart: 9,
  mapEnd: 10,
  dash: 11,
  comma: 12,
  key: 13,
  value: 14,
  alias: 15,
  anchor: 16,
  tag: 17,
  plain: 18,
  text: 19,
} as const

export interface Token {
  type: number
  /** From 1. */
  line: number
  /** Of a scalar, an alias or an anchor. */
  text: string
  /** Of a tag or directive. */
  data: Tag | Directive | undefined
}

/** Where a key may have begun. */
interface MaybeKey {
  possible: boolean
  /** Here it must be one: nothing else can stand at the indentation of a map. */
  required: boolean
  /** Of the token that it is or begins with, counted from the beginning. */
  token: number
  /** Its first token is kept back until it is known whether it is a key. */
  awaited: boolean
  pos: number
  line: number
  column: number
}

/** Characters that a key on one line may have, by the specification. */
const KEY_LENGTH = 1024
/** Blocks in blocks, and brackets in brackets: as Go has it. */
const MAX_LEVELS = 10_000

export class Scanner {
  /** Where what was asked for last ends, or a little behind. */
  readonly cursor: Cursor
  readonly #json: boolean
  readonly #queue: Token[] = []
  #head = 0
  /** The first of the queue is no key, or has its token before it. */
  #ready = false
  #taken = 0
  #indent = -1
  readonly #indents: number[] = []
  #flowLevel = 0
  #keyAllowed = true
  readonly #maybeKeys: MaybeKey[] = [newMaybeKey(0)]

  /** @param json allows keys of any length that end in any line, and what JSON's texts have that YAML's lack. */
  constructor(text: string, { line = 1, json = false }: { line?: number; json?: boolean } = {}) {
    this.cursor = new Cursor(text, line)
    this.#json = json
  }

  peek(): Token {
    while (!this.#ready) {
      if (this.#head < this.#queue.length && !this.#headMayBeKey()) this.#ready = true
      else this.#fetch()
    }
    return this.#queue[this.#head] as Token
  }

  /** Goes past the token that `peek` returned. */
  skip(): void {
    this.#ready = false
    this.#head++
    this.#taken++
    if (this.#head < this.#queue.length) return
    this.#head = 0
    this.#queue.length = 0
  }

  #headMayBeKey(): boolean {
    for (const maybe of this.#maybeKeys) {
      if (maybe.possible && maybe.awaited && maybe.token === this.#taken) return this.#isStillKey(maybe)
    }
    return false
  }

  #isStillKey(maybe: MaybeKey): boolean {
    if (!maybe.possible) return false
    const { cursor } = this
    if (this.#json || (maybe.line === cursor.line && !isLong(cursor, maybe.pos))) return true
    if (maybe.required) this.#missingColon(maybe)
    maybe.possible = false
    return false
  }

  #missingColon({ line }: MaybeKey): never {
    this.cursor.fail('a key is not followed by a colon on its line', line)
  }

  #add(type: number, line = this.cursor.line, text = '', data?: Tag | Directive): void {
    this.#queue.push({ type, line, text, data })
  }

  #fetch(): void {
    const { cursor } = this
    this.#skipToToken()
    this.#closeBlocks(cursor.column)
    const code = cursor.at()
    if (code === NUL) return this.#fetchEnd()
    if (code === 0x25 && cursor.column === 0) return this.#fetchDirective()
    if (cursor.atDocumentMark())
      return this.#fetchDocumentMark(code === DASH ? T.documentStart : T.documentEnd)
    switch (code) {
      case 0x5b:
        return this.#openFlow(T.listStart)
      case 0x7b:
        return this.#openFlow(T.mapStart)
      case 0x5d:
        return this.#closeFlow(T.listEnd)
      case 0x7d:
        return this.#closeFlow(T.mapEnd)
      case 0x2c:
        return this.#fetchIndicator(T.comma, true)
      case 0x2a:
        return this.#fetchName(T.alias)
      case 0x26:
        return this.#fetchName(T.anchor)
      case 0x21:
        return this.#fetchTag()
      case 0x27:
      case 0x22:
        return this.#fetchQuoted()
    }
    const blankNext = isBlankOrEnd(cursor.at(1))
    if (code === DASH && blankNext) return this.#fetchDash()
    if (code === 0x3f && (this.#flowLevel > 0 || blankNext)) return this.#fetchKey()
    if (code === 0x3a && (this.#flowLevel > 0 || blankNext)) return this.#fetchValue()
    if ((code === 0x7c || code === 0x3e) && this.#flowLevel === 0) return this.#fetchBlockScalar()
    // # cannot come here; %, @, ` and, inside brackets, | and > begin nothing, nor does a tab that indents.
    if ('#|>%@`\t'.includes(String.fromCharCode(code)))
      cursor.fail(
        code === TAB
          ? 'a tab is where only spaces may indent'
          : `${cursor.text[cursor.pos]} cannot begin a value: quote it`,
      )
    this.#fetchPlain()
  }

  #skipToToken(): void {
    const { cursor } = this
    for (;;) {
      let code = cursor.at()
      while (code === SPACE || (code === TAB && (this.#flowLevel > 0 || !this.#keyAllowed))) {
        cursor.pos++
        code = cursor.at()
      }
      if (code === 0x23) {
        cursor.skipToBreak()
        code = cursor.at()
      }
      if (!isBreak(code)) return
      cursor.takeBreak()
      if (this.#flowLevel === 0) this.#keyAllowed = true
    }
  }

  #openBlock(type: number, column: number, at?: { token: number; line: number }): void {
    if (this.#flowLevel > 0 || this.#indent >= column) return
    this.#indents.push(this.#indent)
    this.#indent = column
    if (this.#indents.length > MAX_LEVELS) this.cursor.fail('nested too deeply')
    if (at === undefined) this.#add(type)
    else this.#insert(at.token, { type, line: at.line, text: '', data: undefined })
  }

  #insert(token: number, added: Token): void {
    this.#queue.splice(this.#head + token - this.#taken, 0, added)
  }

  #closeBlocks(column: number): void {
    if (this.#flowLevel > 0) return
    while (this.#indent > column) {
      this.#add(T.blockEnd)
      this.#indent = this.#indents.pop() as number
    }
  }

  get #maybeKey(): MaybeKey {
    return this.#maybeKeys[this.#maybeKeys.length - 1] as MaybeKey
  }

  get #nextToken(): number {
    return this.#taken + this.#queue.length - this.#head
  }

  #saveKey(): void {
    if (!this.#keyAllowed) return
    this.#dropKey()
    const { cursor } = this
    const maybe = this.#maybeKey
    maybe.possible = true
    maybe.awaited = true
    maybe.required = this.#flowLevel === 0 && this.#indent === cursor.column
    maybe.token = this.#nextToken
    maybe.pos = cursor.pos
    maybe.line = cursor.line
    maybe.column = cursor.column
  }

  #dropKey(): void {
    const maybe = this.#maybeKey
    if (maybe.possible && maybe.required) this.#missingColon(maybe)
    maybe.possible = false
  }

  #endBlocks(): void {
    this.#closeBlocks(-1)
    this.#dropKey()
    this.#keyAllowed = false
  }

  #fetchEnd(): void {
    this.#endBlocks()
    this.#add(T.streamEnd)
  }

  #fetchDirective(): void {
    this.#endBlocks()
    const { line } = this.cursor
    this.#add(T.directive, line, '', readDirective(this.cursor))
  }

  #fetchDocumentMark(type: number): void {
    this.#endBlocks()
    this.#add(type)
    this.cursor.pos += 3
  }

  #openFlow(type: number): void {
    this.#saveKey()
    this.#maybeKeys.push(newMaybeKey(this.#nextToken))
    if (++this.#flowLevel > MAX_LEVELS) this.cursor.fail('nested too deeply')
    this.#keyAllowed = true
    this.#add(type)
    this.cursor.pos++
  }

  #closeFlow(type: number): void {
    this.#dropKey()
    if (this.#flowLevel > 0) {
      this.#flowLevel--
      // As Go does, where empty brackets are no key, and what would be their colon ends the document.
      if (this.#maybeKeys.pop()?.token === this.#maybeKey.token) this.#maybeKey.awaited = false
    }
    this.#keyAllowed = false
    this.#add(type)
    this.cursor.pos++
  }

  #fetchIndicator(type: number, keyAllowed: boolean): void {
    this.#dropKey()
    this.#keyAllowed = keyAllowed
    this.#add(type)
    this.cursor.pos++
  }

  #fetchDash(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.cursor.fail("a list's - must begin a line, or follow another - or ?")
      this.#openBlock(T.blockList, this.cursor.column)
    }
    this.#fetchIndicator(T.dash, true)
  }

  #fetchKey(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.cursor.fail('a key cannot begin here')
      this.#openBlock(T.blockMap, this.cursor.column)
    }
    this.#fetchIndicator(T.key, this.#flowLevel === 0)
  }

  #fetchValue(): void {
    const { cursor } = this
    const maybe = this.#maybeKey
    if (this.#isStillKey(maybe)) {
      const { token, line, column } = maybe
      this.#insert(token, { type: T.key, line, text: '', data: undefined })
      this.#openBlock(T.blockMap, column, { token, line })
      maybe.possible = false
      this.#keyAllowed = false
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#keyAllowed)
          cursor.fail('a value with a colon cannot stand here: quote it, or begin a new line')
        this.#openBlock(T.blockMap, cursor.column)
      }
      this.#keyAllowed = this.#flowLevel === 0
    }
    this.#add(T.value)
    cursor.pos++
  }

  #fetchName(type: number): void {
    this.#saveKey()
    this.#keyAllowed = false
    const { line } = this.cursor
    this.#add(type, line, readName(this.cursor))
  }

  #fetchTag(): void {
    this.#saveKey()
    this.#keyAllowed = false
    const { line } = this.cursor
    this.#add(T.tag, line, '', readTag(this.cursor))
  }

  #fetchBlockScalar(): void {
    this.#dropKey()
    this.#keyAllowed = true
    const { line } = this.cursor
    this.#add(T.text, line, readBlockScalar(this.cursor, this.#indent))
  }

  #fetchQuoted(): void {
    this.#saveKey()
    this.#keyAllowed = false
    const { line } = this.cursor
    this.#add(T.text, line, readQuotedScalar(this.cursor, this.#json))
  }

  #fetchPlain(): void {
    this.#saveKey()
    this.#keyAllowed = false
    const { line } = this.cursor
    const { text, brokeLine } = readPlainScalar(this.cursor, {
      indent: this.#indent,
      inFlow: this.#flowLevel > 0,
    })
    this.#add(T.plain, line, text)
    if (brokeLine) this.#keyAllowed = true
  }
}

function newMaybeKey(token: number): MaybeKey {
  return { possible: false, required: false, awaited: false, token, pos: 0, line: 0, column: 0 }
}

/** More than a key may have, counted in characters, not in UTF-16 units. */
function isLong(cursor: Cursor, from: number): boolean {
  const units = cursor.pos - from
  return (
    units > KEY_LENGTH &&
    (units > 2 * KEY_LENGTH || [...cursor.text.slice(from, cursor.pos)].length > KEY_LENGTH)
  )
}
