/** Reads YAML as Kubernetes reads it: YAML 1.1 by the rules of sigs.k8s.io/yaml, one JSON value a document. */
import { LineCounter, isMap, isSeq, parseAllDocuments } from 'yaml'
import type { Document, Node } from 'yaml'
import type { Json } from '../model/json.ts'
import { YamlValueError, toJson } from './yaml-value.ts'

/** One document of a file. */
export interface YamlDocument {
  value: Json
  /** First line of the document's content, from 1. */
  line: number
  /** First line of the value at a path of keys and indexes; the nearest one around it where there is none. */
  lineAt(path: readonly (string | number)[]): number
  /** The lines of the values inside the one at a path, itself first, then by the order of its keys; from its own line. */
  linesIn(value: Json, path: readonly (string | number)[]): string
}

/** Something in a file that cannot be read. `line` from 1, 0 where none can be told. */
export interface YamlProblem {
  file: string
  line: number
  message: string
}

export interface YamlFile {
  documents: YamlDocument[]
  problems: YamlProblem[]
}

export interface ReadOptions {
  /**
   * Ends a last line that has no end, as kubectl and Argo CD do (apimachinery's YAMLReader): a block scalar there then ends in
   * a newline. sigs.k8s.io/yaml and Kustomize read it without. Default false.
   */
  endLastLine?: boolean
}

// What libyaml's reader refuses: control characters, and halves of surrogate pairs.
const UNREADABLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]|\p{Surrogate}/u

/**
 * All documents of `content` that hold something, and a problem for each that cannot be read: those around it are
 * still returned. Bytes must be UTF-8, or UTF-16 with a byte order mark.
 */
export function readDocuments(
  content: string | Uint8Array,
  file: string,
  { endLastLine = false }: ReadOptions = {},
): YamlFile {
  const decoded = typeof content === 'string' ? content.replace(/^\ufeff/, '') : decode(content)
  if (decoded === undefined)
    return { documents: [], problems: [{ file, line: 0, message: 'is not UTF-8 text' }] }

  // YAML 1.1 ends lines with these too.
  const lineEnd = endLastLine && !/[\r\n]$/.test(decoded) ? '\n' : ''
  const text = decoded.replace(/\r(?!\n)|\u0085/g, '\n') + lineEnd
  const unreadable = UNREADABLE.exec(text)
  if (unreadable) {
    const code = (unreadable[0].codePointAt(0) ?? 0).toString(16).padStart(4, '0')
    const line = text.slice(0, unreadable.index).split('\n').length
    return {
      documents: [],
      problems: [{ file, line, message: `control character U+${code} is not allowed` }],
    }
  }

  const lines = new LineCounter()
  const documents: YamlDocument[] = []
  const problems: YamlProblem[] = []
  for (const document of parse(text, lines, file, problems)) {
    if (!document.contents && document.errors.length === 0) continue
    const start = document.contents?.range[0] ?? document.range[0]
    const line = lines.linePos(start).line
    const [error] = document.errors
    if (error) {
      const at = error.pos[0] >= 0 ? lines.linePos(error.pos[0]).line : line
      problems.push({
        file,
        line: at,
        message: /call stack/.test(error.message) ? 'nested too deeply' : error.message,
      })
      continue
    }
    try {
      const value = toJson(document, text)
      if (value === null) continue
      const lineOf = (node: Node | null | undefined) => lines.linePos(node?.range?.[0] ?? start).line
      documents.push({
        value,
        line,
        lineAt: (path) => lineOf(nodeAt(document, path)),
        linesIn: (inside, path) => {
          const node = nodeAt(document, path)
          return linesOf(inside, node, { lineOf, first: lineOf(node) })
        },
      })
    } catch (cause) {
      if (!(cause instanceof YamlValueError)) throw cause
      problems.push({ file, line: lines.linePos(cause.offset).line || line, message: cause.message })
    }
  }
  return { documents, problems }
}

function decode(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes
  const utf16 =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : ''
  try {
    return new TextDecoder(utf16 || 'utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The failsafe schema leaves every scalar as text: what it means is decided in yaml-value.ts. */
function parse(text: string, lines: LineCounter, file: string, problems: YamlProblem[]): Document.Parsed[] {
  try {
    const parsed = parseAllDocuments(text, {
      version: '1.1',
      schema: 'failsafe',
      resolveKnownTags: false,
      uniqueKeys: false,
      strict: true,
      prettyErrors: false,
      logLevel: 'silent',
      lineCounter: lines,
    })
    return Array.isArray(parsed) ? parsed : []
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    problems.push({ file, line: 0, message: 'nested too deeply' })
    return []
  }
}

/** The node at a path; the nearest one around it where there is none. */
function nodeAt(document: Document.Parsed, path: readonly (string | number)[]): Node | null {
  let node: Node | null = document.contents
  for (const step of path) {
    const next = childOf(node, step)
    if (!next?.range) break
    node = next
  }
  return node
}

function childOf(node: Node | null, step: string | number): Node | undefined {
  const child: unknown =
    isSeq(node) && typeof step === 'number'
      ? node.items[step]
      : isMap(node)
        ? node.items.find(({ key }) => String((key as { source?: unknown } | null)?.source) === step)?.value
        : undefined
  return (child ?? undefined) as Node | undefined
}

/** What an alias or a merge brings in has the line of where it is brought in. */
function linesOf(
  value: Json,
  node: Node | null,
  by: { lineOf(node: Node | null): number; first: number },
): string {
  let text = String.fromCharCode(Math.min(0xffff, Math.max(0, by.lineOf(node) - by.first)))
  if (typeof value !== 'object' || value === null) return text
  const children = Array.isArray(value) ? value.entries() : Object.entries(value)
  for (const [step, inside] of children) {
    const child = childOf(node, step)
    // A key is where people look, though its value may begin a line below.
    text += linesOf(inside, child?.range ? child : node, by)
  }
  return text
}
