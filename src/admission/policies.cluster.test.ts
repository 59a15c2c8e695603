import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startControlPlane, type ControlPlane } from '../../test/control-plane/control-plane.ts'
import { declared, namespaces, testPolicy } from '../../test/admission/test-guard.ts'
import { guardingPolicies } from './policies.ts'
import { staticManifests } from './static-manifests.ts'

const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'
const AGENT = 'system:serviceaccount:flux-system:kustomize-controller'
const OPERATOR = 'system:serviceaccount:operators:operator'
const API = '/apis/admissionregistration.k8s.io/v1'

const facts = {
  policy: testPolicy(),
  namespaces,
  declared,
  declaredWebhooks: ['from-git'],
  installers: ['installer'],
}
const client = { url: 'https://127.0.0.1:1' }
const webhook = (name: string, changed: object = {}) => ({
  name: `${name}.example.com`,
  clientConfig: client,
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  failurePolicy: 'Ignore',
  rules: [{ apiGroups: ['example.com'], apiVersions: ['*'], operations: ['CREATE'], resources: ['*'] }],
  ...changed,
})
const configuration = (kind: 'Validating' | 'Mutating', name: string, ...webhooks: object[]) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: `${kind}WebhookConfiguration`,
  metadata: { name },
  webhooks,
})
const inNamespace = (namespace: string) => ({
  namespaceSelector: {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace] }],
  },
  rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE'], resources: ['*'] }],
})

async function users(plane: ControlPlane) {
  for (const user of [GUARD, AGENT, OPERATOR]) {
    const [, , namespace, name] = user.split(':')
    await plane.serviceAccount(namespace!, name!, { clusterAdmin: true })
  }
  await plane.user('installer', { clusterAdmin: true })
}

/** Refused by a policy, or not. */
async function outcome(plane: ControlPlane, user: string, args: string[], stdin?: object) {
  const { code, stderr } = await plane.kubectl(user, args, stdin ? { stdin: JSON.stringify(stdin) } : {})
  if (code === 0) return 'allowed'
  assert.match(stderr, /ValidatingAdmissionPolicy/, `${user} ${args.join(' ')}`)
  return 'refused'
}

