import type { ClusterApi } from '../cluster/api.ts'
import { CanonicalForms } from '../cluster/canonical.ts'
import type { ClientTarget } from '../admission/configuration.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { Shapes } from '../cluster/shapes.ts'
import type { Facts } from '../doctor/facts.ts'
import { DesiredStates } from '../guard/desired-states.ts'
import { sharesControllerIdentity } from '../guard/identity.ts'
import { knownForms } from '../guard/known-forms.ts'
import { wantedObjects } from '../guard/registration.ts'
import { GUARD_NAME, type Settings } from '../guard/settings.ts'
import type { DesiredState } from '../model/desired.ts'
import type { ObjectRef } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Policy } from '../model/policy.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { serviceAccount } from '../policy/actors.ts'
import { readSources } from './context.ts'
import { bundlesOf, reachByUrl } from './doctor-tls.ts'
import { ClusterLook } from './doctor-cluster.ts'
import { byIdentity, unallowedWriters } from './doctor-writers.ts'

/** Everything that `doctor` judges, in few lists. */
export async function gatherFacts(
  settings: Settings,
  { api, discovery, guardUser }: { api: ClusterApi; discovery: Discovery; guardUser: string },
): Promise<Facts> {
  const look = new ClusterLook(api, discovery)
  const forms = new CanonicalForms({ api, discovery, shapes: new Shapes(api) })
  const desired = new DesiredStates(
    settings.sources,
    (group, kind) => discovery.namespaced(group, kind),
    knownForms(forms),
  )
  const [read, rbac, admission, shared, skewMs] = await Promise.all([
    readEach(settings),
    look.rbac(),
    look.admission(),
    sharesControllerIdentity(api),
    clockSkew(api),
    forms.refresh(),
  ])
  for (const { state } of read) if (state !== undefined) desired.accept(state)
  const { index } = desired
  const policy = policyOf(settings, desired, { guardUser, shared })
  const registered = admission?.validatingWebhooks.find(({ metadata }) => metadata['name'] === GUARD_NAME)
  const namespaces = [...index.namespaces()].toSorted()
  const missing = new Set<string>()
  const custom = new Set<string>()
  const kinds = new Map<string, DeclaredKind>()
  for (const { manifest } of index.all()) {
    const { group, kind } = manifest.ref
    if (discovery.resourceFor(group, kind) === undefined)
      missing.add(group === '' ? kind : `${group}/${kind}`)
    else declaredKind(kinds, manifest.ref).namespaces.add(manifest.ref.namespace)
    if (
      group.includes('.') &&
      (!group.endsWith('.k8s.io') || discovery.customKind(group, kind) !== undefined)
    )
      custom.add(group)
  }
  const lists = await Promise.all([...kinds.values()].map((each) => look.objects(each)))
  const live = byIdentity(lists.flatMap((list) => list ?? []))
  const [rewriters, guard, staticManifests, failure, reached, writers] = await Promise.all([
    look.rewriters(index),
    look.guard(policy.guard),
    look.staticManifests(policy.guard),
    look.webhookFailure(namespaces.filter((name) => name !== 'kube-system')),
    reachByUrl(registered),
    unallowedWriters([...index.all()], live, { policy, forms }),
  ])
  const unreachable = failure ?? reached.unreachable
  return {
    policy,
    now: Date.now(),
    sourceNamespaces: namespaces,
    customGroups: [...custom],
    ...(rbac === undefined ? {} : { rbac }),
    ...(admission === undefined ? {} : { admission }),
    wanted: wantedObjects({ policy, index, caBundle: '' }, { discovery, target: targetOf(registered) }),
    guard: {
      ...guard,
      bundles: bundlesOf(registered),
      ...(unreachable === undefined ? {} : { unreachable }),
      ...(reached.servingUntil === undefined ? {} : { servingUntil: reached.servingUntil }),
    },
    git: read.map(({ source, state, error }) => ({
      source,
      ...(error === undefined ? {} : { error }),
      problems: state === undefined ? [] : (desired.stateOf(source)?.problems ?? []),
    })),
    plainSecrets: plainSecrets(index.all()),
    rewriters,
    writers,
    missingKinds: [...missing].toSorted(),
    syncedKinds: syncedKinds(settings, desired, discovery),
    server: {
      version: discovery.serverVersion,
      ...(discovery.emulatedVersion === undefined ? {} : { emulated: discovery.emulatedVersion }),
      ...(skewMs === undefined ? {} : { skewMs }),
      sharedControllerIdentity: shared,
      ...(staticManifests === undefined ? {} : { staticManifests }),
    },
    unseen: look.unseen,
  }
}

