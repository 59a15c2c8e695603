import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor } from '../../model/actor.ts'
import type { JsonObject, KubeObject } from '../../model/json.ts'
import { certificateRequest as request } from '../../../test/policy/certificate-request.ts'
import { judge } from '../judge.ts'
import {
  account,
  change,
  edited,
  flux,
  guardActor,
  node,
  object,
  person,
  policyOf,
  system,
  web,
} from '../testing.ts'

const policy = policyOf([{ objects: [web] }])
const decide = (actor: Actor, before: KubeObject | undefined, after: KubeObject, subresource = '') =>
  judge(change(before === undefined ? 'CREATE' : 'UPDATE', actor, before, after, { subresource }), policy)
const denied = (verdict: ReturnType<typeof judge>) =>
  assert.deepEqual([verdict.rule, verdict.decision], ['agent-identity', 'deny'])
const allowed = (verdict: ReturnType<typeof judge>) => assert.equal(verdict.decision, 'allow')

const inFlux = { namespace: 'flux-system' }
const serviceAccount = (name: string, namespace: string) =>
  object('v1', 'ServiceAccount', name, {}, { namespace })
test('deny a token for an agent’s account, and for one of kube-system’s controllers', () => {
  denied(decide(person(), undefined, serviceAccount('kustomize-controller', 'flux-system'), 'token'))
  denied(
    decide(account('shop', 'ci'), undefined, serviceAccount('kustomize-controller', 'flux-system'), 'token'),
  )
  denied(decide(person(), undefined, serviceAccount('deployment-controller', 'kube-system'), 'token'))
})
test('allow a token for another account', () => {
  allowed(decide(person(), undefined, serviceAccount('grafana', 'monitoring'), 'token'))
})
test('allow kubelets tokens for the Pods that they run', () => {
  allowed(decide(node(), undefined, serviceAccount('kustomize-controller', 'flux-system'), 'token'))
})

const tokenSecret = (name: string) =>
  object(
    'v1',
    'Secret',
    't',
    { type: 'kubernetes.io/service-account-token' },
    {
      ...inFlux,
      annotations: { 'kubernetes.io/service-account.name': name },
    },
  )
test('deny a Secret that would hold such a token, and an annotation that makes it one', () => {
  denied(decide(person(), undefined, tokenSecret('helm-controller')))
  denied(decide(person(), tokenSecret('other'), tokenSecret('helm-controller')))
  assert.notEqual(decide(person(), undefined, tokenSecret('other')).rule, 'agent-identity')
})

const podSpec = (serviceAccountName?: string): JsonObject => ({
  containers: [{ name: 'a', image: 'a' }],
  ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
})
const running: { [name: string]: (serviceAccountName?: string) => KubeObject } = {
  Pod: (name) => object('v1', 'Pod', 'x', { spec: podSpec(name) }, inFlux),
  Deployment: (name) =>
    object('apps/v1', 'Deployment', 'x', { spec: { template: { spec: podSpec(name) } } }, inFlux),
  Job: (name) => object('batch/v1', 'Job', 'x', { spec: { template: { spec: podSpec(name) } } }, inFlux),
  CronJob: (name) =>
    object(
      'batch/v1',
      'CronJob',
      'x',
      { spec: { jobTemplate: { spec: { template: { spec: podSpec(name) } } } } },
      inFlux,
    ),
  PodTemplate: (name) => object('v1', 'PodTemplate', 'x', { template: { spec: podSpec(name) } }, inFlux),
  TaskRun: (name) =>
    object('tekton.dev/v1', 'TaskRun', 'x', { spec: { serviceAccountName: name ?? 'x' } }, inFlux),
  PipelineRun: (name) =>
    object(
      'tekton.dev/v1',
      'PipelineRun',
      'x',
      { spec: { taskRunTemplate: { serviceAccountName: name ?? 'x' } } },
      inFlux,
    ),
}
for (const [kind, make] of Object.entries(running)) {
  test(`deny a ${kind} that would run as an agent`, () => {
    denied(decide(person(), undefined, make('kustomize-controller')))
    denied(decide(account('flux-system', 'default'), undefined, make('kustomize-controller')))
    denied(decide(person(), make('other'), make('kustomize-controller')))
  })
  test(`allow a ${kind} that runs as somebody else`, () => {
    assert.notEqual(decide(person(), undefined, make('other')).rule, 'agent-identity')
  })
}
test('deny what a Pod template of an agent runs, and allow labels of it', () => {
  const agent = running['Deployment']!('kustomize-controller')
  const image = edited(
    agent,
    (copy) =>
      void (((copy['spec'] as JsonObject)['template'] as JsonObject)['spec'] =
        podSpec('kustomize-controller')),
  )
  ;(
    (((image['spec'] as JsonObject)['template'] as JsonObject)['spec'] as JsonObject)[
      'containers'
    ] as JsonObject[]
  )[0]!['image'] = 'evil'
  denied(decide(person(), agent, image))
  const labelled = edited(agent, (copy) => void (copy.metadata['labels'] = { a: 'b' }))
  assert.notEqual(decide(person(), agent, labelled).rule, 'agent-identity')
})
test('deny a Pod that names no account where the default one is an agent', () => {
  const ci = policyOf([{ objects: [web] }], {
    agents: [{ name: 'ci', users: ['system:serviceaccount:flux-system:default'] }],
  })
  denied(judge(change('CREATE', person(), undefined, running['Deployment']!()), ci))
})
test('allow the ReplicaSet controller and the agent itself', () => {
  allowed(decide(system('replicaset-controller'), undefined, running['Pod']!('kustomize-controller')))
  allowed(decide(flux, undefined, running['Deployment']!('kustomize-controller')))
  allowed(decide(guardActor, undefined, running['Deployment']!('kustomize-controller')))
})
test('allow the same name of account in another namespace', () => {
  const elsewhere = object(
    'v1',
    'Pod',
    'x',
    { spec: podSpec('kustomize-controller') },
    { namespace: 'other' },
  )
  allowed(decide(person(), undefined, elsewhere))
})