describe('guardingPolicies', () => {
  let plane: ControlPlane
  before(async () => {
    plane = await startControlPlane({ kubeControllerManager: false })
    await users(plane)
    for (const each of [
      configuration('Validating', 'gitops-guard', webhook('guard')),
      configuration('Validating', 'from-git', webhook('git')),
      configuration('Mutating', 'from-git', webhook('git')),
    ]) {
      await plane.api('POST', `${API}/${each.kind.toLowerCase()}s`, each)
    }
    for (const object of guardingPolicies(facts)) {
      const plural =
        object.kind === 'ValidatingAdmissionPolicy'
          ? 'validatingadmissionpolicies'
          : 'validatingadmissionpolicybindings'
      const { status, body } = await plane.api('POST', `${API}/${plural}`, object)
      assert.equal(status, 201, JSON.stringify(body))
    }
    for (let tries = 0; (await label('admin')) === 'allowed'; tries++) {
      assert.ok(tries < 100, 'the policies are not in force')
      await sleep(100)
    }
  })
  after(() => plane?.stop())

  const label = (user: string, target = 'validatingwebhookconfiguration/gitops-guard') =>
    outcome(plane, user, ['label', target, `by=${Math.random()}`, '--overwrite'])

  it("refuse everybody but the guard, agents and installers the guard's own webhook configuration", async () => {
    for (const user of ['alice', 'admin', OPERATOR]) {
      assert.equal(await label(user), 'refused')
      assert.equal(
        await outcome(plane, user, ['delete', 'validatingwebhookconfiguration', 'gitops-guard']),
        'refused',
      )
    }
    const all = `${API}/validatingwebhookconfigurations`
    for (const user of ['alice', 'admin']) {
      assert.equal(await outcome(plane, user, ['delete', '--raw', all]), 'refused')
    }
    const { status } = await plane.api('GET', `${API}/validatingwebhookconfigurations/gitops-guard`)
    assert.equal(status, 200)
    for (const user of [GUARD, AGENT, 'installer']) assert.equal(await label(user), 'allowed')
  })

  it("refuse people the guard's roles, and leave others alone", async () => {
    const role = ['create', 'clusterrole', '--verb=get', '--resource=pods']
    assert.equal(await outcome(plane, 'alice', [...role, 'gitops-guard']), 'refused')
    assert.equal(await outcome(plane, 'alice', [...role, 'gitops-guard-x']), 'refused')
    assert.equal(await outcome(plane, 'alice', [...role, 'gitops-guardian']), 'allowed')
    assert.equal(await outcome(plane, 'installer', [...role, 'gitops-guard']), 'allowed')
  })

  it("refuse people what is in the guard's namespace, and let machines work there", async () => {
    const configMap = ['create', 'cm', '-n', 'gitops-guard']
    assert.equal(await outcome(plane, 'alice', [...configMap, 'a']), 'refused')
    assert.equal(await outcome(plane, 'alice', ['label', 'ns', 'gitops-guard', 'a=b']), 'refused')
    assert.equal(await outcome(plane, 'alice', ['delete', 'ns', 'gitops-guard', '--wait=false']), 'refused')
    assert.equal(await outcome(plane, 'alice', ['create', 'cm', '-n', 'default', 'a']), 'allowed')
    assert.equal(
      await outcome(plane, 'alice', ['auth', 'can-i', 'get', 'pods', '-n', 'gitops-guard']),
      'allowed',
    )
    assert.equal(await outcome(plane, OPERATOR, [...configMap, 'b']), 'allowed')
    assert.equal(await outcome(plane, 'installer', [...configMap, 'c']), 'allowed')
  })

  it('refuse people webhooks that could rewrite what Git declares, and no others', async () => {
    const create = (user: string, ...parts: Parameters<typeof configuration>) =>
      outcome(plane, user, ['create', '-f', '-'], configuration(...parts))
    const apps = {
      rules: [{ apiGroups: ['apps'], apiVersions: ['*'], operations: ['CREATE'], resources: ['*'] }],
    }
    const everything = {
      rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }],
    }
    assert.equal(await create('alice', 'Mutating', 'm1', webhook('a', apps)), 'refused')
    assert.equal(await create('alice', 'Mutating', 'm1', webhook('a', everything)), 'refused')
    assert.equal(
      await create('alice', 'Mutating', 'm1', webhook('a'), webhook('b', inNamespace('shop'))),
      'refused',
    )
    assert.equal(
      await create('alice', 'Mutating', 'm1', webhook('a'), webhook('b', inNamespace('other'))),
      'allowed',
    )
    assert.equal(await create('alice', 'Mutating', 'm2'), 'allowed')
    assert.equal(await create('alice', 'Validating', 'v1', webhook('a', everything)), 'allowed')
    assert.equal(await create(OPERATOR, 'Mutating', 'm3', webhook('a', apps)), 'allowed')
    assert.equal(await create('installer', 'Mutating', 'm4', webhook('a', apps)), 'allowed')
    const rules = JSON.stringify([{ op: 'replace', path: '/webhooks/0/rules', value: apps.rules }])
    assert.equal(
      await outcome(plane, 'alice', [
        'patch',
        'mutatingwebhookconfiguration',
        'm1',
        '--type=json',
        '-p',
        rules,
      ]),
      'refused',
    )
    assert.equal(await outcome(plane, 'alice', ['delete', 'mutatingwebhookconfiguration', 'm1']), 'allowed')
  })

  it('refuse people webhook configurations that Git declares', async () => {
    for (const kind of ['validatingwebhookconfiguration', 'mutatingwebhookconfiguration']) {
      assert.equal(await label('alice', `${kind}/from-git`), 'refused')
      assert.equal(await outcome(plane, 'alice', ['delete', kind, 'from-git']), 'refused')
      for (const user of [AGENT, OPERATOR]) assert.equal(await label(user, `${kind}/from-git`), 'allowed')
    }
  })
})

describe('staticManifests', () => {
  let plane: ControlPlane
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guard-static-'))
    for (const { path, text } of staticManifests({ policies: facts, directory })) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), text)
    }
    plane = await startControlPlane({
      kubeControllerManager: false,
      featureGates: { ManifestBasedAdmissionControlConfig: true },
      admissionConfigFile: join(directory, 'admission-configuration.yaml'),
    })
    await plane.user('installer', { clusterAdmin: true })
  })
  after(async () => {
    await plane?.stop()
    await rm(directory, { recursive: true })
  })

  it('stop even system:masters from touching the webhook configuration and the policies', async () => {
    const [policy, binding] = guardingPolicies(facts) as [{ kind: string }, { kind: string }]
    const own = [configuration('Validating', 'gitops-guard', webhook('guard')), policy, binding]
    for (const object of own) {
      assert.equal(await outcome(plane, 'admin', ['create', '-f', '-'], object), 'refused')
      assert.equal(await outcome(plane, 'installer', ['create', '-f', '-'], object), 'allowed')
      const target = `${object.kind.toLowerCase()}/gitops-guard`
      for (const args of [
        ['label', target, 'a=b'],
        ['annotate', target, 'a=b'],
        ['delete', target],
      ]) {
        assert.equal(await outcome(plane, 'admin', args), 'refused')
      }
    }
    for (const resource of [
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
      'validatingwebhookconfigurations',
    ]) {
      assert.equal(await outcome(plane, 'admin', ['delete', '--raw', `${API}/${resource}`]), 'refused')
      const { body } = await plane.api('GET', `${API}/${resource}`)
      assert.deepEqual(
        body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
        ['gitops-guard'],
        'what is static does not show, and what is there stays',
      )
    }
  })
})
