import type { JsonObject, KubeObject } from '../model/json.ts'
import { isObject } from '../object/json.ts'
import { guardedKindsRules, type Guarded } from './install-rights.ts'

/** What one installation changes in the manifests of `deploy/`. */
export interface InstallChoices {
  /** The configuration file as it is written: comments stay. */
  configuration: string
  image?: string | undefined
  replicas?: number | undefined
  /** Absent: the rights stay as wide as `deploy/guarded-kinds.yaml` has them. */
  guarded?: Guarded | undefined
}

/** The manifests of one installation. Pure; its input stays as it is. */
export function renderInstallation(manifests: readonly KubeObject[], choices: InstallChoices): KubeObject[] {
  return manifests.map((manifest) => {
    const object = structuredClone(manifest)
    if (object.kind === 'ConfigMap') object.data = { 'config.yaml': choices.configuration }
    if (object.kind === 'Deployment') chooseDeployment(object, choices)
    if (
      object.kind === 'ClusterRole' &&
      object.metadata.name === 'gitops-guard-guarded-kinds' &&
      choices.guarded
    )
      object.rules = guardedKindsRules(choices.guarded)
    return object
  })
}

function chooseDeployment(deployment: KubeObject, { image, replicas }: InstallChoices): void {
  const spec = child(deployment, 'spec')
  if (replicas !== undefined) spec.replicas = replicas
  const containers = child(child(spec, 'template'), 'spec').containers
  for (const container of Array.isArray(containers) ? containers : []) {
    if (image !== undefined && isObject(container)) container.image = image
  }
}

function child(parent: JsonObject, key: string): JsonObject {
  const value = parent[key]
  if (!isObject(value)) throw new Error(`the Deployment in deploy/ has no ${key}`)
  return value
}
