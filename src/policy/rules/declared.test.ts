import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject, KubeObject } from '../../model/json.ts'
import { judge } from '../judge.ts'
import {
  account,
  asItIs,
  change,
  deploymentShape,
  edited,
  flux,
  object,
  person,
  policyOf,
  web,
} from '../testing.ts'

const policy = policyOf([{ objects: [web], shape: deploymentShape }])
const update = (before: KubeObject, after: KubeObject, actor = person(), subresource = '') =>
  judge(change('UPDATE', actor, before, after, { subresource }), policy)

const spec = (object: KubeObject) => object['spec'] as JsonObject
const pod = (object: KubeObject) => (spec(object)['template'] as JsonObject)['spec'] as JsonObject
const container = (object: KubeObject) => (pod(object)['containers'] as JsonObject[])[0]!
const withImage = (image: string) => edited(web, (copy) => void (container(copy)['image'] = image))

test('deny a changed image by a person, and say where to change it', () => {
  const verdict = update(web, withImage('nginx:2'))
  assert.equal(verdict.decision, 'deny')
  assert.equal(verdict.rule, 'declared')
  assert.equal(verdict.source, 'shop')
  assert.deepEqual(verdict.origin?.line, 1)
  assert.deepEqual(
    verdict.changes.map(({ op, before, after }) => ({ op, before, after })),
    [{ op: 'replace', before: 'nginx:1', after: 'nginx:2' }],
  )
  assert.equal(
    verdict.reason,
    'alice may not change Deployment shop/web (spec.template.spec.containers[name=web].image nginx:1 → nginx:2): Git declares it. Change clusters/prod/deployment.yaml:1@3f2a9c1 in ssh://git@git.example/shop.git (prod) instead, and the agent brings it in. In an emergency: kubectl guard break-glass -n shop deployment/web --for 30m --reason "..."',
  )
  const gist = verdict.reason.slice(0, 256)
  for (const word of ['alice', 'shop/web', 'image', 'deployment.yaml:1@3f2a9c1', 'shop.git'])
    assert.ok(gist.includes(word), word)
})

test('deny to a member of system:masters what anybody else is denied', () => {
  const admin = person('kubernetes-admin', 'system:masters')
  assert.equal(update(web, withImage('nginx:2'), admin).decision, 'deny')
})

test('deny a change under the field manager of the agent', () => {
  const forged = edited(withImage('nginx:2'), (copy) => {
    copy.metadata['managedFields'] = [{ manager: 'kustomize-controller', operation: 'Apply' }]
  })
  assert.equal(update(web, forged).decision, 'deny')
})

test('allow the agent any change', () => {
  assert.equal(update(web, withImage('nginx:2'), flux).rule, 'agent')
})

test('allow to bring an object back to what Git says', () => {
  assert.equal(update(withImage('nginx:2'), web).decision, 'allow')
})

test('deny to restore the state of an older commit', () => {
  assert.equal(update(withImage('nginx:2'), withImage('nginx:0')).decision, 'deny')
})

test('allow one field to converge while another still differs', () => {
  const both = edited(withImage('nginx:2'), (copy) => void (spec(copy)['replicas'] = 9))
  const one = edited(both, (copy) => void (spec(copy)['replicas'] = 3))
  assert.equal(update(both, one).decision, 'allow')
})

test('deny one field that leaves Git while another converges, and name only that one', () => {
  const before = edited(web, (copy) => void (spec(copy)['replicas'] = 9))
  const verdict = update(before, withImage('nginx:2'))
  assert.equal(verdict.decision, 'deny')
  assert.equal(verdict.changes.length, 1)
  assert.match(verdict.reason, /image/)
})

