/** Anchors, aliases, tags and directives. */
import { isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isDigit, isWord, type Cursor } from './cursor.ts'

const BANG = 0x21
const LESS = 0x3c
const GREATER = 0x3e
const PERCENT = 0x25
const HASH = 0x23
/** What may follow the name of an anchor. */
const AFTER_NAME = '?:,]}%@`'
const URI = ";/?:@&=+$,.!~*'()[]"

/** A tag as it is written: `!!str` is handle `!!` and suffix `str`; no handle for `!<...>` and for `!`. */
export interface Tag {
  handle: string
  suffix: string
}

export type Directive =
  { type: 'version'; major: number; minor: number } | { type: 'tag'; handle: string; prefix: string }

/** The name after & or *. */
export function readName(cursor: Cursor): string {
  const start = ++cursor.pos
  while (isWord(cursor.at())) cursor.pos++
  const after = cursor.at()
  const ends = isBlankOrEnd(after) || AFTER_NAME.includes(String.fromCharCode(after))
  if (cursor.pos === start || !ends) cursor.fail('an anchor is named by letters, digits, - and _')
  return cursor.text.slice(start, cursor.pos)
}

export function readTag(cursor: Cursor): Tag {
  const tag = cursor.at(1) === LESS ? readVerbatim(cursor) : readShort(cursor)
  if (!isBlankOrEnd(cursor.at())) cursor.fail('a tag must be followed by a space')
  return tag
}

function readVerbatim(cursor: Cursor): Tag {
  cursor.pos += 2
  const suffix = readUri(cursor, '')
  if (cursor.at() !== GREATER) cursor.fail('a tag that begins with !< must end with >')
  cursor.pos++
  return { handle: '', suffix }
}

function readShort(cursor: Cursor): Tag {
  const handle = readHandle(cursor)
  if (handle.length > 1 && handle.endsWith('!')) return { handle, suffix: readUri(cursor, '') }
  const suffix = readUri(cursor, handle)
  return suffix === '' ? { handle: '', suffix: '!' } : { handle: '!', suffix }
}

function readHandle(cursor: Cursor): string {
  const start = cursor.pos
  if (cursor.at() !== BANG) cursor.fail("a tag's handle must begin with !")
  cursor.pos++
  while (isWord(cursor.at())) cursor.pos++
  if (cursor.at() === BANG) cursor.pos++
  return cursor.text.slice(start, cursor.pos)
}

/** @param head is what of the tag was read, with its !. */
function readUri(cursor: Cursor, head: string): string {
  const bytes: number[] = []
  let length = 0
  let uri = head.slice(1)
  const flush = () => {
    uri += Buffer.from(bytes).toString('utf8')
    bytes.length = 0
  }
  for (; ; length++) {
    const code = cursor.at()
    if (code === PERCENT) bytes.push(...readEscapes(cursor))
    else if (isWord(code) || URI.includes(String.fromCharCode(code))) {
      if (bytes.length > 0) flush()
      uri += cursor.text[cursor.pos++]
    } else break
  }
  flush()
  if (length === 0 && head === '') cursor.fail('a tag has no name')
  return uri
}

/** The octets of one character, each as % and two hexadecimal digits. */
function readEscapes(cursor: Cursor): number[] {
  const octets: number[] = []
  for (let width = 1; octets.length < width;) {
    const hex = /^%([0-9a-fA-F]{2})$/.exec(cursor.text.slice(cursor.pos, cursor.pos + 3))?.[1]
    if (hex === undefined) cursor.fail('a tag holds % without two hexadecimal digits')
    const octet = parseInt(hex, 16)
    if (octets.length === 0) {
      width = octet < 0x80 ? 1 : octet >> 5 === 6 ? 2 : octet >> 4 === 14 ? 3 : octet >> 3 === 30 ? 4 : 0
      if (width === 0) cursor.fail('a tag holds octets that are no UTF-8')
    } else if (octet >> 6 !== 2) cursor.fail('a tag holds octets that are no UTF-8')
    octets.push(octet)
    cursor.pos += 3
  }
  return octets
}

export function readDirective(cursor: Cursor): Directive {
  const start = ++cursor.pos
  while (isWord(cursor.at())) cursor.pos++
  const name = cursor.text.slice(start, cursor.pos)
  if ((name !== 'YAML' && name !== 'TAG') || !isBlankOrEnd(cursor.at()))
    cursor.fail(`%${name} is no directive of YAML`)
  const directive = name === 'YAML' ? readVersion(cursor) : readTagDirective(cursor)
  cursor.skipBlanks()
  if (cursor.at() === HASH) cursor.skipToBreak()
  if (!isBreakOrEnd(cursor.at())) cursor.fail(`after %${name} stands more than belongs there`)
  if (isBreak(cursor.at())) cursor.takeBreak()
  return directive
}

function readVersion(cursor: Cursor): Directive {
  cursor.skipBlanks()
  const major = readNumber(cursor)
  if (cursor.text[cursor.pos] !== '.') cursor.fail('%YAML takes a version such as 1.1')
  cursor.pos++
  return { type: 'version', major, minor: readNumber(cursor) }
}

function readNumber(cursor: Cursor): number {
  const start = cursor.pos
  while (isDigit(cursor.at())) cursor.pos++
  const length = cursor.pos - start
  if (length === 0 || length > 2) cursor.fail('%YAML takes a version such as 1.1')
  return Number(cursor.text.slice(start, cursor.pos))
}

function readTagDirective(cursor: Cursor): Directive {
  cursor.skipBlanks()
  const handle = readHandle(cursor)
  if (handle !== '!' && !handle.endsWith('!')) cursor.fail('the handle of %TAG must end with !')
  if (!isBlank(cursor.at())) cursor.fail('%TAG takes a handle and a prefix')
  cursor.skipBlanks()
  const prefix = readUri(cursor, '')
  if (!isBlankOrEnd(cursor.at())) cursor.fail('%TAG takes a handle and a prefix')
  return { type: 'tag', handle, prefix }
}
