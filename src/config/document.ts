import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
} from 'yaml'
import type { ConfigProblem } from './problem.ts'

/** Keys and indexes from the top of the file to a value. */
export type DocumentPath = readonly (string | number)[]

/** A YAML file with the place of each of its values. */
export class ConfigDocument {
  readonly file: string
  /** What is wrong with the file as YAML. */
  readonly problems: readonly ConfigProblem[]
  readonly #document: Document
  readonly #lines = new LineCounter()

  constructor(file: string, text: string) {
    this.file = file
    this.#document = parseDocument(text, { version: '1.2', lineCounter: this.#lines, prettyErrors: false })
    this.problems = this.#document.errors.map((error) => {
      const { line, col } = this.#lines.linePos(error.pos[0])
      return {
        file,
        line: Math.max(line, 1),
        column: Math.max(col, 1),
        message: `no valid YAML: ${error.message}`,
      }
    })
  }

  /** As JavaScript values. Only where there are no problems. @throws Error where aliases multiply beyond measure. */
  get value(): unknown {
    return this.#document.toJS({ maxAliasCount: 100 })
  }

  /** A problem at a value, at the key of a value (`key: true`), or, where that is not there, at what is around it. */
  problem(path: DocumentPath, message: string, options: { key?: boolean } = {}): ConfigProblem {
    const { line, col } = this.#lines.linePos(this.#offset(path, options.key === true))
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), message }
  }

  #offset(path: DocumentPath, wantKey: boolean): number {
    let node: Node | null = this.#document.contents as Node | null
    let offset = node?.range?.[0] ?? 0
    for (const [index, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document) ?? null
      const last = index === path.length - 1
      if (isMap(node)) {
        const pair = node.items.find(
          (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === step,
        )
        if (pair === undefined) return offset
        const key = pair.key as Node
        offset = key.range?.[0] ?? offset
        if (last && wantKey) return offset
        node = pair.value as Node | null
      } else if (isSeq(node)) node = (node.items[Number(step)] as Node | undefined) ?? null
      else return offset
      if (isScalar(node) && node.value === null && node.source === '') return offset
      offset = node?.range?.[0] ?? offset
    }
    return offset
  }
}

/** `sources[0].ref.branch`; 'the configuration' for the top. */
export function formatDocumentPath(path: DocumentPath): string {
  const text = path
    .map((step) =>
      typeof step === 'number'
        ? `[${step}]`
        : /^[\w$-]+$/.test(step)
          ? `.${step}`
          : `[${JSON.stringify(step)}]`,
    )
    .join('')
  return text === '' ? 'the configuration' : text.replace(/^\./, '')
}