const additions: { [name: string]: (copy: KubeObject) => void } = {
  container: (copy) => void (pod(copy)['containers'] as Json[]).push({ name: 'evil', image: 'evil' }),
  env: (copy) => void (container(copy)['env'] = [{ name: 'A', value: 'b' }]),
  label: (copy) => void ((copy.metadata['labels'] as JsonObject)['x'] = 'y'),
  annotation: (copy) => void ((copy.metadata['annotations'] as JsonObject)['x'] = 'y'),
  finalizer: (copy) => void (copy.metadata['finalizers'] = ['evil/finalizer']),
  owner: (copy) =>
    void (copy.metadata['ownerReferences'] = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '00000000-0000-0000-0000-000000000000' },
    ]),
  'pause of the rollout': (copy) => void (spec(copy)['paused'] = true),
  '__proto__ label': (copy) =>
    Object.defineProperty(copy.metadata['labels'], '__proto__', { value: 'x', enumerable: true }),
}
for (const [name, edit] of Object.entries(additions)) {
  test(`deny an added ${name}`, () => assert.equal(update(web, edited(web, edit)).decision, 'deny'))
  test(`allow to take an added ${name} away`, () => {
    assert.equal(update(edited(web, edit), web).decision, 'allow')
  })
}

const removals: { [name: string]: (copy: KubeObject) => void } = {
  label: (copy) => void delete (copy.metadata['labels'] as JsonObject)['app'],
  default: (copy) => void delete pod(copy)['dnsPolicy'],
  argument: (copy) => void (container(copy)['args'] as Json[]).pop(),
}
for (const [name, edit] of Object.entries(removals)) {
  test(`deny a removed ${name}`, () => assert.equal(update(web, edited(web, edit)).decision, 'deny'))
}

test('deny an edit of an object that is being deleted', () => {
  const dying = edited(web, (copy) => {
    copy.metadata['finalizers'] = ['example.com/wait']
    copy.metadata['deletionTimestamp'] = '2030-01-02T03:04:05Z'
  })
  const after = edited(dying, (copy) => void (container(copy)['image'] = 'nginx:2'))
  assert.equal(update(dying, after).decision, 'deny')
})

test('allow a change of nothing', () =>
  assert.equal(
    update(
      web,
      edited(web, () => {}),
    ).decision,
    'allow',
  ))

test('allow a change of status, by the main resource or its own', () => {
  const after = edited(web, (copy) => void (copy['status'] = { replicas: 7 }))
  assert.equal(update(web, after).decision, 'allow')
  assert.equal(update(web, after, person(), 'status').decision, 'allow')
})

for (const field of ['labels', 'annotations']) {
  test(`deny ${field} smuggled through status`, () => {
    const after = edited(web, (copy) => {
      copy['status'] = { replicas: 7 }
      copy.metadata[field] = { ...(copy.metadata[field] as JsonObject), evil: 'yes' }
    })
    assert.equal(update(web, after, person(), 'status').decision, 'deny')
  })
}
for (const field of ['finalizers', 'ownerReferences']) {
  test(`deny ${field} smuggled through status`, () => {
    const after = edited(web, (copy) => void (copy.metadata[field] = [{ uid: '1', name: 'x' }]))
    assert.equal(update(web, after, person(), 'status').decision, 'deny')
  })
}

const scale = (replicas: number): KubeObject => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { replicas },
})
const scaled = (before: number, after: number, actor = person(), objects = [web]) =>
  judge(
    {
      ...change('UPDATE', actor, web, web, { subresource: 'scale' }),
      before: scale(before),
      after: scale(after),
    },
    policyOf([{ objects }]),
  )

