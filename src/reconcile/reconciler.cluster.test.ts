import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ControlPlane } from '../../test/control-plane/control-plane.ts'
import { ClusterApi } from '../cluster/api.ts'
import { connect } from '../cluster/connection.ts'
import { CanonicalForms } from '../cluster/canonical.ts'
import { Discovery } from '../cluster/discovery.ts'
import { Reflector } from '../cluster/reflector.ts'
import { Shapes } from '../cluster/shapes.ts'
import { ClusterObjects } from '../guard/cluster-objects.ts'
import { knownForms } from '../guard/known-forms.ts'
import type { Manifest } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import type { Path } from '../model/path.ts'
import type { Declared, Policy, SourcePolicy } from '../model/policy.ts'
import { refKey, refOf } from '../object/identity.ts'
import { cloneJson } from '../object/json.ts'
import { getAt } from '../object/path.ts'
import { indexDesired } from '../policy/snapshot.ts'
import type { ReconcileEvent } from './events.ts'
import { Ledger } from './ledger.ts'
import { readManagedFields } from './managed-fields.ts'
import type { Target } from './objects.ts'
import { targetOf } from './objects.ts'
import { Reconciler } from './reconciler.ts'
import { pathOf } from './testing/api-path.ts'

const merge = 'application/merge-patch+json'

