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
  // kustomize repeats a whole patch that does not fit.
  text = text.replace(/\[[^\]]*\n[^]*\]/g, '[...]')
  const line = text
    .split('\n')
    .map((one) => one.trim())
    .find((one) => one !== '')
  const clean = (line ?? '').replace(/^Error: /, '')
  return clean.length > 800 ? `${clean.slice(0, 500)} ... ${clean.slice(-280)}` : clean
}
