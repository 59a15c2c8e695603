/** Scalars without quotes. */
import { isBlank, isBlankOrEnd, isBreak, TAB, type Cursor } from './cursor.ts'

const HASH = 0x23
const COLON = 0x3a
const COMMA = 0x2c
const QUESTION = 0x3f

function endsFlow(code: number): boolean {
  return (
    code === COMMA || code === QUESTION || code === 0x5b || code === 0x5d || code === 0x7b || code === 0x7d
  )
}

export interface PlainScalar {
  text: string
  /** It was followed by the end of a line, so that a key may begin here. */
  brokeLine: boolean
}

/** @param indent is that of the block around it; lines that go on must be deeper. */
export function readPlainScalar(
  cursor: Cursor,
  { indent, inFlow }: { indent: number; inFlow: boolean },
): PlainScalar {
  const line = cursor.line
  const { text } = cursor
  let value = ''
  let between = ''
  let brokeLine = false
  for (;;) {
    if (cursor.at() === HASH || cursor.atDocumentMark()) break
    const start = cursor.pos
    for (let pos = start; ; pos++) {
      const code = text.charCodeAt(pos)
      if (
        isBlankOrEnd(code) ||
        (code === COLON && isBlankOrEnd(text.charCodeAt(pos + 1))) ||
        (inFlow && endsFlow(code))
      ) {
        cursor.pos = pos
        break
      }
    }
    if (cursor.pos > start) {
      const part = text.slice(start, cursor.pos)
      value = value === '' ? part : value + between + part
      brokeLine = false
    }
    const code = cursor.at()
    if (!isBlank(code) && !isBreak(code)) break

    const blanks = cursor.pos
    cursor.skipBlanks()
    between = text.slice(blanks, cursor.pos)
    if (isBreak(cursor.at())) {
      brokeLine = true
      between = foldBreaks(cursor, () => {
        if (cursor.column <= indent && cursor.at() === TAB)
          cursor.fail('a tab is where only spaces may indent', line)
      })
    }
    if (!inFlow && brokeLine && cursor.column <= indent) break
  }
  return { text: value, brokeLine }
}

/** One end of a line between words is a space, more are one less. `look` is called at each blank that begins a line. */
export function foldBreaks(cursor: Cursor, look: () => void = () => undefined): string {
  const first = cursor.takeBreak()
  let more = ''
  for (;;) {
    const code = cursor.at()
    if (isBlank(code)) {
      look()
      cursor.pos++
    } else if (isBreak(code)) more += cursor.takeBreak()
    else break
  }
  return first === '\n' ? more || ' ' : first + more
}
