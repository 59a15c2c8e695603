import type { DesiredState, Manifest, Problem } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import { placeManifests, type Namespaced } from '../git/scope.ts'
import { refKey } from '../object/identity.ts'
import type { DesiredChange } from '../reconcile/desired-change.ts'

/** A source's manifests in the namespaces that they are for, as far as discovery knows their kinds. */
export function placeState(
  state: DesiredState,
  namespace: string | undefined,
  namespaced: Namespaced,
): DesiredState {
  const { manifests, problems } = placeManifests(state.manifests, {
    source: state.source,
    namespace,
    namespaced,
  })
  return { ...state, manifests, problems: uniqueProblems([...state.problems, ...problems]) }
}

/** What a new state of a source changes in what it declares. */
export function desiredChange(before: DesiredState | undefined, after: DesiredState): DesiredChange {
  const old = new Map<string, Manifest>()
  for (const manifest of before?.manifests ?? []) old.set(refKey(manifest.ref), manifest)
  const added: ObjectRef[] = []
  const changed: { ref: ObjectRef; before: Manifest }[] = []
  for (const manifest of after.manifests) {
    const key = refKey(manifest.ref)
    const earlier = old.get(key)
    old.delete(key)
    if (earlier === undefined) added.push(manifest.ref)
    else if (earlier.hash !== manifest.hash) changed.push({ ref: manifest.ref, before: earlier })
  }
  const removed = [...old.values()].map((manifest) => manifest.ref)
  const { source, revision, committedAt } = after
  return { source, revision, committedAt, added, changed, removed }
}

function uniqueProblems(problems: readonly Problem[]): Problem[] {
  const seen = new Map(
    problems.map((problem) => [`${problem.file}\n${problem.line}\n${problem.message}`, problem]),
  )
  return [...seen.values()]
}
