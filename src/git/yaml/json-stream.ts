/** JSON objects one after another, which Kubernetes takes where a file begins with a brace. */
import type { Json } from '../../model/json.ts'
import { parseJson } from '../../object/json.ts'
import type { DocumentText } from './documents.ts'

export interface JsonText extends DocumentText {
  value: Json
}

export interface JsonStream {
  objects: JsonText[]
  /** What follows the last object and is no JSON: YAML, where at most one object came before it. */
  rest: DocumentText | undefined
}

const MARKS = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs
/** Beyond what a double holds, perhaps: Go then reads no JSON there. */
const MAYBE_INFINITE = /\d[eE]\+?\d{3}/

export function readJsonStream(text: string): JsonStream {
  const objects: JsonText[] = []
  for (let at = 0, line = 1; ;) {
    const start = skipSpaces(text, at)
    if (start === text.length) return { objects, rest: undefined }
    const object = text.slice(start, endOfObject(text, start))
    const value = MAYBE_INFINITE.test(object) ? undefined : tryParse(object)
    if (value === undefined) return { objects, rest: restFrom(text, at, start, line) }
    line += lineEnds(text, at, start)
    objects.push({ text: object, line, value })
    at = start + object.length
    line += lineEnds(text, start, at)
  }
}

/** Spaces before it are left out up to the end of their first line, and no further. */
function restFrom(text: string, from: number, to: number, line: number): DocumentText {
  const lineEnd = text.indexOf('\n', from)
  return lineEnd >= 0 && lineEnd < to
    ? { text: text.slice(lineEnd + 1), line: line + 1 }
    : { text: text.slice(to), line }
}

function skipSpaces(text: string, from: number): number {
  let at = from
  while (' \t\r\n'.includes(text[at] ?? 'x')) at++
  return at
}

/** Where the brackets that open at `start` are closed; `start` where they are not. */
function endOfObject(text: string, start: number): number {
  if (text[start] !== '{') return start
  MARKS.lastIndex = start
  let depth = 0
  for (let mark = MARKS.exec(text); mark; mark = MARKS.exec(text)) {
    if (mark[0] === '{' || mark[0] === '[') depth++
    else if ((mark[0] === '}' || mark[0] === ']') && --depth === 0) return MARKS.lastIndex
  }
  return start
}

function tryParse(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

function lineEnds(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++
  return count
}
