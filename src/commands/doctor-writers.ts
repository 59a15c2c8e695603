import { isWebhookDown } from '../cluster/api-error.ts'
import type { CanonicalForms } from '../cluster/canonical.ts'
import type { Facts } from '../doctor/facts.ts'
import type { KubeObject } from '../model/json.ts'
import type { Declared, Policy } from '../model/policy.ts'
import { fieldPattern } from '../object/field-pattern.ts'
import { formatRef, refKey, refOf } from '../object/identity.ts'
import { knownForms } from '../guard/known-forms.ts'
import { allAgents } from '../policy/agents.ts'
import { guardManager } from '../reconcile/agent-writer.ts'
import { Comparison } from '../reconcile/comparison.ts'
import { Ledger } from '../reconcile/ledger.ts'
import { readManagedFields } from '../reconcile/managed-fields.ts'
import { ownersOf } from '../reconcile/owners.ts'

/** Objects that are compared at the same time. */
const AT_A_TIME = 16

/** Field managers that own what live objects hold otherwise than Git says, and no allowance covers. */
export async function unallowedWriters(
  all: readonly Declared[],
  live: ReadonlyMap<string, KubeObject>,
  { policy, forms }: { policy: Policy; forms: CanonicalForms },
): Promise<Facts['writers']> {
  const comparison = new Comparison({ forms: knownForms(forms), ledger: new Ledger() })
  const agents = agentManagers(all, live, policy)
  const found = new Map<string, { objects: Set<string>; fields: Set<string> }>()
  const look = async (declared: Declared) => {
    const { ref } = declared.manifest
    const object = live.get(refKey(ref))
    if (object === undefined) return
    const form = await forms.form(declared.manifest)
    if (!('canonical' in form) || form.canonical.object.apiVersion !== object.apiVersion) return
    const { changes } = await comparison.confirmed(policy, declared, form.canonical, object, refKey(ref))
    const entries = readManagedFields(object)
    for (const change of changes) {
      for (const manager of ownersOf(entries, [change]).managers) {
        if (agents.has(manager)) continue
        const one = found.get(manager) ?? { objects: new Set(), fields: new Set() }
        one.objects.add(formatRef(ref))
        one.fields.add(fieldPattern(change.path))
        found.set(manager, one)
      }
    }
  }
  const queue = [...all]
  const worker = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop())
      await look(next).catch(unlessWebhookDown)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  return [...found].map(([manager, { objects, fields }]) => ({
    manager,
    objects: [...objects].toSorted(),
    fields: [...fields].toSorted(),
  }))
}

/** What somebody's webhook keeps from being asked is left out: doctor has more to say. */
function unlessWebhookDown(error: unknown): void {
  if (!isWebhookDown(error)) throw error
}

/** Those that agents are known to use; else the one that owns most of what a source declares. */
function agentManagers(
  all: readonly Declared[],
  live: ReadonlyMap<string, KubeObject>,
  policy: Policy,
): ReadonlySet<string> {
  const known = allAgents(policy).flatMap(({ managers = [] }) => managers)
  const managers = new Set([guardManager, ...known])
  for (const declared of Map.groupBy(all, ({ source }) => source.name).values()) {
    const sizes = new Map<string, number>()
    for (const { manifest } of declared) {
      const object = live.get(refKey(manifest.ref))
      for (const { manager, fields, subresource } of object === undefined ? [] : readManagedFields(object)) {
        if (subresource === '') sizes.set(manager, (sizes.get(manager) ?? 0) + fields.size)
      }
    }
    const [most] = [...sizes].toSorted(([, a], [, b]) => b - a)
    if (most !== undefined && !known.some((manager) => sizes.has(manager))) managers.add(most[0])
  }
  return managers
}

/** By identity. */
export function byIdentity(objects: readonly KubeObject[]): Map<string, KubeObject> {
  return new Map(objects.map((object) => [refKey(refOf(object)), object]))
}
