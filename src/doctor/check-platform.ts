import { fieldOf } from '../object/json.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'
import { serverSupport } from './server-support.ts'

const SKEW_MS = 5000

/** The API server's version, clock and identities, and the guard's own Deployment. */
export function checkPlatform(facts: Facts): Finding[] {
  const { unseen } = facts
  const findings = [...version(facts), ...clock(facts), ...identities(facts), ...staticManifests(facts)]
  const blind = unseen.map((what): Finding => ({
    check: 'unseen',
    severity: 'info',
    subject: 'doctor',
    what: `could not look: ${what}`,
    why: 'what is there is not judged',
    remedy: 'run doctor as somebody who may read it',
  }))
  return [...findings, ...deployment(facts), ...blind]
}

function version({ server }: Facts): Finding[] {
  const { tried, lacks } = serverSupport(server.version, server.emulated)
  const emulating = server.emulated === undefined ? '' : `, emulating ${server.emulated}`
  const finding = { check: 'version', subject: `Kubernetes ${server.version}${emulating}` }
  if (tried === 'newer')
    return [
      {
        ...finding,
        severity: 'info',
        what: 'is newer than what this version of the guard is made for',
        why: 'admission and managed fields may have changed',
        remedy: 'look for a newer version of the guard',
      },
    ]
  // Admission from files has a finding of its own: that it is not in force.
  const missing = lacks.filter(({ name }) => name !== 'admission-files')
  if (tried !== 'older' && missing.length === 0) return []
  const told = missing.map(({ what, so }) => `${what}, so that ${so}`).join('; ')
  return [
    {
      ...finding,
      severity:
        missing.find(({ severity }) => severity === 'critical')?.severity ??
        (tried === 'older' ? 'warning' : 'info'),
      what: `${tried === 'older' ? 'is older than what the guard is made for, and lacks' : 'lacks'} ${told}`,
      why: tried === 'older' ? 'what was made for later versions may not hold' : 'the guard does without',
      remedy: 'upgrade the cluster',
    },
  ]
}

function clock({ server: { skewMs } }: Facts): Finding[] {
  if (skewMs === undefined || Math.abs(skewMs) <= SKEW_MS) return []
  return [
    {
      check: 'clock',
      severity: 'warning',
      subject: 'the API server',
      what: `its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`,
      why: 'exceptions end early or late, and new certificates may not be valid yet',
      remedy: 'let both follow NTP',
    },
  ]
}

function identities({ server }: Facts): Finding[] {
  if (!server.sharedControllerIdentity) return []
  return [
    {
      check: 'shared-identity',
      severity: 'warning',
      subject: 'kube-controller-manager',
      what: 'all controllers share the user system:kube-controller-manager',
      why: 'each of them may then do what any of them needs to',
      remedy: 'start it with --use-service-account-credentials, as kubeadm does',
    },
  ]
}

function staticManifests({ server }: Facts): Finding[] {
  if (server.staticManifests !== false) return []
  const possible = serverSupport(server.version, server.emulated).lacks.every(
    ({ name }) => name !== 'admission-files',
  )
  return [
    {
      check: 'static-manifests',
      severity: 'info',
      subject: 'the API server',
      what: 'has no admission manifests from files in force',
      why: 'whoever may change admission policies by RBAC can take the guard\u2019s away, until it puts them back',
      remedy: possible
        ? 'where the API server is yours: gitops-guard install --static-manifests DIR'
        : 'Kubernetes 1.36 has them, for those who own their API server',
    },
  ]
}

function* deployment({ guard, policy, wanted, admission }: Facts): Iterable<Finding> {
  const { namespace, name } = policy.guard
  const subject = `Deployment ${namespace}/${name}`
  const replicas = guard.deployment === undefined ? undefined : fieldOf(guard.deployment, 'replicas')
  if (replicas === undefined) {
    const live = admission?.validatingWebhooks.find(({ metadata }) => metadata['name'] === name)
    const webhooks = live?.['webhooks']
    const service =
      Array.isArray(webhooks) &&
      webhooks.some((each) => fieldOf(fieldOf(each, 'clientConfig'), 'service') !== undefined)
    if (service && wanted.length > 0)
      yield {
        check: 'deployment',
        severity: 'critical',
        subject,
        what: 'is not there, though the webhook calls its Service',
        why: 'every review fails',
        remedy: 'gitops-guard install',
      }
    return
  }
  if (typeof replicas === 'number' && replicas < 2)
    yield {
      check: 'replicas',
      severity: replicas === 0 ? 'critical' : 'warning',
      subject,
      what: `has ${replicas === 0 ? 'no replica' : 'one replica'}`,
      why: 'while its node is drained or it is updated, people can change nothing in guarded namespaces',
      remedy: 'gitops-guard install --replicas 2',
    }
  if (guard.budgets !== undefined && guard.budgets.length === 0)
    yield {
      check: 'disruption-budget',
      severity: 'warning',
      subject,
      what: 'has no PodDisruptionBudget',
      why: 'a drain of several nodes may take every replica away at once',
      remedy: 'gitops-guard install puts one there',
    }
}
