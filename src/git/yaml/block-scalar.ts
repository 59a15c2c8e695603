/** Scalars that begin with | or >. */
import { isBlank, isBreak, isBreakOrEnd, isDigit, NUL, SPACE, TAB, type Cursor } from './cursor.ts'

const HASH = 0x23
const PLUS = 0x2b
const MINUS = 0x2d
const ZERO = 0x30
const FOLDED = 0x3e

interface Header {
  /** + keeps the line ends at the end, - drops even the first. */
  chomp: number
  /** 0 where none is given. */
  indent: number
}

/** @param indent is that of the block around it. */
export function readBlockScalar(cursor: Cursor, around: number): string {
  const line = cursor.line
  const folded = cursor.at() === FOLDED
  cursor.pos++
  const header = readHeader(cursor)
  const given = header.indent === 0 ? 0 : Math.max(around, 0) + header.indent
  const first = readBreaks(cursor, { line, around, indent: given })
  const { indent } = first
  let { breaks } = first
  let value = ''
  let lineEnd = ''
  let blankBefore = false
  while (cursor.column === indent && cursor.at() !== NUL) {
    const blank = isBlank(cursor.at())
    if (folded && lineEnd === '\n' && !blankBefore && !blank) value += breaks === '' ? ' ' : breaks
    else value += lineEnd + breaks
    blankBefore = blank
    const start = cursor.pos
    cursor.skipToBreak()
    value += cursor.text.slice(start, cursor.pos)
    lineEnd = cursor.at() === NUL ? '' : cursor.takeBreak()
    breaks = readBreaks(cursor, { line, around, indent }).breaks
  }
  if (header.chomp !== MINUS) value += lineEnd
  if (header.chomp === PLUS) value += breaks
  return value
}

function readHeader(cursor: Cursor): Header {
  const header: Header = { chomp: 0, indent: 0 }
  if (cursor.at() === PLUS || cursor.at() === MINUS) {
    header.chomp = cursor.at()
    cursor.pos++
    header.indent = readIndent(cursor)
  } else {
    header.indent = readIndent(cursor)
    if (header.indent > 0 && (cursor.at() === PLUS || cursor.at() === MINUS)) {
      header.chomp = cursor.at()
      cursor.pos++
    }
  }
  cursor.skipBlanks()
  if (cursor.at() === HASH) cursor.skipToBreak()
  if (!isBreakOrEnd(cursor.at()))
    cursor.fail('after | or > nothing may follow but + or -, an indentation and a comment')
  if (isBreak(cursor.at())) cursor.takeBreak()
  return header
}

function readIndent(cursor: Cursor): number {
  const code = cursor.at()
  if (!isDigit(code)) return 0
  if (code === ZERO) cursor.fail('the indentation after | or > cannot be 0')
  cursor.pos++
  return code - ZERO
}

/** Empty lines, and the indentation of the next one. Where `indent` is 0, the deepest line of these tells it. */
function readBreaks(
  cursor: Cursor,
  { line, around, indent }: { line: number; around: number; indent: number },
): { breaks: string; indent: number } {
  let breaks = ''
  let deepest = 0
  for (;;) {
    while ((indent === 0 || cursor.column < indent) && cursor.at() === SPACE) cursor.pos++
    deepest = Math.max(deepest, cursor.column)
    if ((indent === 0 || cursor.column < indent) && cursor.at() === TAB)
      cursor.fail('a tab is where only spaces may indent', line)
    if (!isBreak(cursor.at())) break
    breaks += cursor.takeBreak()
  }
  return { breaks, indent: indent === 0 ? Math.max(deepest, around + 1, 1) : indent }
}