const client = 'kubernetes.io/kube-apiserver-client'
const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet'
const csr = (commonName: string, signerName: string, spec: JsonObject = {}) =>
  object(
    'certificates.k8s.io/v1',
    'CertificateSigningRequest',
    'x',
    {
      spec: { request: request([{ name: 'commonName', value: commonName }]), signerName, ...spec },
    },
    { namespace: '' },
  )
test('deny a certificate in the name of the control plane, an agent or a node', () => {
  denied(decide(person(), undefined, csr('system:kube-controller-manager', client)))
  denied(decide(person(), undefined, csr(flux.username, client)))
  denied(decide(person(), undefined, csr(guardActor.username, client)))
  denied(decide(person(), undefined, csr('system:node:worker-9', kubelet)))
})
test('deny to approve one', () => {
  const asked = csr('system:kube-controller-manager', client, { username: 'mallory' })
  denied(decide(person(), asked, asked, 'approval'))
  const forged = csr('system:node:worker-9', kubelet, {
    username: 'mallory',
    groups: ['system:authenticated'],
  })
  denied(decide(person(), forged, forged, 'approval'))
})
test('deny a request that cannot be read', () => {
  const odd = object('certificates.k8s.io/v1', 'CertificateSigningRequest', 'x', {
    spec: { request: 'AAAA', signerName: client },
  })
  denied(decide(person(), undefined, odd))
})
test('allow a certificate for a person, and one that nobody is recognised by', () => {
  allowed(decide(person(), undefined, csr('alice', client)))
  allowed(decide(person(), undefined, csr('system:node:worker-1', 'kubernetes.io/kubelet-serving')))
})
test('allow a node to join and to renew, and a person to approve that', () => {
  const token = person('system:bootstrap:abcdef', 'system:bootstrappers')
  allowed(decide(token, undefined, csr('system:node:worker-1', kubelet)))
  allowed(decide(node('worker-1'), undefined, csr('system:node:worker-1', kubelet)))
  const joining = csr('system:node:worker-1', kubelet, {
    username: token.username,
    groups: [...token.groups],
  })
  allowed(decide(person(), joining, joining, 'approval'))
})

const rbac = (kind: string, fields: JsonObject) =>
  object(
    'rbac.authorization.k8s.io/v1',
    kind,
    'x',
    fields,
    kind.startsWith('Cluster') ? { namespace: '' } : {},
  )
const impersonate = (fields: JsonObject) =>
  rbac('ClusterRole', { rules: [{ apiGroups: [''], verbs: ['impersonate'], ...fields }] })
