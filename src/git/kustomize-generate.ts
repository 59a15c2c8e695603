/** The kustomization that Flux's kustomize-controller makes for a folder without one (fluxcd/pkg/kustomize, Generator). */
import type { JsonObject } from '../model/json.ts'
import type { CommitTree } from './kustomize-tree.ts'

/**
 * All `.yaml` and `.yml` files in the folder and below are its resources; a folder below with a kustomization of its own is one as a
 * whole.
 */
export function generateKustomization(
  folder: string,
  tree: CommitTree,
  hasKustomization: (folder: string) => boolean,
): JsonObject {
  const prefix = folder === '' ? '' : `${folder}/`
  const resources = new Set<string>()
  const known = new Map<string, string | undefined>()
  /** The outermost folder with a kustomization around a file. */
  const whole = (parent: string): string | undefined => {
    if (parent === '') return undefined
    if (known.has(parent)) return known.get(parent)
    const at = parent.lastIndexOf('/')
    const outer = at < 0 ? undefined : whole(parent.slice(0, at))
    const found = outer ?? (hasKustomization(prefix + parent) ? parent : undefined)
    known.set(parent, found)
    return found
  }
  for (const { path, type } of tree.under(folder)) {
    const name = path.slice(prefix.length)
    const inside = whole(name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '')
    if (inside !== undefined) resources.add(`./${inside}`)
    else if (type !== 'submodule' && /\.ya?ml$/.test(name)) resources.add(`./${name}`)
  }
  const kustomization = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }
  // An empty kustomization cannot be built: any field will do.
  return resources.size > 0
    ? { ...kustomization, resources: [...resources] }
    : { ...kustomization, namespace: '_placeholder' }
}
