import { plainText } from './plain-text.ts'

/** Past 4,096 characters in all, the API server cuts each warning to 256 and drops the rest. */
const MAX_ITEM = 256
const MAX_TOTAL = 4096
const MAX_ITEMS = 20

/**
 * Splits a text into warnings that the API server passes on whole: one line each, at most 256 characters (Unicode code
 * points), 4,096 bytes together; what does not fit goes, from the end, but for `closing` (short), which comes last. A
 * warning with a line break in it would be dropped, so each line is a warning; a long one breaks between words.
 */
export function warnings(text: string, closing: string): string[] {
  const kept: string[] = []
  let total = Buffer.byteLength(closing) + 1
  for (const line of lines(text)) {
    total += Buffer.byteLength(line)
    if (total > MAX_TOTAL || kept.length === MAX_ITEMS) break
    kept.push(line)
  }
  const last = kept.at(-1) ?? ''
  if (last !== '' && [...last, ...closing].length < MAX_ITEM) kept[kept.length - 1] = `${last} ${closing}`
  else kept.push(closing)
  return kept
}

function lines(text: string): string[] {
  return plainText(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, MAX_ITEMS)
    .flatMap(wrap)
}

function wrap(line: string): string[] {
  const rest = [...line]
  const pieces: string[] = []
  while (rest.length > MAX_ITEM && pieces.length < MAX_ITEMS) {
    const space = rest.lastIndexOf(' ', MAX_ITEM)
    const end = space > MAX_ITEM / 2 ? space : MAX_ITEM
    pieces.push(rest.splice(0, end).join('').trim())
  }
  return [...pieces, rest.slice(0, MAX_ITEM).join('').trim()].filter((piece) => piece !== '')
}
