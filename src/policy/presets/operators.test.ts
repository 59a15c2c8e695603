import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, KubeObject } from '../../model/json.ts'
import { compileFields } from '../../object/fields.ts'
import { refOf } from '../../object/identity.ts'
import { judge } from '../judge.ts'
import { watcherAllowances } from '../watcher-allowances.ts'
import { account, change, edited, object, person, policyOf } from '../testing.ts'
import { operatorPreset, operatorPresets } from './operators.ts'

test('have a preset for every operator that a cluster usually runs', () => {
  const names = operatorPresets.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const name of [
    'cert-manager',
    'prometheus-operator',
    'external-secrets',
    'keda',
    'argo-rollouts',
    'flagger',
    'istio',
    'crossplane',
    'vpa',
    'cluster-autoscaler',
    'karpenter',
    'velero',
    'sealed-secrets',
    'external-dns',
  ])
    assert.ok(operatorPreset(name), name)
})

/** Places that no operator needs all of: to cover one is to hand out the object, or what it runs. */
const tooWide = [
  ['metadata'],
  ['metadata', 'labels'],
  ['metadata', 'annotations'],
  ['metadata', 'finalizers'],
  ['metadata', 'finalizers', 'rogue.dev/x'],
  ['metadata', 'labels', 'rogue.dev/x'],
  ['metadata', 'annotations', 'rogue.dev/x'],
  ['spec'],
  ['spec', 'template'],
  ['spec', 'containers', { keys: { name: 'app' }, index: 0 }, 'image'],
  ['spec', 'rules'],
  ['spec', 'http'],
  ['spec', 'ports'],
  ['spec', 'selector'],
  ['spec', 'forProvider'],
  ['spec', 'subsets'],
  ['spec', 'conversion'],
  ['webhooks'],
  ['webhooks', { keys: { name: 'a' }, index: 0 }, 'rules'],
  ['rules'],
  ['subjects'],
  ['data'],
  ['stringData'],
]
for (const { name, allowances, sources } of operatorPresets) {
  test(`say who, what, why and where it was read, and give nothing wide: ${name}`, () => {
    assert.ok(allowances.length > 0)
    assert.ok(sources.length > 0)
    // A repository without a version says nothing that anybody can check.
    assert.ok(
      sources.some((source) => /@\S+/.test(source)),
      sources.join(),
    )
    for (const { users, objects, fields, reason, bookkeeping } of allowances) {
      assert.ok(users.length > 0)
      for (const user of users) assert.match(user, /^system:serviceaccount:[a-z0-9-]+:[a-z0-9*-]+$/)
      assert.ok(reason.length > 0)
      assert.equal(bookkeeping, undefined)
      assert.ok(objects.kinds !== undefined && objects.kinds.length > 0)
      const matcher = compileFields(fields)
      // Objects of its own, that it makes and deletes: that takes their whole spec.
      const own = objects.kinds.join() === 'externaldns.k8s.io/DNSRecord'
      for (const path of tooWide) {
        if (own && path[0] === 'spec') continue
        assert.equal(
          matcher.covers(path),
          false,
          `${reason}: ${fields.join()} covers ${JSON.stringify(path)}`,
        )
      }
    }
  })
}

type Case = [
  preset: string,
  actor: [namespace: string, name: string],
  of: KubeObject,
  edit: (o: KubeObject) => void,
]
const set = (map: 'labels' | 'annotations', key: string, value = 'x') => {
  return (o: KubeObject) => void (o.metadata[map] = { ...(o.metadata[map] as JsonObject), [key]: value })
}
const finalizer = (name: string) => (o: KubeObject) => void (o.metadata['finalizers'] = [name])
const data = (key: string) => (o: KubeObject) =>
  void (o['data'] = { ...(o['data'] as JsonObject), [key]: 'eA==' })
const secret = (name: string, namespace: string) =>
  object('v1', 'Secret', name, { data: { kept: 'eA==' } }, { namespace })
const custom = (group: string, kind: string) => object(`${group}/v1`, kind, 'x', { spec: { a: 1 } })
const service = object('v1', 'Service', 'web', { spec: { selector: { app: 'web' } } })

