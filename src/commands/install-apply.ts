import type { KubeObject } from '../model/json.ts'
import { isRecord, nameOf, whyRefused, type InstallApi } from './install-api.ts'
import type { ServedKinds } from './install-resources.ts'

export const FIELD_MANAGER = 'gitops-guard-install'

export interface Applied {
  object: string
  /** `kept`: the running guard's, left alone. */
  action: 'created' | 'configured' | 'unchanged' | 'kept'
}

/**
 * Server-side applies the objects in their order and says each. Forced: the installer says what these objects are, after
 * `kubectl apply -k deploy/` too. The webhook configuration is made once as an empty shell; from then on it is the guard's.
 * Throws for the first that is refused; what went before stays, and the next installation goes on from there.
 */
export async function applyInstallation(
  api: InstallApi,
  kinds: ServedKinds,
  { objects, said }: { objects: readonly KubeObject[]; said: (applied: Applied) => void },
): Promise<Applied[]> {
  const applied: Applied[] = []
  for (const object of objects) {
    const one = { object: nameOf(object), action: await applyOne(api, kinds, object) }
    said(one)
    applied.push(one)
  }
  return applied
}

async function applyOne(api: InstallApi, kinds: ServedKinds, object: KubeObject): Promise<Applied['action']> {
  const { namespace, name } = object.metadata as { namespace?: string; name: string }
  const path = await kinds.path(object, { ...(namespace === undefined ? {} : { namespace }), name })
  if (path === undefined)
    throw new Error(`cannot apply ${nameOf(object)}: this cluster serves no ${object.apiVersion}`)
  const before = await api.send('GET', path)
  if (before.status === 200 && object.kind === 'ValidatingWebhookConfiguration') return 'kept'
  const query = `fieldManager=${FIELD_MANAGER}&force=true&fieldValidation=Strict`
  const after = await api.send('PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml')
  if (after.status >= 300) throw new Error(`cannot apply ${nameOf(object)}: ${whyRefused(after)}`)
  if (before.status === 404) return 'created'
  return version(before.body) === version(after.body) ? 'unchanged' : 'configured'
}

function version(body: unknown): unknown {
  return isRecord(body) && isRecord(body.metadata) ? body.metadata.resourceVersion : undefined
}
