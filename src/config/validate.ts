import { checkMeaning, type PresetNames } from './check-meaning.ts'
import { ConfigDocument } from './document.ts'
import { explainSchemaErrors } from './explain-schema.ts'
import type { ConfigProblem } from './problem.ts'
import type { RawConfig } from './raw.ts'
import { schemaErrors } from './schema.ts'

/** The configuration as written, or everything that is wrong with it, in the order of the file. */
export function validateConfig(
  text: string,
  options: { file: string; presets?: PresetNames | undefined },
): { config: RawConfig } | { problems: readonly ConfigProblem[] } {
  const document = new ConfigDocument(options.file, text)
  if (document.problems.length > 0) return { problems: document.problems }
  let value: unknown
  try {
    value = document.value
  } catch (error) {
    return { problems: [document.problem([], `no valid YAML: ${(error as Error).message}`)] }
  }
  if (value === null || value === undefined) {
    const wanted = 'apiVersion: gitops-guard.dev/v1alpha1 and kind: GuardConfig at least'
    return { problems: [document.problem([], `the configuration is empty: it must have ${wanted}`)] }
  }
  const complaints = explainSchemaErrors(schemaErrors(value), value)
  const problems = complaints.map(({ path, message, key }) => document.problem(path, message, { key }))
  // Only what has the right form can be looked into; each part that has is, so that one mistake does not hide the next.
  const wrong = new Set(complaints.map(({ path }) => JSON.stringify(path.slice(0, 2))))
  const sound = wrong.size === 0 ? value : withoutParts(value, wrong)
  checkMeaning(sound as RawConfig, options.presets, (path, message) =>
    problems.push(document.problem(path, message)),
  )
  if (problems.length > 0) return { problems: unique(problems).toSorted(byPlace) }
  return { config: value as RawConfig }
}

/** The value without the top-level keys and list items that the schema refuses. Items keep their index: they become empty maps. */
function withoutParts(value: unknown, wrong: ReadonlySet<string>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  const entries = Object.entries(value).flatMap(([key, part]: [string, unknown]) => {
    if (wrong.has(JSON.stringify([key]))) return []
    if (!Array.isArray(part)) {
      const inside = [...wrong].some((path) => (JSON.parse(path) as unknown[])[0] === key)
      return inside ? [] : [[key, part] as const]
    }
    const items = part.map((item: unknown, index) =>
      wrong.has(JSON.stringify([key, index])) ? PLACEHOLDER : item,
    )
    return [[key, items] as const]
  })
  return Object.fromEntries(entries)
}

/** Stands for an item that the schema refused: of no kind that has anything to check. */
const PLACEHOLDER = Object.freeze({ repository: '.', url: '.', name: undefined })

function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return a.line - b.line || a.column - b.column
}
