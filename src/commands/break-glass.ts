import { ApiError } from '../cluster/api-error.ts'
import { fieldOf } from '../object/json.ts'
import { parseDuration } from '../config/duration.ts'
import { GUARD_NAME } from '../guard/settings.ts'
import { ownExceptions } from '../policy/break-glass-object.ts'
import { openCluster, type CommonOptions } from './context.ts'
import { readObjectArgument } from './object-argument.ts'

const BREAK_GLASS = {
  group: 'gitops-guard.dev',
  version: 'v1alpha1',
  resource: 'breakglasses',
  kind: 'BreakGlass',
  namespaced: true,
}

export interface BreakGlassOptions extends CommonOptions {
  namespace: string
  reason: string
  for: string
  /** Renew this exception instead of opening one. */
  renew?: string
}

/** `gitops-guard break-glass`: opens an exception, or renews one. RBAC on the resource says who may. */
export async function breakGlass(names: string[], options: BreakGlassOptions): Promise<number> {
  const duration = parseDuration(options.for)
  if (duration === undefined || duration <= 0)
    throw new Error(`--for takes a duration such as 30m: not ${options.for}`)
  const { api, discovery, connection } = await openCluster(options)
  try {
    if (discovery.resourceFor(BREAK_GLASS.group, BREAK_GLASS.kind, BREAK_GLASS.version) === undefined)
      throw new Error(
        'this cluster has no BreakGlass resource: gitops-guard install brings it (or kubectl apply -f deploy/break-glass.yaml)',
      )
    const objects = names.map((name) => {
      const { resource, name: objectName } = readObjectArgument(name, discovery)
      const { group, version, kind } = resource
      return { apiVersion: group === '' ? version : `${group}/${version}`, kind, name: objectName }
    })
    const expiresAt = new Date(Date.now() + duration).toISOString()
    const { namespace, reason, renew } = options
    // In its own namespace the guard knows one exception of people, by its name.
    const own = namespace === GUARD_NAME && names.length === 0 ? ownExceptions.upgrade : undefined
    const spec = { reason, expiresAt }
    const change = async (name: string) =>
      await api.patch(BREAK_GLASS, { namespace, name }, { spec }, { type: 'application/merge-patch+json' })
    const open = async () =>
      await api.create(BREAK_GLASS, {
        apiVersion: 'gitops-guard.dev/v1alpha1',
        kind: 'BreakGlass',
        metadata: own === undefined ? { generateName: 'break-glass-', namespace } : { name: own, namespace },
        spec: { objects, ...spec },
      })
    const { object } = await (renew === undefined ? open() : change(renew)).catch((error: unknown) => {
      // One of the last upgrade, open or not.
      if (own === undefined || !(error instanceof ApiError) || error.status !== 409) throw error
      return change(own)
    })
    const name = String(fieldOf(object.metadata, 'name'))
    if (options.output === 'json') {
      console.log(JSON.stringify({ namespace, name, objects, reason, expiresAt }))
    } else {
      const all = own === undefined ? `everything in ${namespace}` : 'what the guard itself consists of'
      const what = names.length === 0 ? all : names.join(', ')
      console.log(
        `${name} is open until ${expiresAt}: ${what} may be changed by hand, and everybody hears of it.`,
      )
      console.log(
        `Then Git's state returns. Renew: kubectl guard break-glass -n ${namespace} --renew ${name} --for 30m --reason "..."`,
      )
      console.log(`Close: kubectl -n ${namespace} delete breakglass ${name}`)
    }
    return 0
  } finally {
    connection.close()
  }
}