const kinds = {
  Namespace: { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', namespaced: false },
  ConfigMap: { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true },
  Deployment: { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true },
}

/** One guard without its shell: real watches, canonical forms and writes; Git is a list of commits. */
class Guard {
  readonly events: ReconcileEvent[] = []
  readonly reconciler: Reconciler
  readonly #api: ClusterApi
  readonly #discovery: Discovery
  readonly #forms: ReturnType<typeof knownForms>
  readonly #reflectors: Reflector[] = []
  readonly #source: SourcePolicy
  #state = new Map<string, KubeObject>()
  #pushed: KubeObject[] = []
  revision = 'c1'

  constructor(plane: ControlPlane, name: string, source: Partial<SourcePolicy> = {}) {
    const api = (this.#api = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('admin') })))
    const discovery = (this.#discovery = new Discovery({ api }))
    this.#forms = knownForms(new CanonicalForms({ api, discovery, shapes: new Shapes(api) }))
    this.#source = {
      name,
      repository: 'r',
      ref: 'main',
      mode: 'enforce',
      heal: 'revert',
      undeclared: 'allow',
      recreate: false,
      agents: [{ name: 'ci', users: ['ci'] }],
      ...source,
    }
    this.reconciler = new Reconciler({
      policy: this.#policy(),
      objects: new ClusterObjects(api, discovery),
      forms: this.#forms,
      progress: { of: () => undefined },
      git: {
        tip: () => Promise.resolve(this.revision),
        refresh: async () => {
          await this.commit(...this.#pushed)
          return this.revision
        },
      },
      ledger: new Ledger(),
      tell: (event) => this.events.push(event),
    })
  }

  async start(...objects: KubeObject[]): Promise<void> {
    await this.#discovery.refresh()
    await this.commit(...objects)
    for (const resource of Object.values(kinds)) {
      const reflector = new Reflector({
        api: this.#api,
        resource,
        onListing: () => this.reconciler.listing(resource),
        onEvent: (type, object) => this.reconciler.observe(type, object),
        onSynced: () => this.reconciler.synced(resource),
      })
      this.#reflectors.push(reflector)
      reflector.start()
    }
    await until(() => this.#reflectors.every((reflector) => reflector.state().synced))
    await this.quiet()
  }

  /** A commit is in Git; the guard has yet to notice. */
  push(...objects: KubeObject[]): void {
    this.revision = `c${Number(this.revision.slice(1)) + 1}`
    this.#pushed = objects
  }

  async commit(...objects: KubeObject[]): Promise<void> {
    this.#pushed = objects
    const before = this.#state
    this.#state = new Map(objects.map((object) => [refKey(refOf(object)), object]))
    this.reconciler.setPolicy(this.#policy())
    const added: ObjectRef[] = []
    const changed: { ref: ObjectRef; before: Manifest }[] = []
    for (const [key, object] of this.#state) {
      const old = before.get(key)
      if (old === undefined) added.push(refOf(object))
      else if (JSON.stringify(old) !== JSON.stringify(object))
        changed.push({ ref: refOf(object), before: manifestOf(old) })
    }
    const source = this.#source.name
    this.reconciler.desiredChanged({
      source,
      revision: this.revision,
      committedAt: 0,
      added,
      changed,
      removed: [...before].filter(([key]) => !this.#state.has(key)).map(([, object]) => refOf(object)),
    })
  }

  async quiet(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      await sleep(20)
      await this.reconciler.idle()
    }
  }

  said(): string[] {
    return this.events.map(({ event }) => event)
  }

  async stop(): Promise<void> {
    this.reconciler.close()
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
    this.#api.connection.close()
  }

  #policy(): Policy {
    const manifests = [...this.#state.values()].map(manifestOf)
    const state = {
      source: this.#source.name,
      revision: this.revision,
      repository: 'r',
      manifests,
      problems: [],
      committedAt: 0,
      loadedAt: 0,
    }
    const { declared, declaredIn, declaredOf, sourcesOf } = indexDesired(
      [{ policy: this.#source, state }],
      this.#forms,
    )
    const user = 'system:serviceaccount:gitops-guard:gitops-guard'
    return {
      mode: 'enforce',
      guard: { username: user, namespace: 'gitops-guard', name: 'gitops-guard' },
      agents: this.#source.agents,
      allowances: [],
      sharedControllerIdentity: false,
      connect: 'allow',
      children: 'allow',
      modes: [],
      breakGlass: [],
      sources: [this.#source],
      declared: (ref: ObjectRef): Declared | undefined => declared(ref),
      declaredIn,
      declaredOf,
      sourcesOf,
    } as unknown as Policy
  }
}

function manifestOf(object: KubeObject): Manifest {
  const origin = { file: 'a.yaml', line: 1, revision: 'c1' }
  return { ref: refOf(object), object, origin, hash: JSON.stringify(object) }
}

async function until(holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${holds.toString()}`)
    await sleep(5)
  }
}

function configMap(namespace: string, name: string, data: JsonObject, labels?: JsonObject): KubeObject {
  const metadata: JsonObject = { name, namespace, ...(labels === undefined ? {} : { labels }) }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }
}

function deployment(namespace: string, name: string, app = name): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { app } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: { containers: [{ name: 'web', image: 'podinfo:1', env: [{ name: 'A', value: '1' }] }] },
      },
    },
  }
}

/** managedFields of the object itself, without times and the entries of controllers. */
function ownership(object: KubeObject): unknown {
  return readManagedFields(object)
    .filter(({ manager, subresource }) => manager !== 'kube-controller-manager' && subresource === '')
    .map(({ manager, operation, fields }) => ({
      manager,
      operation,
      fields: [...fields.paths()].map((path) => path.join(' ')).toSorted(),
    }))
    .toSorted((a, b) => a.manager.localeCompare(b.manager))
}

const web: Path = ['spec', 'template', 'spec', 'containers', { keys: { name: 'web' }, index: 0 }]

describe('keeping a cluster as Git says', { concurrency: false }, () => {
  let plane: ControlPlane
  let objects: ClusterObjects
  let closing: () => void
  const guards: Guard[] = []

  before(async () => {
    plane = await startControlPlane()
    const api = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('admin') }))
    const discovery = new Discovery({ api })
    await discovery.refresh()
    objects = new ClusterObjects(api, discovery)
    closing = () => api.connection.close()
  })
  after(async () => {
    for (const guard of guards) await guard.stop()
    closing()
    await plane.stop()
  })

  const guardOf = (name: string, source: Partial<SourcePolicy> = {}): Guard => {
    const guard = new Guard(plane, name, source)
    guards.push(guard)
    return guard
  }
  const namespace = async (name: string) => {
    await plane.api('POST', '/api/v1/namespaces', { metadata: { name } })
  }
  const live = async (target: Target | KubeObject): Promise<KubeObject> => {
    const found = await objects.get(
      'metadata' in target ? targetOf(target as KubeObject) : (target as Target),
    )
    assert.ok(found)
    return found
  }

  const ways: { name: string; bring: (manifest: KubeObject) => Promise<unknown> }[] = [
    {
      name: 'kubectl apply --server-side',
      bring: (manifest) => objects.apply(cloneJson(manifest), { fieldManager: 'kubectl', force: true }),
    },
    {
      name: 'kubectl apply',
      bring: async (manifest) => {
        const { code, stderr } = await plane.kubectl('admin', ['apply', '-f', '-'], {
          stdin: JSON.stringify(manifest),
        })
        assert.equal(code, 0, stderr)
      },
    },
    {
      name: 'POST and PUT',
      bring: async (manifest) => {
        // As any client that PUTs: again, when a controller was faster.
        for (;;) {
          const there = await objects.get(targetOf(manifest))
          if (there === undefined) return objects.create(cloneJson(manifest), { fieldManager: 'deployer' })
          const object = cloneJson(manifest)
          object.metadata['resourceVersion'] = there.metadata['resourceVersion']!
          const put = await objects.put(object, { fieldManager: 'deployer' }).catch((error: unknown) => error)
          if ((put as { status?: unknown }).status !== 409) return put
        }
      },
    },
  ]

  for (const [index, { name, bring }] of ways.entries()) {
    it(`put back what was edited, deleted and dropped from Git later (${name})`, async () => {
      const shop = `shop-${index}`
      await namespace(shop)
      const settings = configMap(shop, 'settings', { a: '1', b: '2' }, { team: 'x' })
      const deploy = deployment(shop, 'web')
      await bring(settings)
      await bring(deploy)
      const guard = guardOf(shop)
      await guard.start(settings, deploy)
      assert.equal(guard.reconciler.statusOf(refOf(settings)), 'inSync')
      assert.equal(guard.reconciler.statusOf(refOf(deploy)), 'inSync')
      const before = { settings: await live(settings), deploy: await live(deploy) }

      const patch = (object: KubeObject, body: JsonObject, type = merge) =>
        plane.api('PATCH', `${pathOf(targetOf(object))}?fieldManager=kubectl-edit`, body, type)
      await patch(settings, { data: { a: 'evil', c: 'more' }, metadata: { labels: null } })
      await patch(
        deploy,
        {
          spec: {
            replicas: 7,
            template: {
              spec: {
                containers: [
                  { name: 'web', image: 'evil:1', env: [{ name: 'B', value: 'x' }] },
                  { name: 'miner', image: 'evil:2' },
                ],
              },
            },
          },
        },
        'application/strategic-merge-patch+json',
      )
      await until(() => guard.said().filter((event) => event === 'repaired').length === 2)
      await guard.quiet()
      const after = { settings: await live(settings), deploy: await live(deploy) }
      assert.deepEqual(after.settings['data'], settings['data'])
      assert.deepEqual(after.settings.metadata['labels'], { team: 'x' })
      assert.deepEqual(after.deploy['spec'], before.deploy['spec'])
      assert.deepEqual(ownership(after.settings), ownership(before.settings))
      assert.deepEqual(ownership(after.deploy), ownership(before.deploy))

      await plane.api('DELETE', pathOf(targetOf(settings)))
      await until(() => guard.said().filter((event) => event === 'repaired').length === 3)
      await guard.quiet()
      const again = await live(settings)
      assert.deepEqual(again['data'], settings['data'])
      assert.deepEqual(ownership(again), ownership(before.settings))
      assert.deepEqual(again.metadata['annotations'], before.settings.metadata['annotations'])

      // Git drops what was repaired: the agent applies, and it is gone for good.
      const without = configMap(shop, 'settings', { b: '2' })
      const plain = cloneJson(deploy)
      const containers = getAt(plain, ['spec', 'template', 'spec', 'containers']) as JsonObject[]
      delete containers[0]!['env']
      guard.push(without, plain)
      await bring(without)
      await bring(plain)
      await guard.quiet()
      assert.deepEqual((await live(settings))['data'], { b: '2' })
      assert.equal((await live(settings)).metadata['labels'], undefined)
      assert.equal(getAt(await live(deploy), [...web, 'env']), undefined)
      assert.equal(guard.reconciler.statusOf(refOf(settings)), 'inSync')
      const failures = guard.events.flatMap((event) => (event.event === 'failed' ? [event.message] : []))
      assert.deepEqual(failures, [])
      // On a busy machine what the agent has not applied yet may be asked about, and is then noted as undone.
      const said = new Set(guard.said().filter((event) => event !== 'undone'))
      assert.deepEqual(said, new Set(['drift', 'repaired']))
    })
  }

  it('take back every one of many edits that race with the repairs', async () => {
    await namespace('race')
    const one = configMap('race', 'one', { a: '1', b: '2' })
    await ways[0]!.bring(one)
    const guard = guardOf('race')
    await guard.start(one)
    const path = `${pathOf(targetOf(one))}?fieldManager=kubectl-edit`
    for (let round = 0; round < 40; round++) {
      await plane.api('PATCH', path, { data: { [`k${round % 3}`]: String(round), a: `x${round}` } }, merge)
    }
    await guard.quiet()
    await until(async () => JSON.stringify((await live(one))['data']) === '{"a":"1","b":"2"}')
    await guard.quiet()
    assert.deepEqual(ownership(await live(one)), [
      { manager: 'kubectl', operation: 'Apply', fields: ['f:data f:a', 'f:data f:b'] },
    ])
    assert.ok(!guard.said().includes('fight'))
  })

  it('put the marks of Flux back where a person took them away, under its own name, and not where it did', async () => {
    await namespace('marks')
    const keys = ['name', 'namespace'].map((word) => `kustomize.toolkit.fluxcd.io/${word}`)
    const [one, other] = [configMap('marks', 'one', { a: '1' }), configMap('marks', 'other', { a: '1' })]
    const manager = { fieldManager: 'kustomize-controller', force: true }
    const bring = (object: KubeObject, value?: string) => {
      const marked = cloneJson(object)
      if (value !== undefined) marked.metadata['labels'] = Object.fromEntries(keys.map((key) => [key, value]))
      return objects.apply(marked, manager)
    }
    await bring(one, 'shop')
    await bring(other)
    const guard = guardOf('marks', { agents: [{ name: 'flux', users: ['flux'] }] })
    await guard.start(one, other)
    const before = await live(one)
    const label = (labels: JsonObject) =>
      plane.api(
        'PATCH',
        `${pathOf(targetOf(one))}?fieldManager=kubectl-label`,
        { metadata: { labels } },
        merge,
      )
    const isMarked = (value: string) => async () => {
      const { labels } = (await live(one)).metadata as { labels?: JsonObject }
      return keys.every((key) => labels?.[key] === value)
    }
    for (const [gone, repairs] of [
      [{ [keys[0]!]: null, [keys[1]!]: null }, 1],
      [{ [keys[0]!]: 'mine' }, 2],
    ] as const) {
      await label(gone)
      await until(() => guard.said().filter((event) => event === 'repaired').length === repairs)
      await until(isMarked('shop'))
      await guard.quiet()
      assert.deepEqual(ownership(await live(one)), ownership(before))
    }
    // The agent gives it another name, takes its marks away, marks what it had not marked: all its own business.
    await sleep(1_100)
    await bring(one, 'renamed')
    await bring(other, 'shop')
    await guard.quiet()
    assert.ok(await isMarked('renamed')())
    await sleep(1_100)
    await bring(one)
    await guard.quiet()
    assert.equal((await live(one)).metadata['labels'], undefined)
    assert.equal(guard.said().filter((event) => event === 'drift').length, 2)
  })

  it('say once what is immutable, and repair the rest of the object', async () => {
    await namespace('fixed')
    const git = deployment('fixed', 'web')
    const other = deployment('fixed', 'web', 'other')
    const guard = guardOf('fixed')
    await ways[0]!.bring(other)
    await guard.start(git)
    await until(() => guard.said().includes('unrepairable'), 30_000)
    await guard.quiet()
    assert.equal(guard.reconciler.statusOf(refOf(git)), 'unrepairable')
    const found = await live(git)
    assert.equal(getAt(found, ['spec', 'selector', 'matchLabels', 'app']), 'other')
    await plane.api(
      'PATCH',
      `${pathOf(targetOf(git))}?fieldManager=kubectl-edit`,
      { spec: { replicas: 9 } },
      merge,
    )
    await until(async () => getAt(await live(git), ['spec', 'replicas']) === 1, 30_000)
    await guard.quiet()
    const told = guard.events.filter(({ event }) => event === 'unrepairable')
    assert.ok(told.length >= 1 && told.length <= 3, String(told.length))
  })

  it('make anew what is immutable, where the source says so', async () => {
    await namespace('anew')
    const git = deployment('anew', 'web')
    await ways[0]!.bring(deployment('anew', 'web', 'other'))
    const guard = guardOf('anew', { recreate: true })
    await guard.start(git)
    await until(async () => {
      const found = await objects.get(targetOf(git))
      return found !== undefined && getAt(found, ['spec', 'selector', 'matchLabels', 'app']) === 'web'
    })
    await guard.quiet()
    const refused = guard.events.flatMap((event) => (event.event === 'unrepairable' ? [event.why] : []))
    assert.deepEqual(refused, [])
    assert.equal(guard.reconciler.statusOf(refOf(git)), 'inSync')
  })

  it('wait while a namespace terminates, then make it and what was in it again, in an order that works', async () => {
    await namespace('gone')
    const git: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'gone' } }
    const one = configMap('gone', 'one', { a: '1' })
    const stuck = configMap('gone', 'stuck', { a: '1' })
    await ways[0]!.bring(git)
    await ways[0]!.bring(one)
    await ways[0]!.bring({ ...stuck, metadata: { ...stuck.metadata, finalizers: ['test.dev/stuck'] } })
    const guard = guardOf('gone')
    await guard.start(git, one)
    await plane.api('DELETE', '/api/v1/namespaces/gone')
    await until(async () => (await objects.get(targetOf(one))) === undefined)
    await sleep(300)
    assert.equal(await objects.get(targetOf(one)), undefined)
    await plane.api('PATCH', pathOf(targetOf(stuck)), { metadata: { finalizers: null } }, merge)
    await until(async () => (await objects.get(targetOf(one))) !== undefined, 30_000)
    await guard.quiet()
    assert.deepEqual((await live(one))['data'], { a: '1' })
    assert.equal(guard.reconciler.statusOf(refOf(one)), 'inSync')
  })

  it('finish at its start a repair that was cut in two', async () => {
    await namespace('cut')
    const one = configMap('cut', 'one', { a: '1', b: '2' })
    await ways[0]!.bring(one)
    const before = await live(one)
    await plane.api('PATCH', `${pathOf(targetOf(one))}?fieldManager=rogue`, { data: { a: 'x' } }, merge)
    const rogue = await live(one)
    await objects.put(
      { ...one, metadata: { ...one.metadata, resourceVersion: rogue.metadata['resourceVersion']! } },
      { fieldManager: 'gitops-guard' },
    )
    const guard = guardOf('cut')
    await guard.start(one)
    await until(async () => JSON.stringify(ownership(await live(one))) === JSON.stringify(ownership(before)))
  })
})
