import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import { escapeText } from './text.ts'

/** `apps` of `apps/v1`, '' of `v1`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}

/** `v1` of `apps/v1` and of `v1`. */
export function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1)
}

export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata
  return {
    group: groupOf(object.apiVersion),
    kind: object.kind,
    namespace: typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
  }
}

/** The identity as one text. Kubernetes lets no newline into any of its parts. */
export function refKey(ref: ObjectRef): string {
  return `${ref.group}\n${ref.kind}\n${ref.namespace}\n${ref.name}`
}

/**
 * For people: `Deployment shop/web`, `ClusterRole reader`. Groups that are not Kubernetes' own are shown, because their
 * kinds may bear any name: `Service.serving.knative.dev shop/web`.
 */
export function formatRef(ref: ObjectRef): string {
  const kind = isBuiltIn(ref.group) ? ref.kind : `${ref.kind}.${ref.group}`
  return escapeText(`${kind} ${ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`}`, 400)
}

/** Groups of the API server itself have no dot, or end in k8s.io, which is reserved for Kubernetes. */
function isBuiltIn(group: string): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io')
}
