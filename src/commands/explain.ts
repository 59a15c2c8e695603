import { randomUUID } from 'node:crypto'
import { CanonicalForms } from '../cluster/canonical.ts'
import { Shapes } from '../cluster/shapes.ts'
import { ClusterObjects } from '../guard/cluster-objects.ts'
import { DesiredStates } from '../guard/desired-states.ts'
import { readException } from '../guard/exceptions.ts'
import { knownForms } from '../guard/known-forms.ts'
import { policyOf } from '../guard/policy-of.ts'
import { guardIdentity, GUARD_NAME } from '../guard/settings.ts'
import type { Change, Operation } from '../model/change.ts'
import type { ResourceInfo } from '../model/identity.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { formatRef } from '../object/identity.ts'
import { cloneJson, isObject, parseJson, setKey } from '../object/json.ts'
import { parsePointer } from '../object/path.ts'
import { escapeText } from '../object/text.ts'
import { accountUser } from '../policy/actors.ts'
import { explainObject, type Explanation } from '../policy/explain.ts'
import { judge } from '../policy/judge.ts'
import { openCluster, readAllSettings, readSources, type CommonOptions } from './context.ts'
import { readObjectArgument } from './object-argument.ts'

export interface ExplainOptions extends CommonOptions {
  namespace: string
  as?: string
  asGroup?: string[]
  verb: string
  set?: string[]
}

const OPERATIONS: { readonly [verb: string]: Operation } = {
  create: 'CREATE',
  update: 'UPDATE',
  patch: 'UPDATE',
  edit: 'UPDATE',
  scale: 'UPDATE',
  delete: 'DELETE',
}

/** `gitops-guard explain`: who may change an object and why; with `--as`, what would happen if that user did. */
export async function explain(argument: string, options: ExplainOptions): Promise<number> {
  const settings = await readAllSettings(options)
  const [states, cluster] = await Promise.all([readSources(settings.sources), openCluster(options)])
  const { api, discovery, connection } = cluster
  try {
    const { resource, name } = readObjectArgument(argument, discovery)
    const { group, kind, namespaced } = resource
    const ref = { group, kind, namespace: namespaced ? options.namespace : '', name }
    const forms = new CanonicalForms({ api, discovery, shapes: new Shapes(api) })
    await forms.refresh()
    const desired = new DesiredStates(
      settings.sources,
      (g, k) => discovery.namespaced(g, k),
      knownForms(forms),
    )
    for (const state of states) desired.accept(state)
    const policy = policyOf(settings, desired.index, {
      guard: guardIdentity(accountUser(GUARD_NAME, GUARD_NAME), GUARD_NAME),
      breakGlass: await openExceptions(cluster),
    })
    const declared = policy.declared(ref)
    if (declared !== undefined) await forms.form(declared.manifest)
    if (options.as === undefined) {
      const explained = explainObject(ref, policy)
      if (options.output === 'json') console.log(JSON.stringify(explained, null, 2))
      else for (const line of explanationLines(explained)) console.log(escapeText(line, 1000))
      return 0
    }
    const live = await new ClusterObjects(api, discovery).get({ ...ref, apiVersion: apiVersionOf(resource) })
    const change = changeOf(resource, ref, live, options)
    const verdict = judge(change, policy)
    if (options.output === 'json') console.log(JSON.stringify(verdict, null, 2))
    else {
      console.log(`${verdict.decision}: ${formatRef(ref)}, rule ${verdict.rule}`)
      console.log(escapeText(verdict.reason, 2000))
    }
    return 0
  } finally {
    connection.close()
  }
}

function explanationLines({ object, mode, notes, agents, allowances, controllers }: Explanation): string[] {
  const who = (users: readonly string[], groups: readonly string[] = []) =>
    [...users, ...groups].join(', ') || 'anybody'
  return [
    `${formatRef(object)} (mode ${mode})`,
    ...notes.map((note) => `  ${note}`),
    'All of it may be changed by:',
    ...agents.map(({ name, users }) =>
      users.length === 1 && users[0] === name ? `  agent ${name}` : `  agent ${name}: ${who(users)}`,
    ),
    ...(allowances.length === 0 ? [] : ['Some of it may be changed by:']),
    ...allowances.flatMap(({ name, reason, users, groups, fields }) => [
      `  ${name}: ${who(users, groups)}`,
      `    ${fields.join(', ')}`,
      `    as ${reason}`,
    ]),
    ...controllers.map(
      ({ name, operations, reason }) => `  ${name} may ${operations.join(', ')} it: ${reason}`,
    ),
  ]
}

function changeOf(
  resource: ResourceInfo,
  ref: Change['ref'],
  live: KubeObject | undefined,
  { as = '', asGroup = [], verb, set = [] }: ExplainOptions,
): Change {
  const operation = OPERATIONS[verb]
  if (operation === undefined)
    throw new Error(`--verb is one of ${Object.keys(OPERATIONS).join(', ')}: not ${verb}`)
  if (live === undefined && operation !== 'CREATE')
    throw new Error(`${formatRef(ref)} does not exist: only --verb create`)
  const { group, version, resource: plural } = resource
  const after = operation === 'DELETE' ? undefined : changed(live ?? emptyObject(resource, ref), verb, set)
  return {
    id: randomUUID(),
    operation,
    resource: { group, version, resource: plural },
    subresource: '',
    ref,
    ...(live === undefined || operation === 'CREATE' ? {} : { before: live }),
    ...(after === undefined ? {} : { after }),
    actor: { username: as, groups: [...asGroup, 'system:authenticated'], authenticated: true },
    dryRun: true,
    time: Date.now(),
  }
}

/** The object with `--set` applied; without one, with an annotation, so that something changes. */
function changed(live: KubeObject, verb: string, set: readonly string[]): KubeObject {
  const object = cloneJson(live)
  const assignments =
    set.length > 0 ? set : [verb === 'scale' ? '/spec/replicas=0' : '/metadata/annotations/explain=true']
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=')
    if (equals <= 0)
      throw new Error(`--set takes a JSON Pointer and a value, such as /spec/replicas=3: not ${assignment}`)
    assign(object, parsePointer(assignment.slice(0, equals)), readValue(assignment.slice(equals + 1)))
  }
  return object
}

function assign(root: JsonObject, path: readonly string[], value: Json): void {
  let at: Json = root
  for (const [index, key] of path.entries()) {
    const last = index === path.length - 1
    if (Array.isArray(at)) {
      const item: number = key === '-' ? at.length : Number(key)
      if (last) at[item] = value
      else at = at[item] ?? (at[item] = {})
    } else if (isObject(at)) {
      if (last) setKey(at, key, value)
      else {
        if (!Object.hasOwn(at, key)) setKey(at, key, {})
        at = at[key]!
      }
    } else throw new Error(`there is nothing at /${path.slice(0, index).join('/')} to change`)
  }
}

function readValue(text: string): Json {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

function emptyObject(resource: ResourceInfo, { namespace, name }: Change['ref']): KubeObject {
  const metadata = namespace === '' ? { name } : { name, namespace }
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata }
}

function apiVersionOf({ group, version }: ResourceInfo): string {
  return group === '' ? version : `${group}/${version}`
}

async function openExceptions({ api, discovery }: Awaited<ReturnType<typeof openCluster>>) {
  const resource = discovery.resourceFor('gitops-guard.dev', 'BreakGlass')
  if (resource === undefined) return []
  const { object } = await api.list(resource)
  const all = object.items.flatMap((item) => readException(item as KubeObject, undefined) ?? [])
  return all.filter(({ expiresAt }) => expiresAt > Date.now())
}
