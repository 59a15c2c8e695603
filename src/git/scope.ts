/** Which namespace each manifest of a source is for, and which of two manifests for one object counts. */
import type { Manifest, Problem } from '../model/desired.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { formatRef, refKey } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { stableHash } from './stable-hash.ts'

/** Whether a kind lives in namespaces; undefined where it is not known (yet). */
export type Namespaced = (group: string, kind: string) => boolean | undefined

export interface Placement {
  /** The source's name, for problems. */
  source: string
  /** For manifests that name none. */
  namespace?: string | undefined
  /** What discovery knows. Kinds that it does not know go by the CRDs among the manifests, then by what Kubernetes itself has. */
  namespaced?: Namespaced | undefined
}

export interface Placed {
  manifests: Manifest[]
  problems: Problem[]
}

/** Kinds of Kubernetes v1.36 (and before) that live in no namespace, from its API discovery; some well-known others. */
const CLUSTER_SCOPED: { readonly [group: string]: readonly string[] } = {
  '': ['Namespace', 'Node', 'PersistentVolume', 'ComponentStatus'],
  'admissionregistration.k8s.io': [
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ValidatingWebhookConfiguration',
  ],
  'apiextensions.k8s.io': ['CustomResourceDefinition'],
  'apiregistration.k8s.io': ['APIService'],
  'authentication.k8s.io': ['TokenReview', 'SelfSubjectReview'],
  'authorization.k8s.io': ['SelfSubjectAccessReview', 'SelfSubjectRulesReview', 'SubjectAccessReview'],
  'certificates.k8s.io': ['CertificateSigningRequest', 'ClusterTrustBundle'],
  'flowcontrol.apiserver.k8s.io': ['FlowSchema', 'PriorityLevelConfiguration'],
  'internal.apiserver.k8s.io': ['StorageVersion'],
  'networking.k8s.io': ['IngressClass', 'IPAddress', 'ServiceCIDR'],
  'node.k8s.io': ['RuntimeClass'],
  policy: ['PodSecurityPolicy'],
  'rbac.authorization.k8s.io': ['ClusterRole', 'ClusterRoleBinding'],
  'resource.k8s.io': ['DeviceClass', 'DeviceTaintRule', 'ResourceSlice', 'ResourcePoolStatusRequest'],
  'scheduling.k8s.io': ['PriorityClass'],
  'storage.k8s.io': ['CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'],
  'storagemigration.k8s.io': ['StorageVersionMigration'],
  'gateway.networking.k8s.io': ['GatewayClass'],
  'cert-manager.io': ['ClusterIssuer'],
  'kyverno.io': ['ClusterPolicy', 'ClusterCleanupPolicy'],
  'external-secrets.io': ['ClusterSecretStore', 'ClusterExternalSecret'],
}

/** Groups all of whose other kinds live in namespaces. */
const BUILT_IN = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'extensions',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
])

/** Whether a kind of Kubernetes itself lives in namespaces; undefined for others. */
export function wellKnownScope(group: string, kind: string): boolean | undefined {
  const cluster = Object.hasOwn(CLUSTER_SCOPED, group) && CLUSTER_SCOPED[group]?.includes(kind)
  if (cluster) return false
  return BUILT_IN.has(group) ? true : undefined
}

/**
 * Gives each manifest its namespace, as an agent does: a cluster-scoped object has none whatever is written, a
 * namespaced one without gets the source's or `default`, and one of an unknown kind gets the source's. Of several manifests for one
 * object the last counts, and a problem names both places. Call it again when more is known of scopes: the
 * result of an earlier call is good input.
 */
export function placeManifests(manifests: Iterable<Manifest>, placement: Placement): Placed {
  const all = [...manifests]
  const declared = scopesOfDefinitions(all)
  const scope: Namespaced = (group, kind) =>
    placement.namespaced?.(group, kind) ?? declared.get(`${group}/${kind}`) ?? wellKnownScope(group, kind)

  const kept = new Map<string, Manifest>()
  const problems: Problem[] = []
  for (const manifest of all) {
    const placed = place(manifest, scope, placement.namespace)
    const key = refKey(placed.ref)
    const earlier = kept.get(key)
    if (earlier) {
      problems.push({
        source: placement.source,
        file: earlier.origin.file,
        line: earlier.origin.line,
        message:
          `${formatRef(placed.ref)} is declared twice, here and in ${placed.origin.file}:${placed.origin.line}: ` +
          'the latter counts. Keep one of them',
      })
      // The last one counts, and stands where it is written.
      kept.delete(key)
    }
    kept.set(key, placed)
  }
  return { manifests: [...kept.values()], problems }
}

function place(manifest: Manifest, scope: Namespaced, fallback: string | undefined): Manifest {
  const { group, kind } = manifest.ref
  const namespaced = scope(group, kind)
  const namespace =
    namespaced === false ? '' : manifest.ref.namespace || fallback || (namespaced ? 'default' : '')
  const written = manifest.object.metadata['namespace'] ?? ''
  if (namespace === manifest.ref.namespace && namespace === written) return manifest
  const { object, hash } = moved(manifest.object, namespace)
  return { ...manifest, ref: { ...manifest.ref, namespace }, object, hash }
}

/** What was moved where: a source is placed anew for each commit, and most of its objects are the same. */
const memory = new WeakMap<KubeObject, { namespace: string; object: KubeObject; hash: string }>()

function moved(object: KubeObject, namespace: string): { object: KubeObject; hash: string } {
  const known = memory.get(object)
  if (known?.namespace === namespace) return known
  const metadata: JsonObject = { ...object.metadata, namespace }
  if (!namespace) delete metadata['namespace']
  const result = { ...object, metadata }
  const made = { namespace, object: result, hash: stableHash(result) }
  memory.set(object, made)
  return made
}

/** A CustomResourceDefinition of the same source says what its kinds are before the cluster knows them. */
function scopesOfDefinitions(manifests: readonly Manifest[]): Map<string, boolean> {
  const scopes = new Map<string, boolean>()
  for (const { ref, object } of manifests) {
    if (ref.kind !== 'CustomResourceDefinition' || ref.group !== 'apiextensions.k8s.io') continue
    const spec = fieldOf(object, 'spec')
    const group = fieldOf(spec, 'group')
    const kind = fieldOf(fieldOf(spec, 'names'), 'kind')
    const scope = fieldOf(spec, 'scope')
    if (typeof group === 'string' && typeof kind === 'string' && typeof scope === 'string') {
      scopes.set(`${group}/${kind}`, scope === 'Namespaced')
    }
  }
  return scopes
}
