/** Takes apart what a renderer printed; documents that it printed before are not parsed again. */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Manifest, Problem } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import type { KustomizeOrigin } from './kustomize-origins.ts'
import { readDocuments } from './yaml.ts'

/** Milliseconds of parsing after which others get their turn. */
const TURN = 10

export interface RenderedDocument {
  /** Of its text: the same for the same text. */
  id: string
  /** Its first line, where that is a comment. */
  comment: string
  values: readonly Json[]
  /** Why it could not be read. */
  error?: string
  /** What was made of its values, which are not kept then. */
  built?: BuiltDocument
}

/** The objects of a document, each with what the program says of its origin. */
export interface BuiltDocument {
  objects: readonly (Pick<Manifest, 'ref' | 'object' | 'hash'> & { origin?: KustomizeOrigin | undefined })[]
  problems: readonly Problem[]
}

/** Documents by their id, to be given again when the next commit is rendered. */
export type KnownDocuments = ReadonlyMap<string, RenderedDocument>

/**
 * In the order of the output; texts that hold nothing are left out. `salt` keeps apart what is made of the same text in different ways,
 * `transform` changes each text before it is read.
 */
export async function readRendered(
  output: string,
  known?: KnownDocuments,
  { salt = '', transform }: { salt?: string; transform?: ((text: string) => string) | undefined } = {},
): Promise<RenderedDocument[]> {
  const documents: RenderedDocument[] = []
  let turn = performance.now()
  // A line of dashes at its beginning is never inside a value: those are indented.
  for (const printed of output.split(/^---(?=\s|$)/m)) {
    if (printed.trim() === '') continue
    const text = transform === undefined ? printed : transform(printed)
    const id = createHash('sha256').update(salt).update(text).digest('base64')
    const before = known?.get(id)
    documents.push(before ?? read(id, text))
    if (performance.now() - turn < TURN) continue
    await setImmediate()
    turn = performance.now()
  }
  return documents
}

function read(id: string, text: string): RenderedDocument {
  const { documents, problems } = readDocuments(text, '')
  const values = documents.map(({ value }) => value)
  const [problem] = problems
  const comment = /^\s*(#.*)/.exec(text)?.[1] ?? ''
  return { id, comment, values, ...(problem ? { error: problem.message } : {}) }
}
