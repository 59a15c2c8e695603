import type { Json, KubeObject } from '../model/json.ts'
import { equalJson, fieldOf } from '../object/json.ts'
import type { AdmissionFacts, Facts } from './facts.ts'
import type { Finding } from './finding.ts'

const HOUR_MS = 3600_000
/** The guard renews when a third of 90 days is left. */
const SOON_MS = 14 * 24 * HOUR_MS

/** Whether the guard's webhook is registered as this configuration wants it, and answers. */
export function checkWebhook(facts: Facts): Finding[] {
  const { admission, wanted, policy } = facts
  const want = wanted.find(({ kind }) => kind === 'ValidatingWebhookConfiguration')
  if (admission === undefined || want === undefined) return []
  const subject = `ValidatingWebhookConfiguration ${policy.guard.name}`
  const live = admission.validatingWebhooks.find(({ metadata }) => metadata['name'] === policy.guard.name)
  const has = listOf(live, 'webhooks')
  if (live === undefined || has.length === 0) {
    return [
      {
        check: 'webhook-missing',
        severity: 'critical',
        subject,
        what: live === undefined ? 'is not there' : 'holds no webhook',
        why: 'nothing is refused: the watcher alone puts changes back, after they were in force',
        remedy:
          'start the guard (gitops-guard serve, or gitops-guard install): it registers itself once it has read Git',
      },
    ]
  }
  const findings = listOf(want, 'webhooks').flatMap((each) => {
    const name = String(fieldOf(each, 'name'))
    const other = has.find((one) => fieldOf(one, 'name') === name)
    return other === undefined ? [absent(subject, name)] : [...compare(subject, name, each, other, facts)]
  })
  return [...findings, ...certificates(facts, subject), ...reach(facts, subject)]
}

function absent(subject: string, name: string): Finding {
  return {
    check: 'webhook-missing',
    severity: 'critical',
    subject,
    what: `lacks the webhook ${name}`,
    why: 'what that webhook is asked about is not refused',
    remedy: REGISTER,
  }
}

const REGISTER =
  'a running guard puts its configuration back within a second: see that it runs, with the configuration that doctor was given, and that no ValidatingAdmissionPolicy of somebody refuses it (gitops-guard status names it under registration)'

function* compare(subject: string, name: string, want: Json, has: Json, facts: Facts): Iterable<Finding> {
  const differs = (key: string) => !equalJson(fieldOf(want, key), fieldOf(has, key))
  if (differs('failurePolicy'))
    yield {
      check: 'webhook-failure-policy',
      severity: fieldOf(has, 'failurePolicy') === 'Ignore' ? 'critical' : 'warning',
      subject,
      what: `${name} has failurePolicy ${String(fieldOf(has, 'failurePolicy'))}, wanted is ${String(fieldOf(want, 'failurePolicy'))}`,
      why: 'with Ignore, everything goes through while the guard is down or cannot be reached',
      remedy: REGISTER,
    }
  const missed = missedNamespaces(has, facts.sourceNamespaces)
  if (name.startsWith('namespaced.') && missed.length > 0)
    yield {
      check: 'webhook-namespaces',
      severity: 'critical',
      subject,
      what: `does not select ${missed.length === 1 ? 'namespace' : 'namespaces'} ${missed.join(', ')}, which sources declare`,
      why: 'changes there are put back by the watcher only',
      remedy: missed.includes('kube-system')
        ? 'kube-system is left out on purpose, so that a guard that is down cannot hold up the control plane; for the others: ' +
          REGISTER
        : REGISTER,
    }
  else if (differs('namespaceSelector') && name.startsWith('namespaced.'))
    yield {
      check: 'webhook-differs',
      severity: 'warning',
      subject,
      what: `${name} selects other namespaces than this configuration wants`,
      why: 'some platforms (AKS) add conditions: whoever may label a namespace so can take it out',
      remedy: REGISTER,
    }
  const rest = ['rules', 'matchConditions', 'objectSelector', 'matchPolicy'].filter(differs)
  if (rest.length > 0)
    yield {
      check: 'webhook-differs',
      severity: 'warning',
      subject,
      what: `${name} has other ${rest.join(', ')} than this configuration wants`,
      why: 'requests may go past the webhook that should not',
      remedy: `${REGISTER}; --guard-user names the account of a guard that runs as another`,
    }
}

