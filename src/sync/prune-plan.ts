import type { InventoryEntry } from './inventory.ts'
import { stageOf } from './stage.ts'

/**
 * What is deleted because Git dropped it: what the inventory holds and no source declares any more.
 *
 * Nothing is deleted while a manifest cannot be read, as what it declares is not known. In a namespace where something of the
 * newest commit is not applied yet, nothing is deleted either: the one may replace the other. A commit that drops too
 * much deletes nothing at all, until the configuration lets it.
 */
export interface PruneFacts {
  inventory: ReadonlyMap<string, InventoryEntry>
  /** Whether the source declares it now. */
  declares(entry: InventoryEntry): boolean
  /** Whether another source declares it. */
  declaredElsewhere(entry: InventoryEntry): boolean
  /** How many objects the source declares now. */
  declared: number
  /** How many manifests cannot be used. */
  problems: number
  /** The most that one commit may delete; absent: no more than it leaves, or a few. */
  max?: number | undefined
  /** Namespaces in which something is not applied as Git says now, '' for cluster-scoped objects. */
  unsettled: ReadonlySet<string>
  /** Whether an exception keeps the guard off it. */
  isHeld(entry: InventoryEntry): boolean
}

export interface PrunePlan {
  /** In this order, each when the ones before it were asked to go. */
  remove: readonly InventoryEntry[]
  /** Only once nothing else is in them: Namespaces and definitions of kinds, which take along what they hold. */
  removeEmpty: readonly InventoryEntry[]
  /** Git dropped them and they stay: for another source, or as Git's last version said. */
  release: readonly { entry: InventoryEntry; why: string }[]
  waiting: readonly { entry: InventoryEntry; why: string }[]
  /** Nothing is deleted, as it is too much. */
  refused?: { count: number; max: number }
}

/** So many may go in one commit whatever it leaves, unless it leaves nothing. */
const FEW = 5

/** Decides what is deleted. */
export function planPrune(facts: PruneFacts): PrunePlan {
  const dropped = [...facts.inventory.values()].filter((entry) => !facts.declares(entry))
  if (facts.problems > 0) {
    const waiting = dropped.map((entry) => ({ entry, why: 'not every manifest can be read' }))
    return { remove: [], removeEmpty: [], release: [], waiting }
  }
  const release: { entry: InventoryEntry; why: string }[] = []
  const doomed: InventoryEntry[] = []
  for (const entry of dropped) {
    if (facts.declaredElsewhere(entry)) release.push({ entry, why: 'another source declares it' })
    else if (entry.keep) release.push({ entry, why: 'its last version in Git says that it is not pruned' })
    else doomed.push(entry)
  }
  const nothing = { remove: [], removeEmpty: [], release }
  const max = facts.max ?? (facts.declared === 0 ? 0 : Math.max(FEW, facts.declared))
  if (doomed.length > max) {
    const waiting = doomed.map((entry) => ({ entry, why: 'too much at once' }))
    return { ...nothing, waiting, refused: { count: doomed.length, max } }
  }
  const waiting: { entry: InventoryEntry; why: string }[] = []
  const now: InventoryEntry[] = []
  for (const entry of doomed) {
    const { namespace } = entry.ref
    const unsettled = namespace === '' ? facts.unsettled.size > 0 : facts.unsettled.has(namespace)
    if (facts.isHeld(entry)) waiting.push({ entry, why: 'an exception is open for it' })
    else if (unsettled) waiting.push({ entry, why: 'what the commit declares beside it is not applied yet' })
    else now.push(entry)
  }
  const ordered = now.toSorted((a, b) => stageOf(b.ref) - stageOf(a.ref))
  return {
    ...nothing,
    remove: ordered.filter(({ ref }) => !isContainer(ref)),
    removeEmpty: ordered.filter(({ ref }) => isContainer(ref)),
    waiting,
  }
}

/** What takes other objects along when it goes. */
function isContainer({ group, kind }: { group: string; kind: string }): boolean {
  if (group === '') return kind === 'Namespace'
  return group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition'
}
