import type { Change } from '../../model/change.ts'
import type { Json, KubeObject } from '../../model/json.ts'
import type { Declared, Policy } from '../../model/policy.ts'
import { difference } from '../../object/difference.ts'
import { formatRef, versionOf } from '../../object/identity.ts'
import { equalJson, fieldOf } from '../../object/json.ts'
import { isPerson, isSystem } from '../actors.ts'
import { prunedField, servedVersion } from '../crd-schema.ts'
import { isKind } from '../kinds.ts'
import { allPermitted, permitted } from '../permitted.ts'
import { mayNot } from '../reason.ts'
import type { Rule, RuleVerdict } from '../rule.ts'
import { getsOwner } from '../side-effects.ts'

/**
 * Deleting a CustomResourceDefinition deletes its objects, and no review is asked about these; so does giving it an owner that is not
 * there, which only people are thought to do: operators adopt what they keep. A version that is no longer served takes them away, a
 * field that its schema drops takes that out of them, another conversion webhook may make anything of them. So each is a change to the objects of that kind that Git declares, though Git may not hold the
 * definition. An APIService that is deleted or pointed elsewhere does the same to a whole group. New versions and fields
 * are welcome, and an allowance lets an operator keep its caBundle.
 */
export const definition: Rule = (change, policy) => {
  if (change.subresource !== '' || isSystem(change.actor, policy)) return undefined
  if (isKind(change.ref, 'apiextensions.k8s.io', 'CustomResourceDefinition'))
    return customResource(change, policy)
  if (isKind(change.ref, 'apiregistration.k8s.io', 'APIService')) return apiService(change, policy)
  return undefined
}

function customResource(change: Change, policy: Policy): RuleVerdict | undefined {
  const spec = (change.before ?? change.after)?.['spec']
  const declared = objectsOf(spec, policy)
  const first = declared[0]
  if (first === undefined || change.operation === 'CREATE') return undefined
  const harm =
    change.operation === 'DELETE' || (isPerson(change.actor, policy) && getsOwner(change))
      ? deletes(first, declared.length)
      : harmOf(change, declared, policy)
  return harm === undefined ? undefined : deny(change, harm, first)
}

function objectsOf(spec: Json | undefined, policy: Policy): Declared[] {
  const group = fieldOf(spec, 'group')
  const kind = fieldOf(fieldOf(spec, 'names'), 'kind')
  if (typeof group !== 'string' || typeof kind !== 'string') return []
  return [...policy.declaredOf(group, kind)]
}

function deletes(first: Declared, count: number): string {
  const others = count > 1 ? ` and ${count - 1} more` : ''
  return `with it goes ${formatRef(first.manifest.ref)}${others}, which Git declares`
}

function harmOf(change: Change, declared: readonly Declared[], policy: Policy): string | undefined {
  const { before, after } = change
  if (before === undefined || after === undefined) return undefined
  for (const { manifest } of declared) {
    const name = versionOf(manifest.object.apiVersion)
    const was = servedVersion(before, name)
    if (was === undefined) continue
    const will = servedVersion(after, name)
    if (will === undefined)
      return `version ${name} of ${formatRef(manifest.ref)}, which Git declares, would no longer be served`
    if (equalJson(fieldOf(was, 'schema'), fieldOf(will, 'schema'))) continue
    const field = prunedField(will, manifest.object)
    if (field !== undefined && prunedField(was, manifest.object) !== field) {
      return `${field} of ${formatRef(manifest.ref)}, which Git declares, would be dropped`
    }
  }
  return conversion(before, after, change, policy)
}

function conversion(
  before: KubeObject,
  after: KubeObject,
  change: Change,
  policy: Policy,
): string | undefined {
  const part = (object: KubeObject) => ({
    spec: { conversion: fieldOf(object['spec'], 'conversion') ?? null },
  })
  const changes = difference(part(before), part(after))
  if (changes.length === 0 || allPermitted(change, policy, changes)) return undefined
  return 'another conversion may make anything of its objects, which Git declares'
}

function apiService(change: Change, policy: Policy): RuleVerdict | undefined {
  const { before, after, operation } = change
  // The core group's has none.
  const group = fieldOf((before ?? after)?.['spec'], 'group') ?? ''
  if (typeof group !== 'string') return undefined
  const lived = vital(change, group, policy)
  if (lived !== undefined || !policy.declaresGroup(group)) return lived
  const ends = operation === 'DELETE' || (isPerson(change.actor, policy) && getsOwner(change))
  if (operation === 'UPDATE' && !ends) {
    const changes = difference({ spec: before?.['spec'] ?? null }, { spec: after?.['spec'] ?? null })
    if (changes.length === 0 || allPermitted(change, policy, changes)) return undefined
  } else if (permitted(change, policy, ['spec'])) return undefined
  const served = ends ? 'no longer be served' : 'be served from elsewhere'
  return deny(change, `objects of ${group || 'the core group'}, which Git declares, would ${served}`)
}

/** Groups by which the API server asks who may do what, and by which the guard lives. */
const vitalGroups = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'coordination.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'rbac.authorization.k8s.io',
])

/** The API server keeps those of its own groups by itself, as long as they say so. */
function vital(change: Change, group: string, policy: Policy): RuleVerdict | undefined {
  if (!vitalGroups.has(group) || !isPerson(change.actor, policy)) return undefined
  const { before, after } = change
  if (before !== undefined && after !== undefined) {
    const part = ({ spec = null, metadata }: KubeObject) => ({ spec, labels: metadata['labels'] ?? null })
    if (equalJson(part(before), part(after))) return undefined
  }
  return {
    rule: 'definition',
    decision: 'deny',
    everywhere: true,
    reason: `${mayNot(change)}: through ${group} the API server learns who may do what, and the guard works.`,
  }
}

function deny(change: Change, harm: string, about?: Declared): RuleVerdict {
  return {
    rule: 'definition',
    decision: 'deny',
    reason: `${mayNot(change)}: ${harm}. Change it through Git.`,
    ...(about === undefined ? {} : { source: about.source }),
  }
}
