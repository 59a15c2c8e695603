import { createAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import type { Change } from '../../src/model/change.ts'
import type { KubeObject } from '../../src/model/json.ts'
import type { Policy } from '../../src/model/policy.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import { judge } from '../../src/policy/judge.ts'
import { policyOf, source, type TestSource } from '../../src/policy/testing.ts'
import { webhookConfiguration, type ConfigurationFacts } from '../../src/admission/configuration.ts'
import { AdmissionServer, type AdmissionServerOptions } from '../../src/admission/server.ts'

/** What the tests of this folder share: a guard whose index is three manifests, served for real. */

export const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'podinfo:6.7.0' }] },
    },
  },
} satisfies KubeObject

export const autoscaled = {
  ...deployment,
  metadata: { name: 'scaled', namespace: 'shop' },
} satisfies KubeObject

export const autoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'scaled', namespace: 'shop' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'scaled' },
    minReplicas: 1,
    maxReplicas: 5,
  },
} satisfies KubeObject

export const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop' },
  data: { a: '1' },
} satisfies KubeObject

export const manifests: readonly KubeObject[] = [deployment, autoscaled, autoscaler, configMap]
export const namespaces = ['shop', 'flux-system', 'gitops-guard']
export const declared = [
  { group: 'apps', resource: 'deployments' },
  { group: 'autoscaling', resource: 'horizontalpodautoscalers' },
  { group: '', resource: 'configmaps' },
]

export function testPolicy(fields: Partial<Policy> = {}, sources: Partial<TestSource> = {}): Policy {
  const policy = source()
  return policyOf([{ policy, objects: manifests, ...sources }], {
    sources: [policy],
    ...fields,
  } as Partial<Policy>)
}

const KINDS = new Map([
  ['apps/deployments', 'Deployment'],
  ['apps/statefulsets', 'StatefulSet'],
  ['apps/replicasets', 'ReplicaSet'],
  ['/pods', 'Pod'],
  ['/serviceaccounts', 'ServiceAccount'],
  ['/nodes', 'Node'],
  ['/namespaces', 'Namespace'],
  ['/services', 'Service'],
])

/** A guard by URL, with everything that it was asked. */
export class TestGuard {
  readonly asked: { change: Change; verdict: Verdict }[] = []
  readonly errors: Error[] = []
  readonly server: AdmissionServer
  readonly ca: string
  url = ''
  policy: Policy

  private constructor(server: (guard: TestGuard) => AdmissionServer, ca: string, policy: Policy) {
    this.policy = policy
    this.ca = ca
    this.server = server(this)
  }

  static async start(
    policy: Policy = testPolicy(),
    options: Pick<AdmissionServerOptions, 'clientAuthority'> = {},
  ): Promise<TestGuard> {
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3600_000 }
    const authority = await createAuthority({ validity })
    const certificate = await issueServing(authority, {
      names: { dnsNames: ['localhost'], ips: ['127.0.0.1'] },
      validity,
    })
    const make = (guard: TestGuard) =>
      new AdmissionServer({
        certificate,
        kindOf: (group, resource) => KINDS.get(`${group}/${resource}`),
        judge: (change) => judge(change, guard.policy),
        ready: () => true,
        whenBlind: () => 'deny',
        onVerdict: (change, verdict) => void guard.asked.push({ change, verdict }),
        onError: (error) => guard.errors.push(error),
        limits: { drain: 300 },
        ...options,
      })
    const guard = new TestGuard(make, authority.certificate, policy)
    guard.url = `https://127.0.0.1:${await guard.server.listen(0, '127.0.0.1')}/validate`
    return guard
  }

  facts(changed: Partial<ConfigurationFacts> = {}): ConfigurationFacts {
    return {
      policy: this.policy,
      namespaces,
      declared,
      target: { url: this.url },
      caBundle: this.ca,
      resources: 'everything',
      ...changed,
    }
  }

  configuration(changed: Partial<ConfigurationFacts> = {}) {
    return webhookConfiguration(this.facts(changed))
  }

  /** What was asked since the last call, shortly. */
  takeAsked(): string[] {
    return this.asked
      .splice(0)
      .map(({ change, verdict }) =>
        [
          change.actor.username,
          change.operation,
          [change.resource.resource, change.subresource].filter(Boolean).join('/'),
          [change.ref.namespace, change.ref.name].filter(Boolean).join('/'),
          verdict.decision,
        ].join(' '),
      )
  }
}
