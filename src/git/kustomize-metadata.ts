/** Asks kustomize, in the kustomization that is built, to say where each object comes from. */
import { fieldOf } from '../object/json.ts'
import { isMap, isScalar, parseDocument } from 'yaml'
import { readDocuments } from './yaml.ts'

const ORIGINS = 'originAnnotations'

/**
 * The kustomization with `buildMetadata: [originAnnotations]` besides what it says itself; `asked` where it does so by itself. The rest of the
 * text stays as it is, as building another kustomization around this one would change it (its order, its labels).
 */
export function withOrigins(content: string): { content: string; asked: boolean } {
  const text = content.replace(/^\ufeff/, '')
  const value = readDocuments(text, '').documents[0]?.value
  const listed = fieldOf(value, 'buildMetadata')
  const options = Array.isArray(listed) ? listed.filter((option) => typeof option === 'string') : []
  if (options.includes(ORIGINS)) return { content: text, asked: true }
  const list = JSON.stringify([...options, ORIGINS])
  const root = parseDocument(text, {
    version: '1.1',
    schema: 'failsafe',
    strict: false,
    uniqueKeys: false,
  }).contents
  if (!isMap(root) || !root.range) return { content: text, asked: false }
  const pair = root.items.find(({ key }) => isScalar(key) && key.source === 'buildMetadata')
  const range = (pair?.value as { range?: [number, number, number] } | null | undefined)?.range
  if (pair && range) {
    const end = text.slice(range[0], range[1]).endsWith('\n') ? '\n' : ''
    return { content: `${text.slice(0, range[0])} ${list}${end}${text.slice(range[1])}`, asked: false }
  }
  const [start, end] = root.range
  const line = `buildMetadata: ${list}`
  if (root.flow)
    return { content: `${text.slice(0, start + 1)}${line},${text.slice(start + 1)}`, asked: false }
  const before = text.slice(0, end)
  return { content: `${before}${before.endsWith('\n') ? '' : '\n'}${line}\n${text.slice(end)}`, asked: false }
}
