/** Scalars in single or double quotes. */
import { isBlank, isBlankOrEnd, isBreak, NUL, type Cursor } from './cursor.ts'
import { foldBreaks } from './plain-scalar.ts'

const BACKSLASH = 0x5c
const SINGLE = 0x27
const DOUBLE = 0x22

const ESCAPES = new Map<string, string>([
  ['0', '\0'],
  ['a', '\x07'],
  ['b', '\b'],
  ['t', '\t'],
  ['\t', '\t'],
  ['n', '\n'],
  ['v', '\v'],
  ['f', '\f'],
  ['r', '\r'],
  ['e', '\x1b'],
  [' ', ' '],
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['N', '\x85'],
  ['_', '\xa0'],
  ['L', '\u2028'],
  ['P', '\u2029'],
])
const DIGITS = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
])

/** @param json allows what JSON has and YAML 1.1 lacks: `\/`, and pairs of surrogates. */
export function readQuotedScalar(cursor: Cursor, json: boolean): string {
  const { text, line } = cursor
  const quote = cursor.at()
  cursor.pos++
  let value = ''
  for (;;) {
    if (cursor.atDocumentMark()) cursor.fail('a text in quotes goes on past the end of the document', line)
    if (cursor.at() === NUL) cursor.fail('a text in quotes has no end', line)
    let joined = false
    for (;;) {
      const start = cursor.pos
      let code = cursor.at()
      while (!isBlankOrEnd(code) && code !== quote && (code !== BACKSLASH || quote === SINGLE))
        code = text.charCodeAt(++cursor.pos)
      if (cursor.pos > start) value += text.slice(start, cursor.pos)
      if (code === SINGLE && quote === SINGLE && cursor.at(1) === SINGLE) {
        value += "'"
        cursor.pos += 2
      } else if (code === BACKSLASH && quote === DOUBLE) {
        if (isBreak(cursor.at(1))) {
          cursor.pos++
          cursor.takeBreak()
          joined = true
          break
        }
        value += readEscape(cursor, json)
      } else break
    }
    if (!joined && cursor.at() === quote) break
    value += joined ? afterJoin(cursor) : between(cursor)
  }
  cursor.pos++
  return value
}

function between(cursor: Cursor): string {
  const start = cursor.pos
  cursor.skipBlanks()
  return isBreak(cursor.at()) ? foldBreaks(cursor) : cursor.text.slice(start, cursor.pos)
}

/** After a backslash that ends a line: what indents the next one is gone, empty lines count. */
function afterJoin(cursor: Cursor): string {
  let breaks = ''
  for (;;) {
    const code = cursor.at()
    if (isBlank(code)) cursor.pos++
    else if (isBreak(code)) breaks += cursor.takeBreak()
    else return breaks
  }
}

function readEscape(cursor: Cursor, json: boolean): string {
  const letter = cursor.text[cursor.pos + 1] as string
  const known = ESCAPES.get(letter)
  const digits = DIGITS.get(letter)
  if (known === undefined && digits === undefined && !(json && letter === '/'))
    cursor.fail(`a text in double quotes holds the unknown escape \\${letter === '\0' ? '' : letter}`)
  cursor.pos += 2
  if (digits === undefined) return known ?? letter
  const hex = cursor.text.slice(cursor.pos, cursor.pos + digits)
  if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length < digits)
    cursor.fail(`\\${letter} in double quotes takes ${digits} hexadecimal digits`)
  cursor.pos += digits
  const code = parseInt(hex, 16)
  if (json) return String.fromCharCode(code)
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
    cursor.fail(`\\${letter}${hex} in double quotes is no character`)
  return String.fromCodePoint(code)
}