/** What names others to operators. */
const names = [
  object('flagger.app/v1beta1', 'Canary', 'web', {
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, service: { port: 80 } },
  }),
  object('argoproj.io/v1alpha1', 'Rollout', 'web', {
    spec: { strategy: { canary: { stableService: 'web', canaryService: 'web-canary' } } },
  }),
]

/** A day's work of each, and the same by alice. */
const work: Case[] = [
  ['cert-manager', ['cert-manager', 'cert-manager'], secret('tls', 'shop'), data('tls.crt')],
  [
    'cert-manager',
    ['cert-manager', 'cert-manager'],
    secret('tls', 'shop'),
    set('annotations', 'cert-manager.io/uri-sans'),
  ],
  [
    'prometheus-operator',
    ['monitoring', 'kube-prometheus-stack-operator'],
    custom('monitoring.coreos.com', 'Prometheus'),
    finalizer('monitoring.coreos.com/status-cleanup'),
  ],
  ['external-secrets', ['external-secrets', 'external-secrets'], secret('db', 'shop'), data('password')],
  [
    'external-secrets',
    ['external-secrets', 'external-secrets'],
    object('v1', 'Namespace', 'shop', {}, { namespace: '' }),
    finalizer('externalsecrets.external-secrets.io/ces-all'),
  ],
  [
    'external-secrets',
    ['external-secrets', 'external-secrets'],
    custom('external-secrets.io', 'SecretStore'),
    finalizer('secretstore.externalsecrets.io/finalizer'),
  ],
  [
    'keda',
    ['keda', 'keda-operator'],
    custom('keda.sh', 'ScaledObject'),
    set('labels', 'scaledobject.keda.sh/name'),
  ],
  [
    'argo-rollouts',
    ['argo-rollouts', 'argo-rollouts'],
    service,
    (o) => {
      o['spec'] = { selector: { app: 'web', 'rollouts-pod-template-hash': 'abc' } }
    },
  ],
  [
    'argo-rollouts',
    ['argo-rollouts', 'argo-rollouts'],
    custom('argoproj.io', 'Rollout'),
    (o) => {
      o['spec'] = { a: 1, replicas: 1 }
    },
  ],
  [
    'flagger',
    ['flagger-system', 'flagger'],
    service,
    (o) => {
      o['spec'] = { selector: { app: 'web-primary' } }
      set('annotations', 'kustomize.toolkit.fluxcd.io/reconcile', 'disabled')(o)
    },
  ],
  [
    'istio',
    ['istio-system', 'istiod-1-27'],
    custom('gateway.networking.k8s.io', 'Gateway'),
    set('annotations', 'gateway.istio.io/controller-version'),
  ],
  [
    'crossplane',
    ['crossplane-system', 'crossplane'],
    secret('crossplane-root-ca', 'crossplane-system'),
    data('tls.key'),
  ],
  [
    'crossplane',
    ['crossplane-system', 'provider-aws-s3-0a1b2c'],
    custom('s3.aws.upbound.io', 'Bucket'),
    (o) => {
      o['spec'] = { a: 1, forProvider: { region: 'x' } }
      set('annotations', 'crossplane.io/external-create-pending')(o)
    },
  ],
  [
    'karpenter',
    ['kube-system', 'karpenter'],
    custom('karpenter.sh', 'NodePool'),
    set('annotations', 'karpenter.sh/nodepool-hash'),
  ],
  [
    'velero',
    ['velero', 'velero-server'],
    custom('velero.io', 'Schedule'),
    (o) => {
      o['spec'] = { a: 1, skipImmediately: false }
    },
  ],
  ['sealed-secrets', ['kube-system', 'sealed-secrets-controller'], secret('db', 'shop'), data('password')],
]
for (const [preset, [namespace, name], of, edit] of work) {
  const policy = policyOf([{ objects: [of, ...names] }], { allowances: operatorPreset(preset)!.allowances })
  const by = (actor: ReturnType<typeof person>, after: KubeObject) =>
    judge(change('UPDATE', actor, of, after), policy).decision
  test(`allow ${preset} its work on a ${of.kind}, and nobody else`, () => {
    assert.equal(by(account(namespace, name), edited(of, edit)), 'allow')
    assert.equal(by(person(), edited(of, edit)), 'deny')
    assert.equal(by(account(namespace, 'default'), edited(of, edit)), 'deny')
  })
  test(`deny ${preset} a rogue label beside its work on a ${of.kind}`, () => {
    const rogue = edited(of, (copy) => {
      edit(copy)
      set('labels', 'rogue.dev/x')(copy)
    })
    assert.equal(by(account(namespace, name), rogue), 'deny')
  })
}

