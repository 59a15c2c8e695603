/** In which lines of a file the values of a document are written. */
import type { Json } from '../../model/json.ts'
import { LIST, MAP, type YamlNode } from './parser.ts'

/** First line of the value at a path; that of the nearest one around it where there is none. */
export function lineAt(root: YamlNode, path: readonly (string | number)[]): number {
  return nodeAt(root, path).line
}

/**
 * Of a value that the node at a path was read to: for each value in it, itself first and then by the order of its keys, how many
 * lines below the first it begins, as a character's code each.
 */
export function linesIn(value: Json, root: YamlNode, path: readonly (string | number)[]): string {
  const node = nodeAt(root, path)
  const codes: number[] = []
  collect(value, node, node.line, codes)
  let text = ''
  // As few as a call takes for certain.
  for (let at = 0; at < codes.length; at += 4096) text += String.fromCharCode(...codes.slice(at, at + 4096))
  return text
}

function nodeAt(root: YamlNode, path: readonly (string | number)[]): YamlNode {
  let node = root
  for (const step of path) {
    const child = typeof step === 'number' ? itemOf(node, step) : valueOf(node, step)
    if (!child) break
    node = child
  }
  return node
}

function itemOf(node: YamlNode, index: number): YamlNode | undefined {
  return node.kind === LIST ? node.items[index] : undefined
}

/** Of a key that is given twice, the last value. */
function valueOf({ kind, items }: YamlNode, key: string): YamlNode | undefined {
  if (kind !== MAP) return undefined
  for (let index = items.length - 2; index >= 0; index -= 2)
    if (items[index]?.text === key) return items[index + 1]
  return undefined
}

/** What an alias or a merge brings in has the line of where it is brought in. */
function collect(value: Json, node: YamlNode, first: number, codes: number[]): void {
  codes.push(Math.min(0xffff, Math.max(0, node.line - first)))
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const [index, inside] of value.entries()) collect(inside, itemOf(node, index) ?? node, first, codes)
    return
  }
  const keys = Object.keys(value)
  // Nearly always each key has its place; a merge, an alias or a key given twice is looked for.
  const inStep = node.kind === MAP && node.items.length === 2 * keys.length
  for (const [index, key] of keys.entries()) {
    const here =
      inStep && node.items[2 * index]?.text === key ? node.items[2 * index + 1] : valueOf(node, key)
    collect(value[key] as Json, here ?? node, first, codes)
  }
}
