import type { Writes } from './audit-record.ts'
import type { Sight } from './witness.ts'

/** Something that alice wrote: a token that is nowhere in Git. */
export interface Edit {
  object: string
  token: string
}

/** What the race showed. */
export interface Outcome {
  /** Versions by who wrote them. */
  written: { agent: number; guard: number; alice: number }
  /** Writes of the guard that took back what the agent had brought in: none is right. */
  undone: string[]
  /** Writes of the guard that brought a commit in before the agent did. */
  early: number
  /** Edits that nobody took back. */
  standing: string[]
  /** Milliseconds for which each edit could be seen, ascending. */
  healedMs: number[]
  /** Edits that could be seen for more than three seconds, the slowest first. */
  slow: { object: string; token: string; ms: number }[]
}

/**
 * Judges a race by what a client outside saw, with the API server's record of who wrote it. The agent's commits only go forward, so a
 * write of the guard is wrong when its commit is older than one that the agent had written to the object before, or when it brings
 * back at the same commit what the agent had pruned. A patch of `kubectl apply` names only what it found different: one that the guard
 * overtook with a newer commit leaves the number of that commit there, and says nothing of which commit the agent is at.
 */
export function judgeRace(
  sights: readonly Sight[],
  { writers, deletes }: Writes,
  { agent, guard, edits }: { agent: string; guard: string; edits: readonly Edit[] },
): Outcome {
  const written = { agent: 0, guard: 0, alice: 0 }
  const undone: string[] = []
  let early = 0
  const brought = new Map<string, { commit: number; pruned: boolean; early: number }>()
  for (const { object, type, version, commit, at } of sights) {
    const known = brought.get(object) ?? { commit: 0, pruned: false, early: 0 }
    if (type === 'deleted') {
      brought.set(object, { ...known, pruned: isBy(agent, { object, at }, deletes) })
      continue
    }
    const writer = writers.get(version)
    if (writer === agent) {
      written.agent++
      const at = commit === known.early ? 0 : commit
      brought.set(object, { ...known, commit: Math.max(at, known.commit), pruned: false })
    } else if (writer === guard) {
      written.guard++
      if (commit < known.commit)
        undone.push(`${object}: commit ${commit} over the agent's ${known.commit}, version ${version}`)
      else if (known.pruned && commit <= known.commit)
        undone.push(`${object}: back at commit ${commit} after the agent had pruned it, version ${version}`)
      else if (commit > known.commit) {
        early++
        brought.set(object, { ...known, early: commit })
      }
    } else if (writer === 'alice') written.alice++
  }
  return { written, undone, early, ...judgeEdits(sights, edits) }
}

function judgeEdits(
  sights: readonly Sight[],
  edits: readonly Edit[],
): Pick<Outcome, 'standing' | 'healedMs' | 'slow'> {
  const standing: string[] = []
  const healed: Outcome['slow'] = []
  for (const { object, token } of edits) {
    const own = sights.filter((sight) => sight.object === object)
    const from = own.findIndex(({ text }) => text.includes(token))
    const to = own.findIndex(
      ({ text, type }, at) => at > from && (type === 'deleted' || !text.includes(token)),
    )
    const last = own.at(-1)
    if (from === -1 || to === -1 || (last?.type !== 'deleted' && last?.text.includes(token)))
      standing.push(`${object}: ${token}`)
    else healed.push({ object, token, ms: own[to]!.at - own[from]!.at })
  }
  healed.sort((a, b) => a.ms - b.ms)
  const slow = healed.filter(({ ms }) => ms > 3_000).toReversed()
  return { standing, healedMs: healed.map(({ ms }) => ms), slow }
}

/** The delete that was answered nearest to when the end of the object was seen. */
function isBy(
  user: string,
  { object, at }: { object: string; at: number },
  deletes: Writes['deletes'],
): boolean {
  const own = deletes.filter((one) => one.object === object)
  const nearest = own.toSorted((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0]
  return nearest?.user === user
}
