import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ControlPlane } from '../../test/control-plane/control-plane.ts'
import { startMutatingWebhook } from '../../test/support/mutating-webhook.ts'
import { bookkeepingOf } from '../drift/bookkeeping.ts'
import { compare } from '../drift/compare.ts'
import type { Canonical, Manifest } from '../model/desired.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import type { FieldChange } from '../model/path.ts'
import { refOf } from '../object/identity.ts'
import { cloneJson, stableStringify, stringifyJson } from '../object/json.ts'
import { formatPath } from '../object/path.ts'
import { AdmissionWatch } from './admission-watch.ts'
import { ClusterApi } from './api.ts'
import type { RequestRecord } from './api.ts'
import { ApiError } from './api-error.ts'
import { CanonicalForms } from './canonical.ts'
import type { CanonicalResult } from './canonical.ts'
import { connect } from './connection.ts'
import { Discovery } from './discovery.ts'
import { Shapes } from './shapes.ts'
import { customResources, manifests } from './testing/kinds.ts'

function manifestOf(object: KubeObject): Manifest {
  return {
    ref: refOf(object),
    object,
    origin: { file: 'test.yaml', line: 1, revision: '' },
    hash: stableStringify(object),
  }
}

/** A guard's way to the API server as one user. */
class Way {
  readonly requests: RequestRecord[] = []
  readonly api: ClusterApi
  readonly discovery: Discovery
  readonly admission: AdmissionWatch
  readonly forms: CanonicalForms
  #end: (() => void) | undefined
  #changes = 0

  constructor(kubeconfig: string, file?: string) {
    this.api = new ClusterApi(connect({ kubeconfig }), {
      onRequest: (record) => void this.requests.push(record),
    })
    this.discovery = new Discovery({ api: this.api })
    this.admission = new AdmissionWatch({
      api: this.api,
      discovery: this.discovery,
      onChange: () => {
        this.#changes++
        this.forms.forget()
      },
    })
    this.forms = new CanonicalForms({
      api: this.api,
      discovery: this.discovery,
      shapes: new Shapes(this.api),
      admission: (resource, namespace) => this.admission.fingerprint(resource, namespace),
      file,
    })
  }

  async start(): Promise<this> {
    await this.discovery.refresh()
    this.#end = this.discovery.watch(() => void this.forms.refresh())
    await this.admission.start()
    return this
  }

  async stop(): Promise<void> {
    this.#end?.()
    await this.admission.stop()
    this.forms.close()
    this.api.connection.close()
  }

  dryRuns(): number {
    return this.requests.filter(({ dryRun }) => dryRun).length
  }

  /** Resolves when admission changed, as far as this way knows. */
  async admissionChanged(by: () => Promise<unknown>): Promise<void> {
    const changes = this.#changes
    await by()
    await eventually(() => assert.ok(this.#changes > changes))
  }

  async create(object: KubeObject): Promise<KubeObject> {
    const resource = this.forms.resourceFor({ object })
    assert.ok(resource, `${object.kind} is served`)
    return (await this.api.create(resource, object)).object
  }

  async live(object: KubeObject): Promise<KubeObject> {
    const resource = this.forms.resourceFor({ object })!
    const { namespace, name } = refOf(object)
    return (await this.api.get(resource, { namespace, name })).object
  }

  async canonical(object: KubeObject): Promise<Canonical> {
    const form = await this.forms.form(manifestOf(object))
    assert.ok(
      'canonical' in form,
      `${object.kind} ${String(object.metadata['name'])}: ${stringifyJson(form)}`,
    )
    return form.canonical
  }

  /** What live did to the manifest. */
  async changes(object: KubeObject, live?: KubeObject): Promise<FieldChange[]> {
    const canonical = await this.canonical(object)
    const found = live ?? (await this.live(object))
    return compare(canonical, found, {
      shape: this.forms.shapeOf({ object }),
      allowances: bookkeepingOf(object, found),
      manifest: object,
    }).changes
  }
}

async function eventually(check: () => unknown, ms = 20_000): Promise<void> {
  const end = Date.now() + ms
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const describeChange = ({ op, path, before, after }: FieldChange) =>
  `${op} ${formatPath(path)}: ${stringifyJson(before)} -> ${stringifyJson(after)}`

const configMap = (name: string, namespace: string, data: JsonObject = { a: '1' }): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
})

const deployment = (name: string, namespace: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'c', image: 'busybox' }] },
    },
  },
})

