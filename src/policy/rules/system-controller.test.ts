import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor } from '../../model/actor.ts'
import type { JsonObject, KubeObject } from '../../model/json.ts'
import { judge } from '../judge.ts'
import { watcherAllowances } from '../watcher-allowances.ts'
import { change, edited, node, object, person, policyOf, system, web } from '../testing.ts'

const spec = (of: KubeObject) => of['spec'] as JsonObject
function update(actor: Actor, before: KubeObject, edit: (copy: KubeObject) => void, subresource = '') {
  const policy = policyOf([{ objects: [before] }])
  return judge(change('UPDATE', actor, before, edited(before, edit), { subresource }), policy)
}
const annotate = (key: string) => (copy: KubeObject) =>
  void (copy.metadata['annotations'] = { ...(copy.metadata['annotations'] as JsonObject), [key]: '1' })

test('allow the deployment controller its revision', () => {
  const verdict = update(system('deployment-controller'), web, annotate('deployment.kubernetes.io/revision'))
  assert.deepEqual([verdict.rule, verdict.decision], ['system-controller', 'allow'])
})
test('deny the deployment controller an image', () => {
  const verdict = update(system('deployment-controller'), web, (copy) => void (spec(copy)['replicas'] = 0))
  assert.deepEqual([verdict.rule, verdict.decision], ['system-controller', 'deny'])
})
test('deny another controller the revision', () => {
  const verdict = update(system('job-controller'), web, annotate('deployment.kubernetes.io/revision'))
  assert.equal(verdict.decision, 'deny')
})
test('deny a person the revision', () => {
  assert.equal(update(person(), web, annotate('deployment.kubernetes.io/revision')).decision, 'deny')
})
test('allow every controller status', () => {
  const verdict = update(
    system('deployment-controller'),
    web,
    (copy) => void (copy['status'] = { a: 1 }),
    'status',
  )
  assert.equal(verdict.decision, 'allow')
})

const aggregated = object('rbac.authorization.k8s.io/v1', 'ClusterRole', 'all', {
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
  rules: [],
})
const plain = object('rbac.authorization.k8s.io/v1', 'ClusterRole', 'plain', { rules: [] })
const fill = (copy: KubeObject) => void (copy['rules'] = [{ verbs: ['get'] }])
test('allow the aggregation controller the rules of an aggregated role, and of no other', () => {
  assert.equal(update(system('clusterrole-aggregation-controller'), aggregated, fill).decision, 'allow')
  assert.equal(update(system('clusterrole-aggregation-controller'), plain, fill).decision, 'deny')
})

const claim = object('v1', 'PersistentVolumeClaim', 'data', { spec: { storageClassName: 'fast' } })
test('allow a claim to be bound and protected, each by its controller', () => {
  const bind = (copy: KubeObject) => void (spec(copy)['volumeName'] = 'pv-1')
  const protect = (copy: KubeObject) => void (copy.metadata['finalizers'] = ['kubernetes.io/pvc-protection'])
  assert.equal(update(system('persistent-volume-binder'), claim, bind).decision, 'allow')
  assert.equal(update(system('pvc-protection-controller'), claim, bind).decision, 'deny')
  assert.equal(update(system('pvc-protection-controller'), claim, protect).decision, 'allow')
  assert.equal(update(system('persistent-volume-binder'), claim, protect).decision, 'deny')
})

const token = object('v1', 'Secret', 'token', { type: 'kubernetes.io/service-account-token' })
const opaque = object('v1', 'Secret', 'opaque', { type: 'Opaque' })
const fillToken = (copy: KubeObject) => void (copy['data'] = { token: 'eA==' })
test('allow the token controller token Secrets, an extra key in them to nobody, and no other Secret', () => {
  const controller = person('system:kube-controller-manager')
  assert.equal(update(controller, token, fillToken).decision, 'allow')
  assert.equal(update(controller, opaque, fillToken).decision, 'deny')
  assert.equal(update(controller, token, (copy) => void (copy['data'] = { extra: 'eA==' })).decision, 'deny')
})

