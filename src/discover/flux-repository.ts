/** Which commit of which repository a Flux GitRepository means. */
import type { Json, KubeObject } from '../model/json.ts'
import type { GitRef } from '../git/git-ref.ts'
import type { SourceSpec } from '../git/source-spec.ts'
import type { AgentFacts, ValueReference } from './discovered.ts'
import { at, commitIn, dataOf, isTrue, listAt, nameOf, textAt } from './reading.ts'

export interface FluxRepository {
  url: string
  ref: GitRef
  ignore: NonNullable<SourceSpec['ignore']>
  verify: SourceSpec['verify']
  wants: readonly ValueReference[]
}

/** A problem says why it cannot be followed; undefined where Flux has not fetched it yet. */
export function fluxRepository(
  repository: KubeObject,
  facts: AgentFacts,
): FluxRepository | { problem: string; wants: readonly ValueReference[] } | undefined {
  const { spec } = repository
  const { namespace, name } = nameOf(repository)
  const artifact = at(repository['status'], 'artifact')
  const problem = (message: string, wants: readonly ValueReference[] = []) => ({
    problem: `GitRepository ${namespace}/${name} ${message}`,
    wants,
  })
  if (listAt(spec, 'include').length > 0)
    return problem('includes other repositories, which is not done here')
  const revision = textAt(artifact, 'revision')
  const ref = refOf(spec, revision, isTrue(spec, 'suspend'))
  if (ref === undefined) return undefined
  const patterns = textAt(spec, 'ignore')
  const wants = verifyingSecrets(spec, namespace)
  const verify = verifying(spec, facts, wants)
  if (typeof verify === 'string') return problem(verify, wants)
  return { url: textAt(spec, 'url'), ref, ignore: patterns === '' ? {} : { patterns }, verify, wants }
}

/**
 * A name wins over a commit, that over a range of versions, a tag and a branch; without any it is the branch master. A range is the tag that
 * Flux has found for it, and one that is suspended stays at the commit that it has.
 */
function refOf(spec: Json | undefined, revision: string, suspended: boolean): GitRef | undefined {
  if (suspended) {
    const commit = commitIn(revision)
    return commit === undefined ? undefined : { commit }
  }
  const theirs = at(spec, 'ref')
  const name = textAt(theirs, 'name')
  if (name !== '') return { name }
  const commit = textAt(theirs, 'commit')
  if (commit !== '') return { commit }
  if (textAt(theirs, 'semver') !== '') {
    const tag = /^(.+)@sha(?:1|256):/.exec(revision)?.[1]
    return tag === undefined ? undefined : { tag }
  }
  const tag = textAt(theirs, 'tag')
  return tag === '' ? { branch: textAt(theirs, 'branch') || 'master' } : { tag }
}

function verifyingSecrets(spec: Json | undefined, namespace: string): ValueReference[] {
  const name = textAt(spec, 'verify', 'secretRef', 'name')
  return name === '' ? [] : [{ kind: 'Secret', namespace, name }]
}

/** A text says why commits cannot be verified as Flux does. */
function verifying(
  spec: Json | undefined,
  facts: AgentFacts,
  wants: readonly ValueReference[],
): SourceSpec['verify'] | string {
  if (at(spec, 'verify') === undefined) return undefined
  const mode = textAt(spec, 'verify', 'mode') || 'HEAD'
  if (mode.toLowerCase() !== 'head') return `verifies ${mode}, and here only the commit itself is verified`
  const secrets = wants.map((reference) => facts.values(reference))
  if (secrets.length === 0 || secrets.includes(undefined)) return 'verifies by a Secret that does not exist'
  const keys = secrets.flatMap((secret) => dataOf(secret!).map(([, key]) => key))
  return { keys: keys.map((key) => ({ read: () => Promise.resolve(key), toJSON: () => key })) }
}