test('deny those who fill Secrets a key that Git declares', () => {
  const declared = secret('db', 'shop')
  for (const [preset, namespace, name] of [
    ['external-secrets', 'external-secrets', 'external-secrets'],
    ['sealed-secrets', 'kube-system', 'sealed-secrets-controller'],
  ] as const) {
    const policy = policyOf([{ objects: [declared] }], { allowances: operatorPreset(preset)!.allowances })
    const after = edited(declared, (copy) => void (copy['data'] = { kept: 'eQ==' }))
    assert.equal(judge(change('UPDATE', account(namespace, name), declared, after), policy).decision, 'deny')
  }
})

const replicas = (o: KubeObject) => void (o['spec'] = { ...(o['spec'] as JsonObject), replicas: 0 })
const deployment = (name: string, namespace = 'shop') =>
  object('apps/v1', 'Deployment', name, { spec: { replicas: 2 } }, { namespace })

test('let Flagger scale what a Canary of Git targets, and nothing else', () => {
  const targets = [deployment('web'), deployment('api'), deployment('web', 'other')]
  const policy = policyOf([{ objects: [...targets, ...names] }], {
    allowances: operatorPreset('flagger')!.allowances,
  })
  const decisions = targets.map(
    (of) =>
      judge(change('UPDATE', account('flagger-system', 'flagger'), of, edited(of, replicas)), policy)
        .decision,
  )
  assert.deepEqual(decisions, ['allow', 'deny', 'deny'])
})

test('open a replica count to nobody in the watcher where no Canary of Git names the Deployment', () => {
  const objects = [deployment('web'), deployment('api')]
  const policy = policyOf([{ objects: [...objects, ...names] }], {
    allowances: operatorPreset('flagger')!.allowances,
  })
  const scaled = (of: KubeObject) =>
    watcherAllowances(policy, policy.declared(refOf(of))!).some(({ users, fields }) => {
      return (
        users.includes('system:serviceaccount:flagger-system:flagger') && fields.includes('/spec/replicas')
      )
    })
  assert.deepEqual(objects.map(scaled), [true, false])
})

test('let Argo Rollouts point only Services that a Rollout of Git names', () => {
  const other = object('v1', 'Service', 'api', { spec: { selector: { app: 'api' } } })
  const policy = policyOf([{ objects: [other, ...names] }], {
    allowances: operatorPreset('argo-rollouts')!.allowances,
  })
  const after = edited(other, (copy) => {
    copy['spec'] = { selector: { app: 'api', 'rollouts-pod-template-hash': 'abc' } }
  })
  const actor = account('argo-rollouts', 'argo-rollouts')
  assert.equal(judge(change('UPDATE', actor, other, after), policy).decision, 'deny')
})

test('let Argo Rollouts leave empty resources behind, as its own types have them, and none that say something', () => {
  const container = (more: JsonObject) => ({
    spec: { template: { spec: { containers: [{ name: 'shop', image: 'shop:1', ...more }] } } },
  })
  const rollout = (more: JsonObject) => object('argoproj.io/v1alpha1', 'Rollout', 'web', container(more))
  const before = rollout({})
  const policy = policyOf([{ objects: [before] }], {
    allowances: operatorPreset('argo-rollouts')!.allowances,
  })
  const decide = (resources: JsonObject) =>
    judge(change('UPDATE', account('argo-rollouts', 'argo-rollouts'), before, rollout({ resources })), policy)
      .decision
  assert.equal(decide({}), 'allow')
  assert.equal(decide({ limits: { cpu: '1' } }), 'deny')
})