test('deny kubectl scale', () => {
  const verdict = scaled(3, 5)
  assert.equal(verdict.decision, 'deny')
  assert.match(verdict.reason, /spec\.replicas 3 → 5/)
})
test('allow to scale back to what Git says', () => assert.equal(scaled(5, 3).decision, 'allow'))
test('deny the autoscaler where Git sets the replicas and no autoscaler', () => {
  assert.equal(scaled(3, 5, account('kube-system', 'horizontal-pod-autoscaler')).rule, 'system-controller')
  assert.equal(scaled(3, 5, account('kube-system', 'horizontal-pod-autoscaler')).decision, 'deny')
})
test('allow the autoscaler where Git declares one for it, and nobody else', () => {
  const hpa = object('autoscaling/v2', 'HorizontalPodAutoscaler', 'web', {
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 9 },
  })
  const autoscaler = account('kube-system', 'horizontal-pod-autoscaler')
  assert.equal(scaled(3, 5, autoscaler, [web, hpa]).decision, 'allow')
  assert.equal(scaled(3, 5, person(), [web, hpa]).decision, 'deny')
})
test('allow the autoscaler where Git leaves the replicas out, and nobody else', () => {
  const manifest = edited(web, (copy) => void delete spec(copy)['replicas'])
  const stored = edited(web, (copy) => void (spec(copy)['replicas'] = 1))
  const open = policyOf([{ objects: [manifest], canonical: () => asItIs(stored) }])
  const by = (actor: ReturnType<typeof person>) =>
    judge(
      { ...change('UPDATE', actor, web, web, { subresource: 'scale' }), before: scale(1), after: scale(5) },
      open,
    )
  assert.equal(by(account('kube-system', 'horizontal-pod-autoscaler')).decision, 'allow')
  assert.equal(by(person()).decision, 'deny')
})

test('deny a delete by a person, a service account, and in audit say so', () => {
  assert.equal(judge(change('DELETE', person(), web), policy).decision, 'deny')
  assert.equal(judge(change('DELETE', account('shop', 'ci'), web), policy).decision, 'deny')
})

test('allow to create what Git declares, as Git declares it', () => {
  const created = edited(web, (copy) => {
    copy.metadata['uid'] = 'x'
    copy.metadata['creationTimestamp'] = '2030-01-02T03:04:05Z'
  })
  assert.equal(judge(change('CREATE', person(), undefined, created), policy).decision, 'allow')
})
test('deny to create what Git declares otherwise than Git declares it', () => {
  const verdict = judge(change('CREATE', person(), undefined, withImage('nginx:2')), policy)
  assert.equal(verdict.decision, 'deny')
  assert.match(verdict.reason, /^alice may not create Deployment shop\/web/)
})

test('allow a last-applied annotation that says what Git says', () => {
  const applied = edited(web, (copy) => {
    ;(copy.metadata['annotations'] as JsonObject)['kubectl.kubernetes.io/last-applied-configuration'] =
      JSON.stringify(web)
  })
  assert.equal(update(web, applied).decision, 'allow')
})
test('deny a last-applied annotation that says something else', () => {
  const applied = edited(web, (copy) => {
    ;(copy.metadata['annotations'] as JsonObject)['kubectl.kubernetes.io/last-applied-configuration'] =
      JSON.stringify(withImage('nginx:2'))
  })
  assert.equal(update(web, applied).decision, 'deny')
})

const restarted = edited(web, (copy) => {
  const template = spec(copy)['template'] as JsonObject
  ;(template['metadata'] as JsonObject)['annotations'] = { 'kubectl.kubernetes.io/restartedAt': 'now' }
})
test('deny kubectl rollout restart', () => assert.equal(update(web, restarted).decision, 'deny'))

test('mask the values of a Secret in changes and reason', () => {
  const secret = object('v1', 'Secret', 'key', { type: 'Opaque', data: { token: 'c2VjcmV0' } })
  const after = edited(secret, (copy) => void ((copy['data'] as JsonObject)['token'] = 'b3RoZXI='))
  const verdict = judge(change('UPDATE', person(), secret, after), policyOf([{ objects: [secret] }]))
  assert.equal(verdict.decision, 'deny')
  assert.doesNotMatch(JSON.stringify(verdict), /c2VjcmV0|b3RoZXI/)
  assert.match(verdict.reason, /data\.token/)
})

const service = object('v1', 'Service', 'web', {
  spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 32769 }] },
})
const services = policyOf([
  { objects: [service], canonical: (each) => asItIs(each, [['spec', 'ports', 0, 'nodePort']]) },
])
const withPort = (fields: JsonObject) =>
  edited(service, (copy) => void (copy['spec'] = { type: 'NodePort', ports: [{ port: 80 }], ...fields }))
