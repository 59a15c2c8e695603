import { isExemptUser } from '../policy/exempt.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'
import { grantsOf, isEverything, type Grant, type Subject } from './grants.ts'
import { powers } from './powers.ts'
import { targetsOf, type Targets } from './targets.ts'

/**
 * Who may get around the guard by the rights that the cluster gives: one finding a subject, with all that it may. The
 * guard, its agents and the control plane are left out: they are trusted. Who may do everything is one finding.
 */
export function checkRbac({ policy, rbac, customGroups }: Facts): Finding[] {
  if (rbac === undefined) return []
  const targets = targetsOf({ policy, customGroups, tokenSecrets: rbac.tokenSecrets })
  const held = grantsOf(rbac).filter(({ subject }) => !isTrusted(subject, targets))
  const all = held.filter(({ grants }) => grants.some(isAll))
  const others = held.filter((one) => !all.includes(one))
  return [...everything(all), ...others.flatMap(({ subject, grants }) => bySubject(subject, grants, targets))]
}

const isAll = ({ namespace, rules }: Grant) => namespace === undefined && rules.some(isEverything)

function isTrusted({ kind, name }: Subject, { policy }: Targets): boolean {
  if (kind === 'Group') return name === 'system:nodes'
  return isExemptUser(name, policy) || name === 'system:kube-proxy'
}

function everything(held: readonly { subject: Subject; grants: readonly Grant[] }[]): Finding[] {
  if (held.length === 0) return []
  const masters = ({ subject }: { subject: Subject }) =>
    subject.kind === 'Group' && subject.name === 'system:masters'
  const named = held.filter((one) => !masters(one))
  const bindings = named.flatMap(({ grants }) => grants.filter(isAll).map(({ binding }) => binding))
  const from = bindings.length === 0 ? '' : ` (${[...new Set(bindings)].join(', ')})`
  return [
    {
      check: 'rbac-everything',
      severity: named.length === 0 ? 'info' : 'warning',
      subject: held.map(({ subject }) => `${subject.kind} ${subject.name}`).join(', '),
      what: `may do everything${from}`,
      why: "whoever may do everything may impersonate an agent and change the guard's policies; admission refuses the rest",
      remedy:
        'bind cluster-admin to no one but the agents of Git and the guard; keep a system:masters certificate locked away for emergencies',
    },
  ]
}

function bySubject(subject: Subject, grants: readonly Grant[], targets: Targets): Finding[] {
  const found = powers.flatMap((power) => {
    const from = grants.flatMap((grant) => {
      const what = power.held(grant, targets)
      return what.length === 0 ? [] : [{ what, binding: grant.binding }]
    })
    if (from.length === 0) return []
    const what = [...new Set(from.flatMap((each) => each.what))]
    return [{ power, what, bindings: [...new Set(from.map(({ binding }) => binding))] }]
  })
  if (found.length === 0) return []
  const bindings = [...new Set(found.flatMap((each) => each.bindings))]
  return [
    {
      check: 'rbac',
      severity: found.some(({ power }) => power.severity === 'critical') ? 'critical' : 'warning',
      subject: `${subject.kind} ${subject.name}`,
      what: `may ${found.flatMap(({ what }) => what).join(', ')} (${bindings.join(', ')})`,
      why: found.map(({ power }) => `${power.name}: ${power.why}`).join('; '),
      remedy: found.map(({ power }) => power.remedy).join('; '),
    },
  ]
}