const namespaceOf = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
})

function pointer(result: CanonicalResult): string {
  assert.ok('invalid' in result, stringifyJson(result))
  return result.invalid
}

describe('canonical forms on a real API server', () => {
  let plane: ControlPlane
  let admin: Way

  before(async () => {
    plane = await startControlPlane()
    admin = await new Way(plane.kubeconfig('admin')).start()
    await admin.create(namespaceOf('forms'))
  })
  after(async () => {
    await admin.stop()
    await plane.stop()
  })

  it('find no drift in objects of many kinds, before and after their controllers wrote, and exactly a rogue label', async () => {
    const objects = manifests()
    for (const object of objects) {
      // Before the object exists, as for a new commit.
      if (object.apiVersion !== 'kinds.example/v1') await admin.canonical(object)
      await admin.create(object)
    }
    await eventually(() => {
      for (const { kind } of customResources()) assert.ok(admin.discovery.resourceFor('kinds.example', kind))
    })
    for (const object of customResources()) {
      await eventually(() => admin.canonical(object))
      await admin.create(object)
    }
    const all = [...objects, ...customResources()]
    const wrong: string[] = []
    const look = async () => {
      wrong.length = 0
      for (const object of all) {
        for (const change of await admin.changes(object))
          wrong.push(`${object.kind} ${String(object.metadata['name'])}: ${describeChange(change)}`)
      }
      assert.deepEqual(wrong, [])
    }
    await look()
    // The controllers of workloads, claims, tokens and aggregated roles have written by then.
    await eventually(async () => {
      const token = await admin.live(all.find(({ metadata }) => metadata['name'] === 'sa-token')!)
      assert.ok((token['data'] as JsonObject | undefined)?.['token'])
      const web = await admin.live(all.find(({ kind }) => kind === 'Deployment')!)
      assert.ok(
        (web.metadata['annotations'] as JsonObject | undefined)?.['deployment.kubernetes.io/revision'],
      )
    })
    await look()
    // The same with what is asked for the first time when all is there.
    admin.forms.retain([])
    admin.forms.forget()
    await look()

    for (const object of all) {
      const resource = admin.forms.resourceFor({ object })!
      const { namespace, name } = refOf(object)
      const patch = { metadata: { labels: { rogue: 'yes' } } }
      const { object: live } = await admin.api.patch(resource, { namespace, name }, patch, {
        type: 'application/merge-patch+json',
      })
      const found = (await admin.changes(object, live)).map(({ op, path }) => `${op} ${formatPath(path)}`)
      assert.deepEqual(found, ['add metadata.labels.rogue'], `${object.kind} ${name}`)
    }
  })

  it('ask once for a kind in a namespace what the server makes up', async () => {
    const before = admin.dryRuns()
    for (let index = 0; index < 5; index++) await admin.canonical(configMap(`once-${index}`, 'forms'))
    assert.equal(admin.dryRuns() - before, 6)
    // Already known: nothing is asked, and it can be had at once.
    assert.deepEqual(
      admin.forms.cached(manifestOf(configMap('once-1', 'forms'))),
      await admin.canonical(configMap('once-1', 'forms')),
    )
    assert.equal(admin.dryRuns() - before, 6)
  })

  it('ask once when many want the same', async () => {
    const before = admin.dryRuns()
    const object = configMap('same', 'forms', { a: 'same' })
    await Promise.all(Array.from({ length: 10 }, () => admin.canonical(object)))
    assert.ok(admin.dryRuns() - before <= 2)
  })

  it('wait for a namespace, and for a kind', async () => {
    const object = configMap('early', 'not-yet')
    assert.match(stringifyJson(await admin.forms.form(manifestOf(object))), /"pending":"namespaces .*not-yet/)
    await admin.create(namespaceOf('not-yet'))
    await admin.canonical(object)
    const unknown = {
      apiVersion: 'nobody.example/v1',
      kind: 'Thing',
      metadata: { name: 'x', namespace: 'forms' },
    }
    assert.ok('pending' in (await admin.forms.form(manifestOf(unknown))))
  })

  it('say in the words of the server what is invalid, without the values of a Secret', async () => {
    const bad = deployment('bad', 'forms')
    ;(bad['spec'] as JsonObject)['replicas'] = -1
    assert.match(
      pointer(await admin.forms.form(manifestOf(bad))),
      /spec.replicas.*greater than or equal to 0/,
    )
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'bad', namespace: 'forms' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from('{"auths":hunter22}').toString('base64') },
    }
    const message = pointer(await admin.forms.form(manifestOf(secret)))
    assert.match(message, /dockerconfigjson/)
    assert.doesNotMatch(message, /hunter22/)
  })

  it('name the fields that the server drops', async () => {
    const object = deployment('unattainable', 'forms')
    ;(object['spec'] as JsonObject)['replica'] = 3
    assert.deepEqual((await admin.canonical(object)).unattainable, ['spec.replica'])
  })

  it('put the real name back wherever the server wrote the other', async () => {
    const canonical = await admin.canonical(namespaceOf('a-namespace'))
    assert.deepEqual(canonical.object.metadata['labels'], { 'kubernetes.io/metadata.name': 'a-namespace' })
    const job: KubeObject = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'j', namespace: 'forms' },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] } } },
    }
    const form = await admin.canonical(job)
    assert.equal((form.object.metadata['labels'] as JsonObject)['job-name'], 'j')
    assert.ok(
      form.generated.some(
        (path) => formatPath(path) === 'spec.selector.matchLabels["batch.kubernetes.io/controller-uid"]',
      ),
    )
  })

  it('ask for the live object where a policy, a quota or a node port is in the way of another name', async () => {
    const namespace = 'narrow'
    await admin.create(namespaceOf(namespace))
    const settings = configMap('allowed', namespace)
    await admin.create(settings)
    await admin.create({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'full', namespace },
      spec: { hard: { 'count/configmaps': '1' } },
    })
    let tries = 0
    await eventually(async () => {
      const error = await admin
        .create(configMap(`more-${tries++}`, namespace))
        .catch((reason: unknown) => reason)
      assert.match(String(error), /exceeded quota/)
    })
    assert.equal((await admin.canonical(settings)).method, 'dry-run')
    const live = await admin.live(settings)
    ;(live['data'] as JsonObject)['rogue'] = 'x'
    const found = await admin.changes(settings, live)
    assert.deepEqual(found.map(describeChange), ['add data.rogue: undefined -> "x"'])
    assert.match(
      pointer(await admin.forms.form(manifestOf(configMap('too-many', namespace)))),
      /exceeded quota/,
    )
  })

  it('compare declared fields alone, and say so, where a webhook takes no dry-run or the guard has no right', async () => {
    const namespace = 'rightless'
    await admin.create(namespaceOf(namespace))
    const kubeconfig = await plane.serviceAccount(namespace, 'reader')
    await admin.create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace }],
    })
    const reader = await new Way(kubeconfig).start()
    try {
      const object = configMap('declared', namespace)
      await admin.create(object)
      await eventually(async () => assert.equal((await reader.canonical(object)).method, 'declared'))
      const live = await admin.live(object)
      assert.deepEqual(await reader.changes(object, live), [])
      assert.equal(await reader.forms.confirm(manifestOf(object), live), undefined)
      ;(live['data'] as JsonObject)['a'] = 'x'
      assert.deepEqual((await reader.changes(object, live)).map(describeChange), [
        'replace data.a: "1" -> "x"',
      ])
    } finally {
      await reader.stop()
    }
    await admin.create({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'effects' },
      webhooks: [
        {
          name: 'effects.example.org',
          clientConfig: { url: 'https://127.0.0.1:1/' },
          admissionReviewVersions: ['v1'],
          sideEffects: 'NoneOnDryRun',
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          rules: [
            { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] },
          ],
          failurePolicy: 'Fail',
        },
      ],
    })
    try {
      // A webhook that does not answer: the API server may answer later.
      await eventually(() =>
        assert.rejects(admin.forms.form(manifestOf(configMap('later', namespace))), (error: unknown) => {
          return error instanceof ApiError && error.transient && /effects.example.org/.test(error.message)
        }),
      )
    } finally {
      await plane.api(
        'DELETE',
        '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/effects',
      )
    }
  })

  it('forget what admission made when that changes, and only that', async () => {
    const namespace = 'mutated'
    await admin.create(namespaceOf(namespace))
    const object = configMap('settings', namespace)
    const other = deployment('web', namespace)
    assert.equal((await admin.canonical(object)).object.metadata['labels'], undefined)
    await admin.canonical(other)
    const { epoch } = admin.forms
    const resource = admin.discovery.resourceFor('admissionregistration.k8s.io', 'MutatingAdmissionPolicy')
    assert.ok(resource, 'MutatingAdmissionPolicy is served')
    const apiVersion = `admissionregistration.k8s.io/${resource.version}`
    const expression = 'Object{metadata: Object.metadata{labels: {"team": "a"}}}'
    const policy = {
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata: { name: 'team' },
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['configmaps'],
              operations: ['CREATE', 'UPDATE'],
            },
          ],
        },
        failurePolicy: 'Fail',
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
      },
    }
    await admin.admissionChanged(() => admin.create(policy))
    assert.ok(admin.forms.epoch > epoch)
    assert.ok(admin.forms.cached(manifestOf(other)), 'the policy is not for Deployments')
    assert.equal(admin.forms.cached(manifestOf(object)), undefined)
    await admin.admissionChanged(() =>
      admin.create({
        apiVersion,
        kind: 'MutatingAdmissionPolicyBinding',
        metadata: { name: 'team' },
        spec: { policyName: 'team' },
      }),
    )
    await eventually(async () => {
      admin.forms.retain([])
      admin.forms.forget()
      assert.deepEqual((await admin.canonical(object)).object.metadata['labels'], { team: 'a' })
    })
    await admin.admissionChanged(() =>
      plane.api('DELETE', `/apis/${apiVersion}/mutatingadmissionpolicies/team`),
    )
  })

  it('hold live to what a webhook always does, and not to what it makes up', async () => {
    const namespace = 'hooked'
    await admin.create(namespaceOf(namespace))
    const webhook = await startMutatingWebhook(({ metadata }) => [
      {
        op: 'add',
        path: '/metadata/annotations',
        value: {
          always: 'x',
          named: `for-${metadata.name}`,
          random: randomUUID(),
          at: new Date().toISOString().replace(/\.\d+/, ''),
        },
      },
    ])
    const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
    try {
      await admin.admissionChanged(() =>
        plane.api('POST', path, {
          metadata: { name: 'hooked' },
          webhooks: [
            {
              name: 'hooked.example.org',
              clientConfig: { url: webhook.url, caBundle: webhook.caBundle },
              admissionReviewVersions: ['v1'],
              sideEffects: 'None',
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
              rules: [
                { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] },
              ],
            },
          ],
        }),
      )
      await eventually(async () => {
        await admin.canonical(configMap(`try-${webhook.calls}-${Math.random()}`, namespace))
        assert.ok(webhook.calls > 0)
      })
      for (const name of ['one', 'two']) {
        const object = configMap(name, namespace, { unique: randomUUID() })
        const { object: canonical, generated } = await admin.canonical(object)
        const annotations = canonical.metadata['annotations'] as JsonObject
        assert.equal(annotations['always'], 'x')
        assert.equal(annotations['named'], `for-${name}`)
        assert.deepEqual(generated.map(formatPath).toSorted(), [
          'metadata.annotations.at',
          'metadata.annotations.random',
        ])
        await admin.create(object)
        // The time is another by now.
        await new Promise((resolve) => setTimeout(resolve, 1_100))
        assert.deepEqual(await admin.changes(object), [])
        const live = await admin.live(object)
        ;(live.metadata['annotations'] as JsonObject)['always'] = 'y'
        assert.equal((await admin.changes(object, live)).length, 1)
      }
    } finally {
      await admin.admissionChanged(() => plane.api('DELETE', `${path}/hooked`))
      await webhook.stop()
    }
  })

  it('compare at the storage version where a kind is not converted, and follow a schema that changes', async () => {
    const version = (name: string, storage: boolean, fields: JsonObject) => ({
      name,
      served: true,
      storage,
      schema: {
        openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: fields } } },
      },
    })
    const text = { type: 'string' }
    const crd: KubeObject = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gizmos.forms.example' },
      spec: {
        group: 'forms.example',
        scope: 'Namespaced',
        names: { kind: 'Gizmo', plural: 'gizmos' },
        versions: [version('v1', true, { a: text, hidden: text }), version('v1alpha1', false, { a: text })],
      },
    }
    await admin.create(crd)
    const object: KubeObject = {
      apiVersion: 'forms.example/v1alpha1',
      kind: 'Gizmo',
      metadata: { name: 'g', namespace: 'forms' },
      spec: { a: 'x', hidden: 'dropped' },
    }
    await eventually(() => admin.canonical(object))
    const canonical = await admin.canonical(object)
    assert.equal(canonical.object.apiVersion, 'forms.example/v1')
    assert.deepEqual(canonical.object['spec'], { a: 'x' })
    assert.deepEqual(canonical.unattainable, ['spec.hidden'])
    await plane.api('POST', '/apis/forms.example/v1alpha1/namespaces/forms/gizmos', {
      ...object,
      spec: { a: 'x' },
    })
    assert.deepEqual(await admin.changes(object), [])
    await plane.api(
      'PATCH',
      '/apis/forms.example/v1/namespaces/forms/gizmos/g',
      { spec: { hidden: 'rogue' } },
      'application/merge-patch+json',
    )
    const live = await admin.live(object)
    const rogue = ['add spec.hidden: undefined -> "rogue"']
    assert.deepEqual((await admin.changes(object, live)).map(describeChange), rogue)
    const confirmed = await admin.forms.confirm(manifestOf(object), live)
    assert.ok(confirmed)
    assert.deepEqual(confirmed['spec'], { a: 'x' })

    const versions = (crd['spec'] as { versions: JsonObject[] }).versions
    const defaulted = { ...text, default: 'new' }
    versions[0] = version('v1', true, { a: text, hidden: text, more: defaulted })
    const resource = admin.forms.resourceFor({ object: crd })!
    await admin.api.apply(resource, crd, { force: true })
    await eventually(async () => {
      assert.deepEqual((await admin.canonical(object)).object['spec'], { a: 'x', more: 'new' })
    })
  })

  it('confirm with the version that was compared', async () => {
    const object = configMap('confirmed', 'forms')
    const old = await admin.create(object)
    const edited = cloneJson(old)
    ;(edited['data'] as JsonObject)['a'] = 'rogue'
    const resource = admin.forms.resourceFor({ object })!
    const { object: live } = await admin.api.update(resource, edited)
    const answer = await admin.forms.confirm(manifestOf(object), live)
    assert.deepEqual(answer?.['data'], { a: '1' })
    assert.deepEqual((await admin.live(object))['data'], { a: 'rogue' })
    await assert.rejects(
      admin.forms.confirm(manifestOf(object), old),
      (error: unknown) => error instanceof ApiError && error.status === 409,
    )
  })

  it('outlive the process, without Secrets, and survive a broken file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'forms-'))
    const file = join(directory, 'forms')
    const objects = [
      configMap('kept', 'forms', { big: '1', text: 'tab\tnewline\n' }),
      deployment('kept', 'forms'),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'kept', namespace: 'forms' },
        stringData: { p: 'hunter22' },
      },
    ]
    try {
      const first = await new Way(plane.kubeconfig('admin'), file).start()
      const forms = []
      for (const object of objects) forms.push(await first.canonical(object))
      await first.stop()
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      const text = await readFile(file, 'utf8')
      assert.doesNotMatch(text, /hunter22|aHVudGVyMjI/)
      await appendFile(file, 'torn\tline')

      const second = await new Way(plane.kubeconfig('admin'), file).start()
      for (const [index, object] of objects.entries())
        assert.deepEqual(await second.canonical(object), forms[index])
      // Only the Secret was asked for.
      assert.equal(second.dryRuns(), 2)
      await second.stop()
      assert.doesNotMatch(await readFile(file, 'utf8'), /torn/)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
