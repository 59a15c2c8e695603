/** What is said and what stays in force when a program could not render a commit. */
import type { Problem } from '../model/desired.ts'
import type { RenderInput, Rendered } from './renderer.ts'

/** The objects of the last commit that could be rendered stay in force, as they do for every agent. */
export function renderFailure({ rendering }: RenderInput, problems: readonly Problem[]): Rendered {
  if (rendering === undefined) return { manifests: [], problems: [...problems], files: new Map() }
  const { manifests, revision } = rendering
  const kept = manifests.length === 1 ? 'its object stays' : `its ${manifests.length} objects stay`
  const told = problems.map((problem, index) =>
    index > 0 || manifests.length === 0
      ? problem
      : { ...problem, message: `${problem.message} (${kept} as in commit ${revision.slice(0, 12)})` },
  )
  // What it read is no longer this: the next commit is rendered whatever it holds.
  return {
    manifests: [...manifests],
    problems: told,
    files: new Map(),
    rendering: { ...rendering, inputs: '' },
  }
}

/** What a program said, for people: one line, not long, without what may be a manifest's content. */
export function failureText(message: string, secrets: readonly string[]): string {
  let text = message
  for (const secret of secrets) text = text.replaceAll(secret, '***')
  // kustomize repeats whole patches and configurations that do not fit: over several lines, in these.
  text = text.replace(/`[^`\n]*\n[^`]*(`|$)/g, '`...`').replace(/\[[^\]\n]*\n[^]*(\]|$)/g, '[...]')
  const line = text
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .join(' ')
    .replace(/^Error: /, '')
  return line.length > 1000 ? `${line.slice(0, 600)} ... ${line.slice(-380)}` : line
}