test('deny a role to impersonate whom the guard trusts', () => {
  denied(decide(person(), undefined, impersonate({ resources: ['users'] })))
  denied(decide(person(), undefined, impersonate({ resources: ['serviceaccounts'] })))
  denied(decide(person(), undefined, impersonate({ resources: ['users'], verbs: ['impersonate:user-info'] })))
  denied(
    decide(person(), undefined, impersonate({ resources: ['users'], resourceNames: ['system:apiserver'] })),
  )
  denied(
    decide(
      person(),
      undefined,
      impersonate({ resources: ['serviceaccounts'], resourceNames: ['kustomize-controller'] }),
    ),
  )
})
test('allow a role to impersonate others, and one that is cluster-admin by another name', () => {
  allowed(decide(person(), undefined, impersonate({ resources: ['users'], resourceNames: ['bob'] })))
  allowed(decide(person(), undefined, impersonate({ resources: ['groups'] })))
  allowed(
    decide(
      person(),
      undefined,
      rbac('ClusterRole', { rules: [{ apiGroups: ['*'], verbs: ['*'], resources: ['*'] }] }),
    ),
  )
})
test('allow to change another rule of a role that had it', () => {
  const before = impersonate({ resources: ['users'] })
  const after = edited(
    before,
    (copy) => void (copy['rules'] as JsonObject[]).push({ verbs: ['get'], resources: ['pods'] }),
  )
  allowed(decide(person(), before, after))
})
const agentSubject = { kind: 'ServiceAccount', name: 'kustomize-controller', namespace: 'flux-system' }
const binding = (subject: JsonObject, role: string) =>
  rbac('ClusterRoleBinding', { roleRef: { kind: 'ClusterRole', name: role }, subjects: [subject] })
test('deny a binding that gives an agent more rights', () => {
  denied(decide(person(), undefined, binding(agentSubject, 'cluster-admin')))
  denied(decide(person(), undefined, binding({ kind: 'User', name: flux.username }, 'view')))
})
test('deny a binding that gives somebody the guard’s role, or an agent’s as Git declares it', () => {
  const alice = { kind: 'User', name: 'alice' }
  denied(decide(person(), undefined, binding(alice, 'gitops-guard')))
  const crd = edited(binding(agentSubject, 'flux-crds'), (copy) => void (copy.metadata['name'] = 'flux'))
  const declared = policyOf([{ objects: [web, crd] }])
  denied(judge(change('CREATE', person(), undefined, binding(alice, 'flux-crds')), declared))
})
test('leave ordinary bindings to RBAC', () => {
  allowed(decide(person(), undefined, binding({ kind: 'User', name: 'bob' }, 'cluster-admin')))
  const admins = edited(
    binding(agentSubject, 'cluster-admin'),
    (copy) => void (copy.metadata['name'] = 'flux'),
  )
  const declared = policyOf([{ objects: [web, admins] }])
  allowed(
    judge(
      change('CREATE', person(), undefined, binding({ kind: 'User', name: 'bob' }, 'cluster-admin')),
      declared,
    ),
  )
})
test('deny it where the configuration allows to change children of declared objects', () => {
  const controller = object('apps/v1', 'Deployment', 'kustomize-controller', { spec: {} }, inFlux)
  const child = edited(running['Pod']!('kustomize-controller'), (copy) => {
    copy.metadata['ownerReferences'] = [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'kustomize-controller-5d4f8',
        uid: '1',
        controller: true,
      },
    ]
  })
  const debugged = edited(
    child,
    (copy) => void ((copy['spec'] as JsonObject)['ephemeralContainers'] = [{ name: 'd' }]),
  )
  const open = policyOf([{ objects: [controller] }], { children: 'allow' })
  denied(judge(change('UPDATE', person(), child, debugged, { subresource: 'ephemeralcontainers' }), open))
  allowed(judge(change('DELETE', person(), child), open))
})

test('deny a person to ask for the certificate of a Pod that runs as an agent', () => {
  const asked = (serviceAccountName: string) =>
    object(
      'certificates.k8s.io/v1beta1',
      'PodCertificateRequest',
      'hers',
      { spec: { serviceAccountName, signerName: 'kubernetes.io/kube-apiserver-client-pod' } },
      inFlux,
    )
  denied(decide(person(), undefined, asked('kustomize-controller')))
  assert.notEqual(decide(person(), undefined, asked('other')).rule, 'agent-identity')
})

test("deny a person to give an agent's account or its namespace an owner", () => {
  const own = (what: KubeObject) =>
    edited(what, (copy) => void (copy.metadata['ownerReferences'] = [{ uid: '1' }]))
  for (const what of [
    serviceAccount('kustomize-controller', 'flux-system'),
    object('v1', 'Namespace', 'flux-system', {}, { namespace: '' }),
  ]) {
    denied(decide(person(), what, own(what)))
    allowed(decide(account('x', 'operator'), what, own(what)))
  }
})
test("deny a person to delete an agent's account or the namespace that it is in", () => {
  const remove = (actor: Actor, what: KubeObject) => judge(change('DELETE', actor, what), policy)
  const own = serviceAccount('kustomize-controller', 'flux-system')
  const home = object('v1', 'Namespace', 'flux-system', {}, { namespace: '' })
  for (const what of [own, home]) denied(remove(person(), what))
  allowed(remove(person(), object('v1', 'Namespace', 'elsewhere', {}, { namespace: '' })))
  allowed(remove(person(), serviceAccount('other', 'elsewhere')))
})
