/** Reads YAML as Kubernetes reads it: YAML 1.1 by the rules of sigs.k8s.io/yaml, one JSON value a document. */
import type { Json } from '../model/json.ts'
import { splitDocuments, type DocumentText } from './yaml/documents.ts'
import { readJsonStream } from './yaml/json-stream.ts'
import { lineAt, linesIn } from './yaml/lines.ts'
import { Parser, type YamlNode } from './yaml/parser.ts'
import { Scanner } from './yaml/scanner.ts'
import { YamlSyntaxError } from './yaml/syntax-error.ts'
import { toJson } from './yaml/value.ts'

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
  /** What Kubernetes passes over in documents that it reads, and people would not expect: keys given twice, what follows an end. */
  notes: YamlProblem[]
}

export interface ReadOptions {
  /**
   * Ends every line with LF, the last one too, as kubectl and Argo CD do (apimachinery's YAMLReader): a block scalar there then
   * ends in a newline. sigs.k8s.io/yaml and Kustomize read it without. Default false.
   */
  endLastLine?: boolean
}

// What libyaml's reader refuses: control characters, and halves of surrogate pairs.
const UNREADABLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]|\p{Surrogate}/u
const NO_UTF8 = 'is not UTF-8 text'

/**
 * All documents of `content` that hold something, and a problem for each that cannot be read: those around it are
 * still returned. Bytes must be UTF-8, or UTF-16 with a byte order mark.
 */
export function readDocuments(
  content: string | Uint8Array,
  file: string,
  { endLastLine = false }: ReadOptions = {},
): YamlFile {
  const read: YamlFile = { documents: [], problems: [], notes: [] }
  for (const part of partsOf(content)) {
    if (part.error !== undefined) read.problems.push({ file, line: part.line, message: part.error })
    else if (part.value !== undefined) readObject(part, part.value, file, read)
    else readDocument(endLastLine ? ended(part) : part, file, read)
  }
  return read
}

/** @property value where it is JSON that was read already. */
type Part = DocumentText & { value?: Json }

function partsOf(content: string | Uint8Array): Part[] {
  if (typeof content === 'string') return partsOfText(content)
  const [first, second] = content
  const utf16 =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : ''
  const text = decode(content, utf16 || 'utf-8')
  if (text !== undefined) return utf16 ? [{ text, line: 1 }] : partsOfText(text)
  if (utf16) return [{ text: '', line: 0, error: NO_UTF8 }]
  return splitDocuments(Buffer.from(content).toString('latin1')).map((part) => {
    const decoded = decode(Buffer.from(part.text, 'latin1'), 'utf-8')
    return decoded === undefined ? { ...part, error: NO_UTF8 } : { ...part, text: decoded }
  })
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function partsOfText(text: string): Part[] {
  if (!/^\s*\{/.test(text)) return splitDocuments(text)
  const { objects, rest } = readJsonStream(text)
  if (!rest) return objects
  // After more than one object, Kubernetes expects another and nothing else.
  if (objects.length > 1)
    return [...objects, { text: '', line: rest.line, error: 'is no JSON object as those before it' }]
  return [...objects, ...splitDocuments(rest.text, rest.line)]
}

function ended(part: Part): Part {
  const text = part.text.replaceAll('\r\n', '\n')
  return { ...part, text: text.endsWith('\n') ? text : `${text}\n` }
}

function readObject({ text, line }: Part, value: Json, file: string, read: YamlFile): void {
  attempt(file, line, read, () => {
    const root = new Parser(new Scanner(text, { line, json: true })).read()
    if (root) read.documents.push(documentOf(value, root))
  })
}

function readDocument({ text, line }: Part, file: string, read: YamlFile): void {
  const unreadable = UNREADABLE.exec(text)
  if (unreadable) {
    const code = (unreadable[0].codePointAt(0) ?? 0).toString(16).padStart(4, '0')
    const at = line + text.slice(0, unreadable.index).split('\n').length - 1
    read.problems.push({ file, line: at, message: `control character U+${code} is not allowed` })
    return
  }
  attempt(file, line, read, () => {
    const parser = new Parser(new Scanner(text.replace(/^\ufeff/, ''), { line }))
    const root = parser.read()
    if (!root) return
    const { value, duplicates } = toJson(root)
    if (value !== null) read.documents.push(documentOf(value, root))
    for (const { key, line: at } of duplicates) {
      const message = `key ${JSON.stringify(key)} is given twice: Kubernetes takes the last`
      read.notes.push({ file, line: at, message })
    }
    const more = moreThan(parser)
    if (more === undefined) return
    const message = 'Kubernetes reads no further than here: begin what follows with a line of ---'
    read.notes.push({ file, line: more, message })
  })
}

/** The line of what follows a document and nobody reads. */
function moreThan(parser: Parser): number | undefined {
  try {
    return parser.more()
  } catch (error) {
    if (error instanceof YamlSyntaxError) return error.line
    throw error
  }
}

function documentOf(value: Json, root: YamlNode): YamlDocument {
  return {
    value,
    line: root.line,
    lineAt: (path) => lineAt(root, path),
    linesIn: (inside, path) => linesIn(inside, root, path),
  }
}

function attempt(file: string, line: number, read: YamlFile, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (error instanceof YamlSyntaxError)
      read.problems.push({ file, line: error.line, message: error.message })
    else if (error instanceof RangeError) read.problems.push({ file, line, message: 'nested too deeply' })
    else throw error
  }
}
