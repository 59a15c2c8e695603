import { DEPLOY } from '../../src/commands/install-manifests.ts'
import { ClusterApi } from '../../src/cluster/api.ts'
import { connect } from '../../src/cluster/connection.ts'
import { Discovery } from '../../src/cluster/discovery.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'

export const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'

/** The control plane as its admin, as installing needs it. */
export async function asAdmin(plane: ControlPlane): Promise<{ api: ClusterApi; served: Discovery }> {
  const api = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('admin') }))
  const served = new Discovery({ api })
  await served.refresh()
  return { api, served }
}

/** `kubectl apply -k deploy/`, as people do. Throws with what kubectl said. */
export async function applyDeploy(plane: ControlPlane, args: string[] = []): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl('admin', ['apply', '-k', DEPLOY, ...args])
  if (code !== 0) throw new Error(`kubectl apply -k deploy/ failed:\n${stderr}`)
  return stdout
}

/** Every object that the API server holds and that stays by itself, as `apiVersion kind namespace/name`, sorted. */
export async function everyObject(plane: ControlPlane): Promise<string[]> {
  const { body: groups } = await plane.api('GET', '/apis')
  const versions = [
    'v1',
    ...(groups as { groups: { preferredVersion: { groupVersion: string } }[] }).groups.map(
      ({ preferredVersion }) => preferredVersion.groupVersion,
    ),
  ]
  const lists = await Promise.all(versions.map((version) => objectsOf(plane, version)))
  return lists.flat().toSorted()
}

/** Those that come and go without anybody's asking. */
const PASSING = new Set(['Event', 'Lease', 'ComponentStatus', 'APIService'])

async function objectsOf(plane: ControlPlane, apiVersion: string): Promise<string[]> {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  const served = await there<{ resources: { name: string; kind: string; verbs: string[] }[] }>(plane, root)
  const listed = (served?.resources ?? []).filter(
    ({ name, kind, verbs }) => !name.includes('/') && verbs.includes('list') && !PASSING.has(kind),
  )
  const lists = await Promise.all(
    listed.map(async ({ name, kind }) => {
      const list = await there<{ items: { metadata: { namespace?: string; name: string } }[] }>(
        plane,
        `${root}/${name}`,
      )
      return (list?.items ?? []).map(
        ({ metadata }) => `${apiVersion} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`,
      )
    }),
  )
  return lists.flat()
}

/** Undefined for what is served no longer: a definition that was deleted a moment ago is still announced. */
async function there<Body>(plane: ControlPlane, path: string): Promise<Body | undefined> {
  const { status, body } = await plane.api('GET', path)
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`GET ${path} was answered with ${status}: ${JSON.stringify(body)}`)
  return body as Body
}
