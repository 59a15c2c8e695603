import type { Actor } from '../../model/actor.ts'
import type { Canonical, Manifest } from '../../model/desired.ts'
import type { ObjectRef } from '../../model/identity.ts'
import type { JsonObject, KubeObject } from '../../model/json.ts'
import type { Agent, Declared, Policy, SourcePolicy } from '../../model/policy.ts'
import { refKey, refOf } from '../../object/identity.ts'
import { cloneJson } from '../../object/json.ts'
import type { AgentProgress } from '../ahead.ts'
import type { ReconcileEvent, WatchEvent } from '../events.ts'
import { FieldSet } from '../field-set.ts'
import { readManagedFields, writeManagedFields } from '../managed-fields.ts'
import { Ledger } from '../ledger.ts'
import { ManualClock, settle } from '../manual-clock.ts'
import type { Objects, Target, WriteOptions } from '../objects.ts'
import { targetOf } from '../objects.ts'
import { Reconciler } from '../reconciler.ts'
import type { Form, Forms } from '../forms.ts'
import type { ReconcilerOptions } from '../reconciler-options.ts'

/**
 * A world at the reconciler's own edges, to test when it does what: a store of objects that knows versions, canonical
 * forms that are the manifests, a Git whose tip is a field. How a real API server behaves is tested on a real one.
 */
export class World implements Objects, Forms {
  readonly clock = new ManualClock(1_000_000_000)
  readonly ledger = new Ledger()
  readonly events: ReconcileEvent[] = []
  readonly writes: string[] = []
  readonly store = new Map<string, KubeObject>()
  readonly reconciler: Reconciler
  /** The commit at the tip in Git; `manifests` is what it holds, by commit. */
  tip = 'c1'
  reachable = true
  commits = new Map<string, KubeObject[]>()
  progress: AgentProgress | undefined
  epoch = 1
  source: SourcePolicy
  asked = 0
  confirmed = 0
  /** Thrown by the next write. */
  refuse: Error | undefined
  /** Forms that are not known. */
  forms = new Map<string, Form>()
  breakGlass: Policy['breakGlass'] = []
  /** Whether events of the store reach the reconciler. */
  watching = true
  #version = 1
  #inForce = ''
  #declared = new Map<string, Declared>()

  constructor(
    options: { source?: Partial<SourcePolicy>; agents?: Agent[] } & Partial<ReconcilerOptions> = {},
  ) {
    const { source, agents, ...rest } = options
    this.source = {
      name: 'shop',
      repository: 'r',
      ref: 'main',
      mode: 'enforce',
      heal: 'revert',
      undeclared: 'allow',
      recreate: false,
      agents: agents ?? [{ name: 'flux', users: ['flux'], managers: ['flux'] }],
      ...source,
    }
    this.reconciler = new Reconciler({
      policy: this.policy(),
      objects: this,
      forms: this,
      progress: { of: () => this.progress },
      git: {
        tip: () => {
          this.asked++
          return this.reachable ? Promise.resolve(this.tip) : Promise.reject(new Error('unreachable'))
        },
        refresh: () => {
          this.load(this.tip)
          return Promise.resolve(this.tip)
        },
      },
      ledger: this.ledger,
      tell: (event) => this.events.push(cloneEvent(event)),
      clock: this.clock,
      random: () => 1,
      ...rest,
    })
  }

