import { guardManager } from '../reconcile/agent-writer.ts'
import type { Objects } from '../reconcile/objects.ts'
import { readRefusal } from '../reconcile/refusal.ts'
import { Semaphore } from '../cluster/semaphore.ts'
import type { Applier } from './applier.ts'
import type { InventoryEntry } from './inventory.ts'
import type { InventoryStore } from './inventory-store.ts'
import { leftToOthers } from './take-over.ts'

/**
 * Leaves a source to another agent: gives up the ownership of the fields that the guard applied, so that what Git drops later disappears
 * when that agent applies, and forgets the inventory. Deletes nothing. Resolves with how many objects were left; rejects where one
 * could not be, and can be called again.
 */
export async function leaveSource(
  store: Pick<InventoryStore, 'load' | 'remove'>,
  objects: Pick<Objects, 'put'>,
  applier: Pick<Applier, 'live'>,
): Promise<number> {
  const inventory = await store.load()
  const workers = new Semaphore(8)
  const leave = async (entry: InventoryEntry): Promise<boolean> => {
    for (let attempt = 0; ; attempt++) {
      const live = await applier.live(entry)
      const left = live && leftToOthers(live)
      if (left === undefined) return false
      try {
        await objects.put(left, { fieldManager: guardManager })
        return true
      } catch (error) {
        const { kind } = readRefusal(error, 'put')
        if (kind === 'gone') return false
        if (kind !== 'stale' || attempt === 5) throw error
      }
    }
  }
  const entries = [...(inventory?.entries.values() ?? [])]
  const done = await Promise.all(entries.map((entry) => workers.run(() => leave(entry))))
  await store.remove()
  return done.filter(Boolean).length
}
