/** What a change of metadata can do beside what it says. */
import type { Change } from '../model/change.ts'
import type { Json, KubeObject } from '../model/json.ts'
import { equalJson, fieldOf } from '../object/json.ts'

const CARRIED = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const

/** Whether it is what controllers report and no more: the status of many kinds takes labels and owners along. */
export function isStatusAlone({ subresource, before, after }: Change): boolean {
  if (subresource !== 'status') return false
  return CARRIED.every((key) =>
    equalJson(fieldOf(before?.metadata, key) ?? null, fieldOf(after?.metadata, key) ?? null),
  )
}

/** Whether it gets an owner: the garbage collector deletes what has only owners that are not there. */
export function getsOwner({ operation, before, after }: Change): boolean {
  if (operation !== 'UPDATE') return false
  const owners = (object: KubeObject | undefined): Json[] => {
    const list = fieldOf(object?.metadata, 'ownerReferences')
    return Array.isArray(list) ? list : []
  }
  const had = owners(before)
  return owners(after).some((owner) => !had.some((other) => equalJson(owner, other)))
}