  /** Puts a commit in force, as the source's follower does. */
  load(revision: string, committedAt = 0): void {
    const before = this.#declared
    this.#inForce = revision
    this.#declared = new Map(
      (this.commits.get(revision) ?? []).map((object) => [refKey(refOf(object)), this.#declare(object)]),
    )
    this.reconciler.setPolicy(this.policy())
    const added: ObjectRef[] = []
    const changed: { ref: ObjectRef; before: Manifest }[] = []
    for (const [key, { manifest }] of this.#declared) {
      const old = before.get(key)?.manifest
      if (old === undefined) added.push(manifest.ref)
      else if (old.hash !== manifest.hash) changed.push({ ref: manifest.ref, before: old })
    }
    const removed = [...before]
      .filter(([key]) => !this.#declared.has(key))
      .map(([, { manifest }]) => manifest.ref)
    this.reconciler.desiredChanged({ source: 'shop', revision, committedAt, added, changed, removed })
  }

  /** Starts with one commit that is in force, applied by the agent and seen. */
  async start(...objects: KubeObject[]): Promise<void> {
    this.commits.set('c1', objects)
    this.load('c1')
    for (const object of objects) this.write(object, 'flux', 'Apply')
    await this.quiet()
    this.writes.length = 0
  }

  /** Somebody writes an object: all that they write is theirs, the rest stays others'. */
  write(
    object: KubeObject,
    manager: string,
    operation: 'Apply' | 'Update' = 'Update',
    fields?: JsonObject,
  ): KubeObject {
    const key = refKey(refOf(object))
    const before = this.store.get(key)
    const stored = cloneJson(object)
    const data = Object.keys((object['data'] ?? {}) as JsonObject).map((name) => [`f:${name}`, {}])
    const theirs = FieldSet.parse(fields ?? { 'f:data': Object.fromEntries(data) as JsonObject })
    const others = (before === undefined ? [] : readManagedFields(before))
      .filter((entry) => entry.manager !== manager)
      .map((entry) => ({ ...entry, fields: entry.fields.difference(theirs) }))
    const entry = {
      manager,
      operation,
      apiVersion: object.apiVersion,
      subresource: '',
      time: undefined,
      fields: theirs,
    }
    stored.metadata['uid'] = before?.metadata['uid'] ?? `u${this.#version}`
    stored.metadata['resourceVersion'] = String(++this.#version)
    stored.metadata['managedFields'] = writeManagedFields([...others, entry])
    this.store.set(key, stored)
    this.#emit(before === undefined ? 'added' : 'modified', stored)
    return stored
  }

  remove(object: KubeObject): void {
    const key = refKey(refOf(object))
    const last = this.store.get(key)
    this.store.delete(key)
    if (last !== undefined) this.#emit('deleted', last)
  }

  /** The names of the events so far, with the remedy of drift. */
  said(): string[] {
    return this.events.map((event) =>
      event.event === 'drift' ? `drift:${event.finding.reason}` : event.event,
    )
  }

  data(name: string): unknown {
    return this.live(name)?.['data']
  }

  live(name: string): KubeObject | undefined {
    return [...this.store.values()].find((object) => object.metadata['name'] === name)
  }

  /** Lets everything that can happen without time passing happen. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      await this.reconciler.idle()
      await settle()
    }
  }

  policy(): Policy {
    return {
      mode: 'enforce',
      guard: {
        username: 'system:serviceaccount:gitops-guard:gitops-guard',
        namespace: 'gitops-guard',
        name: 'gitops-guard',
      },
      agents: this.source?.agents ?? [],
      allowances: [],
      sharedControllerIdentity: false,
      connect: 'allow',
      children: 'allow',
      modes: [],
      breakGlass: this.breakGlass,
      sources: [],
      declared: (ref: ObjectRef) => this.#declared.get(refKey(ref)),
      declaredIn: (namespace: string) =>
        [...this.#declared.values()].filter((d) => d.manifest.ref.namespace === namespace),
      declaredOf: (group: string, kind: string) =>
        [...this.#declared.values()].filter(
          ({ manifest: { ref } }) => ref.group === group && ref.kind === kind,
        ),
      sourcesOf: () => [this.source],
    } as unknown as Policy
  }

  // --- Objects ---

  get(target: Target): Promise<KubeObject | undefined> {
    const found = this.store.get(keyOfTarget(target))
    return Promise.resolve(found && cloneJson(found))
  }

  put(object: KubeObject, { fieldManager }: WriteOptions): Promise<KubeObject> {
    const key = keyOfTarget(targetOf(object))
    const before = this.store.get(key)
    const only = object.metadata['managedFields'] !== undefined
    this.writes.push(`${only ? 'hand back' : 'put'} ${String(object.metadata['name'])} as ${fieldManager}`)
    if (this.refuse !== undefined) return this.#refused()
    if (before === undefined) return Promise.reject(answer(404, 'not found'))
    if (before.metadata['resourceVersion'] !== object.metadata['resourceVersion']) {
      return Promise.reject(answer(409, 'conflict'))
    }
    if (!only) return Promise.resolve(cloneJson(this.write(object, fieldManager)))
    const stored = cloneJson(object)
    stored.metadata['resourceVersion'] = String(++this.#version)
    this.store.set(key, stored)
    this.#emit('modified', stored)
    return Promise.resolve(cloneJson(stored))
  }

  create(object: KubeObject, { fieldManager }: WriteOptions): Promise<KubeObject> {
    this.writes.push(`create ${String(object.metadata['name'])} as ${fieldManager}`)
    if (this.refuse !== undefined) return this.#refused()
    if (this.store.has(keyOfTarget(targetOf(object)))) return Promise.reject(answer(409, 'already exists'))
    return Promise.resolve(cloneJson(this.write(object, fieldManager)))
  }

  apply(): Promise<KubeObject> {
    return Promise.reject(new Error('not needed'))
  }

  delete(target: Target, { uid }: { uid: string }): Promise<void> {
    this.writes.push(`delete ${target.name}`)
    const found = this.store.get(keyOfTarget(target))
    if (found === undefined || found.metadata['uid'] !== uid)
      return Promise.reject(answer(409, 'precondition'))
    this.remove(found)
    return Promise.resolve()
  }

  #refused(): Promise<KubeObject> {
    const error = this.refuse!
    this.refuse = undefined
    return Promise.reject(error)
  }

  // --- Forms ---

  form(manifest: Manifest): Promise<Form> {
    return Promise.resolve(this.forms.get(manifest.ref.name) ?? { canonical: canonicalOf(manifest) })
  }

  confirm(manifest: Manifest, live: KubeObject): Promise<KubeObject | undefined> {
    this.confirmed++
    void live
    return Promise.resolve(
      this.form(manifest).then((form) => ('canonical' in form ? form.canonical.object : undefined)),
    )
  }

  #emit(type: WatchEvent, object: KubeObject): void {
    if (this.watching) this.reconciler.observe(type, cloneJson(object))
  }

  #declare(object: KubeObject): Declared {
    const manifest: Manifest = {
      ref: refOf(object),
      object,
      origin: { file: 'a.yaml', line: 1, revision: this.#inForce },
      hash: JSON.stringify(object),
    }
    return {
      manifest,
      source: this.source,
      canonical: () => (this.forms.has(manifest.ref.name) ? undefined : canonicalOf(manifest)),
      shape: () => undefined,
    }
  }
}

export function answer(status: number, message: string): Error {
  return Object.assign(new Error(message), { status })
}

export function configMap(
  name: string,
  data: { [key: string]: string },
  metadata: JsonObject = {},
): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop', ...metadata }, data }
}

export function person(username: string): Actor {
  return { username, groups: [], authenticated: true }
}

function canonicalOf({ object }: Manifest): Canonical {
  return { object, generated: [], unattainable: [], method: 'probe' }
}

function keyOfTarget({ apiVersion, kind, namespace, name }: Target): string {
  return refKey(refOf({ apiVersion, kind, metadata: { namespace, name } }))
}

/** Findings go on changing; a test wants what was told. */
function cloneEvent(event: ReconcileEvent): ReconcileEvent {
  return 'finding' in event ? { ...event, finding: { ...event.finding } } : event
}