test('deny to change by hand what the server allocated', () => {
  const before = withPort({ ports: [{ port: 80, nodePort: 30001 }] })
  const after = withPort({ ports: [{ port: 80, nodePort: 30002 }] })
  assert.equal(judge(change('UPDATE', person(), before, after), services).decision, 'deny')
})
test('allow the server to allocate as an object comes back to what Git says', () => {
  const before = withPort({ type: 'ClusterIP' })
  const after = withPort({ ports: [{ port: 80, nodePort: 30002 }] })
  assert.equal(judge(change('UPDATE', person(), before, after), services).decision, 'allow')
})

for (const subresource of ['ephemeralcontainers', 'resize']) {
  test(`deny ${subresource} of a declared Pod`, () => {
    const bare = object('v1', 'Pod', 'bare', { spec: { containers: [{ name: 'a', image: 'a' }] } })
    const after = edited(bare, (copy) => {
      spec(copy)['ephemeralContainers'] = [{ name: 'debugger', image: 'busybox' }]
    })
    const verdict = judge(
      change('UPDATE', person(), bare, after, { subresource }),
      policyOf([{ objects: [bare] }]),
    )
    assert.equal(verdict.rule, 'declared')
    assert.equal(verdict.decision, 'deny')
  })
}
for (const subresource of ['binding', 'token', 'eviction', 'approval', 'whatever']) {
  test(`deny ${subresource} of a declared object by a person`, () => {
    const verdict = judge(change('CREATE', person(), undefined, web, { subresource }), policy)
    assert.equal(verdict.rule, 'declared')
    assert.equal(verdict.decision, 'deny')
  })
}
test('allow a service account to evict a declared Pod', () => {
  const bare = object('v1', 'Pod', 'bare', { spec: { containers: [{ name: 'a', image: 'a' }] } })
  const eviction = change('CREATE', account('kube-system', 'cluster-autoscaler'), undefined, bare, {
    subresource: 'eviction',
  })
  assert.equal(judge(eviction, policyOf([{ objects: [bare] }])).decision, 'allow')
})

test('deny at another version all that no allowance gives, and let metadata converge', () => {
  const hpa = object('autoscaling/v1', 'HorizontalPodAutoscaler', 'web', { spec: { maxReplicas: 9 } })
  const newer = edited(hpa, (copy) => void (copy.apiVersion = 'autoscaling/v2'))
  const tenfold = edited(newer, (copy) => void (spec(copy)['maxReplicas'] = 90))
  const labelled = edited(newer, (copy) => void (copy.metadata['labels'] = { a: 'b' }))
  const both = policyOf([{ objects: [hpa] }])
  assert.equal(judge(change('UPDATE', person(), newer, tenfold), both).decision, 'deny')
  assert.equal(judge(change('UPDATE', person(), newer, labelled), both).decision, 'deny')
  assert.equal(judge(change('UPDATE', person(), labelled, newer), both).decision, 'allow')
})

test('judge by the manifest alone until the API server was asked', () => {
  const early = policyOf([{ objects: [web], canonical: () => undefined }])
  assert.equal(judge(change('UPDATE', person(), web, withImage('nginx:2')), early).decision, 'deny')
  assert.equal(judge(change('UPDATE', person(), withImage('nginx:2'), web), early).decision, 'allow')
})

test('tell the place before a long list of fields', () => {
  const after = edited(web, (copy) => {
    pod(copy)['nodeSelector'] = { 'example.com/a-long-label-name-for-a-node-of-this-cluster': 'x' }
    pod(copy)['tolerations'] = [{ key: 'a' }]
    container(copy)['image'] = 'registry.example.com/a/long/path/to/an/image:with-a-long-tag'
  })
  const { reason } = update(web, after)
  assert.ok(reason.slice(0, 256).includes('clusters/prod/deployment.yaml:1@3f2a9c1'), reason)
  assert.match(reason, /What differs: .*nodeSelector/)
})
test('deny an update that says nothing of what would be stored', () => {
  assert.equal(judge(change('UPDATE', person(), web), policy).decision, 'deny')
  assert.equal(
    judge(change('UPDATE', person(), web, undefined, { subresource: 'scale' }), policy).decision,
    'deny',
  )
})