/** Of these namespaces, the ones that a webhook's selector leaves out by name. */
function missedNamespaces(webhook: Json, namespaces: readonly string[]): string[] {
  const expressions = fieldOf(fieldOf(webhook, 'namespaceSelector'), 'matchExpressions')
  const byName = (Array.isArray(expressions) ? expressions : []).find(
    (each) => fieldOf(each, 'key') === 'kubernetes.io/metadata.name' && fieldOf(each, 'operator') === 'In',
  )
  const values = fieldOf(byName, 'values')
  return Array.isArray(values) ? namespaces.filter((name) => !values.includes(name)) : []
}

function* certificates({ guard, now }: Facts, subject: string): Iterable<Finding> {
  for (const { webhook, notAfter, problem } of guard.bundles) {
    const last = Math.max(...notAfter)
    if (problem === undefined && last > now) continue
    yield {
      check: 'webhook-ca',
      severity: 'critical',
      subject,
      what: `the caBundle of ${webhook} ${problem ?? `expired at ${new Date(last).toISOString()}`}`,
      why: "the API server cannot trust the guard's certificate, so that every review fails",
      remedy: REGISTER,
    }
    return
  }
  const until = guard.servingUntil
  if (until !== undefined && until < now + SOON_MS)
    yield {
      check: 'certificate',
      severity: until < now ? 'critical' : 'warning',
      subject: 'the guard',
      what: `its certificate ${until < now ? 'expired' : 'expires'} at ${new Date(until).toISOString()}`,
      why: 'the guard renews it well before: that has not worked',
      remedy:
        "look for errors of certificates in the guard's log: it must be able to write its Secret or its state directory",
    }
}

function reach({ guard }: Facts, subject: string): Finding[] {
  if (guard.unreachable === undefined) return []
  return [
    {
      check: 'webhook-unreachable',
      severity: 'critical',
      subject,
      what: `the guard does not answer: ${guard.unreachable}`,
      why: 'people are refused everything (failurePolicy Fail), or nothing (Ignore)',
      remedy:
        'see that the guard runs and is ready (gitops-guard status), and that the API server may reach it',
    },
  ]
}

/** Whether the policies beside the webhook are there and refuse. */
export function checkPolicies({ admission, wanted }: Facts): Finding[] {
  if (admission === undefined) return []
  return wanted
    .filter(({ kind }) => kind !== 'ValidatingWebhookConfiguration')
    .flatMap((want) => comparePolicy(want, admission))
}

function comparePolicy(want: KubeObject, { policies, bindings }: AdmissionFacts): Finding[] {
  const name = String(want.metadata['name'])
  const binding = want.kind === 'ValidatingAdmissionPolicyBinding'
  const live = (binding ? bindings : policies).find(({ metadata }) => metadata['name'] === name)
  const finding = (what: string): Finding => ({
    check: binding ? 'policy-binding' : 'policy',
    severity: 'critical',
    subject: `${want.kind} ${name}`,
    what,
    why: 'it guards what no webhook ever sees: webhook configurations, and the guard itself while it is down',
    remedy: REGISTER,
  })
  if (live === undefined) return [finding('is not there')]
  const actions = (object: KubeObject) => fieldOf(object['spec'], 'validationActions')
  if (binding) {
    if (equalJson(actions(live), actions(want))) {
      const narrowed = fieldOf(live['spec'], 'matchResources') !== undefined
      return narrowed ? [finding('is narrowed by matchResources')] : []
    }
    return [
      finding(
        `has validationActions ${JSON.stringify(actions(live))}, wanted is ${JSON.stringify(actions(want))}`,
      ),
    ]
  }
  const rest = ['matchConditions', 'validations', 'matchConstraints', 'failurePolicy'].filter(
    (key) => !equalJson(fieldOf(live['spec'], key), fieldOf(want['spec'], key)),
  )
  return rest.length === 0
    ? []
    : [{ ...finding(`has other ${rest.join(', ')} than this configuration wants`), severity: 'warning' }]
}

function listOf(object: KubeObject | undefined, key: string): Json[] {
  const value = fieldOf(object, key)
  return Array.isArray(value) ? value : []
}
