/** Finds the template that an object was rendered from, by Helm's comment, and a line in it by the object's kind. */
import type { Manifest } from '../model/desired.ts'
import type { HelmChart } from './helm-chart.ts'

/** `# Source: NAME/templates/web.yaml`, which Helm writes above each document. */
export function sourceOf(comment: string): string | undefined {
  return /^# Source: (\S.*)$/.exec(comment.trim())?.[1]
}

/** The file in the commit that Helm calls `NAME/...`; the archive where it is in one; undefined where it cannot be told. */
export function fileOf(source: string, { root, files }: HelmChart): string | undefined {
  const inside = source.slice(source.indexOf('/') + 1)
  const path = root === '' ? inside : `${root}/${inside}`
  const known = files.get(path)
  if (known) return known.path
  const charts = /^(.*?charts\/)([^/]+)\//.exec(path)
  if (!charts) return undefined
  const [, folder = '', name = ''] = charts
  return [...files.keys()].find(
    (file) =>
      file.startsWith(`${folder}${name}-`) &&
      file.endsWith('.tgz') &&
      !file.slice(folder.length).includes('/'),
  )
}

/**
 * The line at which the `nth` object (from 0) of a kind begins in a template, from 1: where there are as many `kind:` lines as needed, the
 * beginning of the document around that one.
 */
export function lineOf({ ref }: Pick<Manifest, 'ref'>, template: string, nth: number): number {
  const lines = template.split(/\r?\n/)
  const kinds = lines.flatMap((line, index) => {
    const kind = /^kind:\s*["']?([A-Za-z]+)["']?\s*(#.*)?$/.exec(line)?.[1]
    return kind === ref.kind ? [index] : []
  })
  const named = kinds.filter((index) => documentAround(lines, index).some((line) => namesIt(line, ref.name)))
  const at = named.length === 1 ? named[0] : kinds[Math.min(nth, kinds.length - 1)]
  if (at === undefined) return 1
  const start = lines.slice(0, at).findLastIndex((line) => /^---(\s|$)/.test(line)) + 1
  const first = lines.slice(start, at).findIndex((line) => /^apiVersion:/.test(line))
  return (first < 0 ? at : start + first) + 1
}

function documentAround(lines: readonly string[], index: number): readonly string[] {
  const isEnd = (line: string) => /^---(\s|$)/.test(line)
  const start = lines.slice(0, index).findLastIndex(isEnd) + 1
  const length = lines.slice(index).findIndex(isEnd)
  return lines.slice(start, length < 0 ? undefined : index + length)
}

function namesIt(line: string, name: string): boolean {
  return /^ {1,4}name:\s*["']?([^"'\s#]*)/.exec(line)?.[1] === name
}
