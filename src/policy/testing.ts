import type { Actor } from '../model/actor.ts'
import type { Change, Operation } from '../model/change.ts'
import type { Canonical, DesiredState } from '../model/desired.ts'
import type { JsonObject, KubeObject } from '../model/json.ts'
import type { Path, Shape } from '../model/path.ts'
import type { Policy, SourcePolicy } from '../model/policy.ts'
import { cloneJson } from '../object/json.ts'
import { refOf } from '../object/identity.ts'
import { indexDesired, type LoadedSource } from './snapshot.ts'

/** What tests of this folder build their policies and changes from. */

export const now = Date.parse('2030-01-02T03:04:05Z')
export const revision = '3f2a9c1d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b'

export const person = (username = 'alice', ...groups: string[]): Actor => ({
  username,
  groups: [...groups, 'system:authenticated'],
  authenticated: true,
})
export const account = (namespace: string, name: string): Actor => ({
  username: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  authenticated: true,
})
export const system = (name: string): Actor => account('kube-system', name)
export const node = (name = 'worker-1'): Actor => person(`system:node:${name}`, 'system:nodes')

export const flux = account('flux-system', 'kustomize-controller')
export const guardActor = account('gitops-guard', 'gitops-guard')
const fluxAgent = {
  name: 'flux',
  users: [
    'system:serviceaccount:flux-system:kustomize-controller',
    'system:serviceaccount:flux-system:helm-controller',
  ],
}

export function source(fields: Partial<SourcePolicy> = {}): SourcePolicy {
  return {
    name: 'shop',
    repository: 'ssh://git@git.example/shop.git',
    ref: 'prod',
    mode: 'enforce',
    heal: 'revert',
    undeclared: 'allow',
    agents: [fluxAgent],
    recreate: false,
    ...fields,
  } as SourcePolicy
}

export interface TestSource {
  policy?: SourcePolicy
  namespace?: string
  /** Manifests; the canonical form is the manifest itself where none is given. */
  objects: readonly KubeObject[]
  canonical?: (manifest: KubeObject) => Canonical | undefined
  shape?: Shape
}

/** A policy whose sources declare these objects. */
export function policyOf(sources: readonly TestSource[], fields: Partial<Policy> = {}): Policy {
  const loaded: LoadedSource[] = sources.map(({ policy = source(), namespace, objects }) => ({
    policy,
    ...(namespace === undefined ? {} : { namespace }),
    state: stateOf(policy, objects),
  }))
  const find = (manifest: KubeObject) => sources.find(({ objects }) => objects.includes(manifest))!
  const index = indexDesired(loaded, {
    canonical: ({ object }) => {
      const { canonical = asItIs } = find(object)
      return canonical(object)
    },
    shape: ({ object }) => find(object).shape,
  })
  return {
    mode: 'enforce',
    guard: { username: guardActor.username, namespace: 'gitops-guard', name: 'gitops-guard' },
    agents: [fluxAgent],
    allowances: [],
    sharedControllerIdentity: false,
    connect: 'allow',
    children: 'deny',
    modes: [],
    breakGlass: [],
    ...index,
    ...fields,
  }
}

export const asItIs = (object: KubeObject, generated: readonly Path[] = []): Canonical => ({
  object,
  generated,
  unattainable: [],
  method: 'probe',
})

function stateOf({ name, repository }: SourcePolicy, objects: readonly KubeObject[]): DesiredState {
  const manifests = objects.map((object, index) => ({
    ref: refOf(object),
    object,
    origin: { file: `clusters/prod/${object.kind.toLowerCase()}.yaml`, line: index * 10 + 1, revision },
    hash: String(index),
  }))
  return { source: name, revision, repository, manifests, problems: [], committedAt: now, loadedAt: now }
}

/** A change of the object itself: `change('UPDATE', actor, before, after)`. */
export function change(
  operation: Operation,
  actor: Actor,
  before: KubeObject | undefined,
  after?: KubeObject,
  fields: Partial<Change> = {},
): Change {
  const object = (before ?? after)!
  const ref = refOf(object)
  return {
    id: 'test',
    operation,
    resource: { group: ref.group, version: 'v1', resource: `${ref.kind.toLowerCase()}s` },
    subresource: '',
    ref,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    actor,
    dryRun: false,
    time: now,
    ...fields,
  }
}

/** A copy with something done to it. */
export function edited<T extends KubeObject>(object: T, edit: (copy: T) => void): T {
  const copy = cloneJson(object)
  edit(copy)
  return copy
}

export function object(
  apiVersion: string,
  kind: string,
  name: string,
  fields: JsonObject = {},
  metadata: JsonObject = {},
): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace: 'shop', ...metadata }, ...fields }
}

/** A Deployment as the API server stores it. */
export const web = object(
  'apps/v1',
  'Deployment',
  'web',
  {
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'web', image: 'nginx:1', args: ['-v', '1'] }],
          dnsPolicy: 'ClusterFirst',
        },
      },
    },
  },
  { labels: { app: 'web' }, annotations: { team: 'shop' } },
)

/** What the API server's schema says of a Deployment, as far as these tests reach. */
export const deploymentShape: Shape = {
  fields: {
    metadata: {
      fields: { finalizers: { list: 'set' }, ownerReferences: { list: { keys: ['uid'] }, items: {} } },
    },
    spec: {
      fields: {
        template: {
          fields: {
            spec: {
              fields: {
                containers: {
                  list: { keys: ['name'] },
                  items: { fields: { args: { list: 'atomic' } } },
                },
              },
            },
          },
        },
      },
    },
  },
}
