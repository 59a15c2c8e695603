/** Which objects change others on their way into storage, which others, and by what of them. */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { ResourceInfo } from '../model/identity.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf, isObject } from '../object/json.ts'

export interface Mutator {
  /** What decides about the change; nothing else of the object matters. */
  content: Json
  /** Whether it may change objects of this resource in this namespace ('' for cluster-scoped ones). */
  applies: (resource: ResourceInfo, namespace: string) => boolean
  /** May choose namespaces by their labels. */
  selects?: boolean
}

type Applies = Mutator['applies']

const isPod: Applies = ({ group, kind }) => group === '' && kind === 'Pod'
const isClaim: Applies = ({ group, kind }) => group === '' && kind === 'PersistentVolumeClaim'
const isIngress: Applies = ({ group, kind }) => group === 'networking.k8s.io' && kind === 'Ingress'

/** How each kind is read; undefined for an object that changes nothing. */
const READERS: { readonly [kind: string]: (object: KubeObject) => Mutator | undefined } = {
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': (object) => {
    const webhooks = object['webhooks']
    if (!Array.isArray(webhooks) || webhooks.length === 0) return undefined
    const rules = webhooks.flatMap((webhook) => listOf(fieldOf(webhook, 'rules')))
    return {
      selects: true,
      content: webhooks.map(withoutBundle),
      applies: (resource) => rules.some((rule) => matches(rule, resource)),
    }
  },
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': (object) => {
    const rules = listOf(fieldOf(fieldOf(object['spec'], 'matchConstraints'), 'resourceRules'))
    return {
      selects: true,
      content: object['spec'] ?? null,
      applies: (resource) => rules.some((rule) => matches(rule, resource)),
    }
  },
  // Which objects a policy is for does not come from its binding, which may only narrow it.
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': (object) => ({
    content: object['spec'] ?? null,
    applies: () => true,
  }),
  // Requests and limits of Pods; sizes of claims are only checked.
  '/LimitRange': (object) => ({
    content: object['spec'] ?? null,
    applies: (resource, namespace) =>
      isPod(resource, namespace) && namespace === object.metadata['namespace'],
  }),
  // Every class gives Pods that name it their number.
  'scheduling.k8s.io/PriorityClass': (object) => ({
    content: [object['value'] ?? null, object['globalDefault'] ?? false, object['preemptionPolicy'] ?? null],
    applies: isPod,
  }),
  'node.k8s.io/RuntimeClass': (object) => ({
    content: [object['overhead'] ?? null, object['scheduling'] ?? null],
    applies: isPod,
  }),
  // Changes nothing by itself: see `selects`.
  '/Namespace': (object) => ({ content: object.metadata['labels'] ?? null, applies: () => false }),
  'storage.k8s.io/StorageClass': isDefault('storageclass.kubernetes.io/is-default-class', isClaim),
  'networking.k8s.io/IngressClass': isDefault('ingressclass.kubernetes.io/is-default-class', isIngress),
}

/** Kinds to follow. */
export const admissionKinds: readonly { group: string; kind: string }[] = Object.keys(READERS).map((key) => {
  const slash = key.indexOf('/')
  return { group: key.slice(0, slash), kind: key.slice(slash + 1) }
})

export function readMutator(object: KubeObject): Mutator | undefined {
  return READERS[`${groupOf(object.apiVersion)}/${object.kind}`]?.(object)
}

/** The default class of something is filled in; the others are not. */
function isDefault(annotation: string, applies: Applies): (object: KubeObject) => Mutator | undefined {
  return ({ metadata }) =>
    fieldOf(metadata['annotations'], annotation) === 'true'
      ? { content: [metadata['name'] ?? null, metadata['creationTimestamp'] ?? null], applies }
      : undefined
}

/** A renewed certificate changes no object. */
function withoutBundle(webhook: Json): Json {
  if (!isObject(webhook)) return webhook
  const config: JsonObject = isObject(webhook['clientConfig']) ? { ...webhook['clientConfig'] } : {}
  delete config['caBundle']
  return { ...webhook, clientConfig: config }
}

/** Whether a rule of a webhook or policy is for a resource; at any version, as requests are converted to match. */
function matches(rule: Json, { group, resource }: ResourceInfo): boolean {
  return (
    has(fieldOf(rule, 'apiGroups'), [group, '*']) &&
    has(fieldOf(rule, 'resources'), [resource, '*', '*/*', `${resource}/*`])
  )
}

function has(list: Json | undefined, values: readonly string[]): boolean {
  return listOf(list).some((item) => values.includes(item as string))
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}
