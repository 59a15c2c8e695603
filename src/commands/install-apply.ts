import type { KubeObject } from '../model/json.ts'
import { cloneJson, stringifyJson } from '../object/json.ts'
import { GUARDING } from './uninstall-plan.ts'
import { nameOf, placeOf, read, type InstallApi, type Served } from './install-api.ts'

export const FIELD_MANAGER = 'gitops-guard-install'

export interface Applied {
  object: string
  /** `kept`: the running guard's, left alone. */
  action: 'created' | 'configured' | 'unchanged' | 'kept'
}

/**
 * Server-side applies the objects in their order and says each. Forced: the installer says what these objects are, after
 * `kubectl apply -k deploy/` too. The webhook configuration and the policies are made once as empty shells; from then on they are
 * the guard's.
 * Throws for the first that is refused; what went before stays, and the next installation goes on from there.
 */
export async function applyInstallation(
  api: InstallApi,
  served: Served,
  { objects, said }: { objects: readonly KubeObject[]; said: (applied: Applied) => void },
): Promise<Applied[]> {
  const applied: Applied[] = []
  for (const object of objects) {
    const one = { object: nameOf(object), action: await applyOne(api, served, object) }
    said(one)
    applied.push(one)
  }
  return applied
}

async function applyOne(api: InstallApi, served: Served, object: KubeObject): Promise<Applied['action']> {
  const place = placeOf(served, object)
  if (place === undefined)
    throw new Error(`cannot apply ${nameOf(object)}: this cluster serves no ${object.apiVersion}`)
  const before = await read(api, place)
  if (before !== undefined && GUARDING.includes(object.kind)) return 'kept'
  const { object: after } = await api.apply(place.resource, object, {
    force: true,
    query: { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' },
  })
  if (before === undefined) return 'created'
  return content(before) === content(after) ? 'unchanged' : 'configured'
}

/** Without what controllers write in between. */
function content(object: KubeObject): string {
  const copy = cloneJson(object)
  delete copy['status']
  delete copy.metadata['resourceVersion']
  delete copy.metadata['managedFields']
  return stringifyJson(copy)
}
