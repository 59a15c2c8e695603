import type { KubeObject } from '../model/json.ts'

/**
 * Guarding ends before rights do, and rights before the guard: so that at no moment a running guard without its view of Git
 * refuses people, and that it cannot put back what goes. Kinds that are not listed go with the namespace.
 */
const ORDER = [
  'ValidatingAdmissionPolicyBinding',
  'ValidatingAdmissionPolicy',
  'ValidatingWebhookConfiguration',
  'ClusterRoleBinding',
  'ClusterRole',
  'Deployment',
  'FlowSchema',
  'PriorityLevelConfiguration',
  'Namespace',
  // Last: with it every BreakGlass in every namespace goes.
  'CustomResourceDefinition',
]

/** What guards: the first to go, and what a running guard would put back. */
export const GUARDING = ORDER.slice(0, 3)

/** Of an installation's objects those that are deleted one by one, in that order. */
export function planRemoval(installation: readonly KubeObject[]): KubeObject[] {
  return ORDER.flatMap((kind) => installation.filter((object) => object.kind === kind))
}

/** The written exception that tells a running guard to step down: to keep its webhook and its policies no longer. */
export function stepDown(
  installation: readonly KubeObject[],
  { namespace, by, now }: { namespace: string; by: string; now: number },
): KubeObject {
  return {
    apiVersion: 'gitops-guard.dev/v1alpha1',
    kind: 'BreakGlass',
    metadata: { name: STEP_DOWN, namespace, labels: { 'app.kubernetes.io/name': 'gitops-guard' } },
    spec: {
      objects: planRemoval(installation)
        .filter(({ kind }) => GUARDING.includes(kind))
        .map(({ apiVersion, kind, metadata }) => ({ apiVersion, kind, name: metadata.name ?? '' })),
      reason: `gitops-guard uninstall${by === '' ? '' : `, by ${by}`}`,
      expiresAt: new Date(now + STEP_DOWN_MS).toISOString(),
    },
  }
}

/** A running guard knows it by this name, in its own namespace. */
export const STEP_DOWN = 'uninstall'
/** If uninstalling breaks off, guarding comes back by itself. */
const STEP_DOWN_MS = 10 * 60_000