test('widen the rule where all controllers share one identity', () => {
  const after = edited(web, annotate('deployment.kubernetes.io/revision'))
  const shared = change('UPDATE', person('system:kube-controller-manager'), web, after)
  assert.equal(judge(shared, policyOf([{ objects: [web] }])).decision, 'deny')
  assert.equal(
    judge(shared, policyOf([{ objects: [web] }], { sharedControllerIdentity: true })).decision,
    'allow',
  )
})

function remove(actor: Actor, manifest: KubeObject, live = manifest) {
  return judge(change('DELETE', actor, live), policyOf([{ objects: [manifest] }])).decision
}
const owner = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '0' }]
test('deny the garbage collector an object that was given an owner by hand', () => {
  const live = edited(web, (copy) => void (copy.metadata['ownerReferences'] = owner))
  assert.equal(remove(system('generic-garbage-collector'), web, live), 'deny')
})
test('allow the garbage collector an object that Git gives an owner', () => {
  const owned = edited(web, (copy) => void (copy.metadata['ownerReferences'] = owner))
  assert.equal(remove(system('generic-garbage-collector'), owned), 'allow')
})
test('let a namespace that terminates be emptied', () => {
  assert.equal(remove(system('namespace-controller'), web), 'allow')
})
const job = (spec: JsonObject) => object('batch/v1', 'Job', 'once', { spec })
test('allow the TTL controller a Job that Git lets expire, and no other', () => {
  assert.equal(remove(system('ttl-after-finished-controller'), job({ ttlSecondsAfterFinished: 60 })), 'allow')
  assert.equal(remove(system('ttl-after-finished-controller'), job({})), 'deny')
})
const pod = object('v1', 'Pod', 'bare', { spec: { containers: [] } })
test('allow kubelets, the scheduler and Pod controllers to end a declared Pod', () => {
  for (const actor of [node(), person('system:kube-scheduler'), system('pod-garbage-collector')]) {
    assert.equal(remove(actor, pod), 'allow')
  }
})
test('deny somebody with a node’s name and not its group', () => {
  assert.equal(remove(person('system:node:worker-1'), pod), 'deny')
})
test('allow the scheduler to bind a declared Pod and deny a person', () => {
  const binding = (actor: Actor) =>
    judge(change('CREATE', actor, undefined, pod, { subresource: 'binding' }), policyOf([{ objects: [pod] }]))
  assert.equal(binding(person('system:kube-scheduler')).decision, 'allow')
  assert.equal(binding(person()).decision, 'deny')
})
test('allow the account controller the default account that Git declares', () => {
  const account = object('v1', 'ServiceAccount', 'default', {}, { labels: { team: 'shop' } })
  const bare = object('v1', 'ServiceAccount', 'default')
  const policy = policyOf([{ objects: [account] }])
  assert.equal(
    judge(change('CREATE', system('service-account-controller'), undefined, bare), policy).decision,
    'allow',
  )
  assert.equal(judge(change('CREATE', person(), undefined, bare), policy).decision, 'deny')
})
test('leave what Git does not declare to RBAC', () => {
  const made = object(
    'v1',
    'Pod',
    'web-1',
    { spec: { serviceAccountName: 'kustomize-controller' } },
    { namespace: 'flux-system' },
  )
  const verdict = judge(
    change('CREATE', system('replicaset-controller'), undefined, made),
    policyOf([{ objects: [web] }]),
  )
  assert.deepEqual([verdict.rule, verdict.decision], ['system-controller', 'allow'])
})
test('let the API server keep its own roles, and nobody the subjects of others that say they are such', () => {
  const binding = (name: string) =>
    object(
      'rbac.authorization.k8s.io/v1',
      'ClusterRoleBinding',
      name,
      { subjects: [] },
      { namespace: '', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' } },
    )
  const covered = (name: string) => {
    const policy = policyOf([{ objects: [binding(name)] }])
    const [declared] = policy.declaredOf('rbac.authorization.k8s.io', 'ClusterRoleBinding')
    return watcherAllowances(policy, declared!).some(({ fields }) => fields.includes('/subjects'))
  }
  for (const name of ['cluster-admin', 'system:node-proxier', 'system:controller:job-controller'])
    assert.equal(covered(name), true, name)
  for (const name of ['system:coredns', 'system:cloud-node-controller', 'system:nodes', 'mine'])
    assert.equal(covered(name), false, name)
})