/** What the guard is to bring in itself, by source and kind. */
function syncedKinds({ sources }: Settings, desired: DesiredStates, discovery: Discovery) {
  const kinds = new Map<string, { source: string; group: string; resource: string; namespaces: string[] }>()
  for (const { policy, sync } of sources) {
    if (sync === undefined) continue
    for (const { ref } of desired.stateOf(policy.name)?.manifests ?? []) {
      const resource = discovery.resourceFor(ref.group, ref.kind)?.resource
      if (resource === undefined) continue
      const key = `${policy.name}\n${ref.group}/${resource}`
      const known = kinds.get(key) ?? { source: policy.name, group: ref.group, resource, namespaces: [] }
      if (!known.namespaces.includes(ref.namespace)) known.namespaces.push(ref.namespace)
      kinds.set(key, known)
    }
  }
  return [...kinds.values()]
}

/** A kind that Git declares, with the namespaces that it declares objects in. */
interface DeclaredKind {
  group: string
  kind: string
  namespaces: Set<string>
}

function declaredKind(kinds: Map<string, DeclaredKind>, { group, kind }: ObjectRef): DeclaredKind {
  const key = `${group}/${kind}`
  const known = kinds.get(key) ?? { group, kind, namespaces: new Set<string>() }
  kinds.set(key, known)
  return known
}

/** One source that cannot be read says nothing of the others. */
async function readEach(
  settings: Settings,
): Promise<{ source: string; state?: DesiredState; error?: string }[]> {
  return await Promise.all(
    settings.sources.map(async (source) => {
      const { name } = source.policy
      try {
        const [state] = await readSources([source])
        return { source: name, ...(state === undefined ? {} : { state }) }
      } catch (error) {
        return { source: name, error: error instanceof Error ? error.message : String(error) }
      }
    }),
  )
}

function policyOf(
  { config, agents, allowances }: Settings,
  { index }: DesiredStates,
  { guardUser, shared }: { guardUser: string; shared: boolean },
): Policy {
  const namespace = serviceAccount(guardUser)?.namespace ?? GUARD_NAME
  return {
    ...index,
    mode: config.mode,
    guard: { username: guardUser, namespace, name: GUARD_NAME },
    agents,
    allowances,
    sharedControllerIdentity: shared,
    connect: config.connect,
    children: config.children,
    modes: config.modes,
    breakGlass: [],
  }
}

/** The one that is registered: where the guard is called is its own affair. */
function targetOf(registered: KubeObject | undefined): ClientTarget {
  const webhooks = registered?.['webhooks']
  const url = fieldOf(fieldOf(Array.isArray(webhooks) ? webhooks[0] : undefined, 'clientConfig'), 'url')
  return typeof url === 'string'
    ? { url }
    : { service: { namespace: GUARD_NAME, name: GUARD_NAME, port: 443 } }
}

/** How far the API server's clock is ahead, in milliseconds; its answers say it to the second. */
async function clockSkew(api: ClusterApi): Promise<number | undefined> {
  const start = Date.now()
  const response = await api.stream('/version', {
    purpose: 'read the time',
    resource: 'version',
    signal: AbortSignal.timeout(10_000),
  })
  response.resume()
  const theirs = Date.parse(response.headers.date ?? '')
  return Number.isNaN(theirs) ? undefined : theirs + 500 - (start + Date.now()) / 2
}

/** Secrets whose values are in Git as they are. SOPS leaves a `sops` field, its values begin with ENC[. */
function plainSecrets(
  all: Iterable<{
    manifest: {
      ref: Facts['plainSecrets'][number]['ref']
      object: KubeObject
      origin: { file: string; line: number }
    }
  }>,
): Facts['plainSecrets'] {
  return [...all].flatMap(({ manifest: { ref, object, origin } }) => {
    if (ref.group !== '' || ref.kind !== 'Secret' || object['sops'] !== undefined) return []
    const values = ['data', 'stringData'].flatMap((key) => {
      const map = object[key]
      return isObject(map) ? Object.values(map) : []
    })
    const plain = values.some(
      (value) => typeof value === 'string' && value !== '' && !value.startsWith('ENC['),
    )
    return plain ? [{ ref, file: origin.file, line: origin.line }] : []
  })
}
