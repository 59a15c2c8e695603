import type { Actor } from '../model/actor.ts'
import type { FieldChange, FieldOp } from '../model/path.ts'
import type { Agent, Allowance } from '../model/policy.ts'
import type { WrittenField } from '../model/writer.ts'
import type { Json } from '../model/json.ts'
import { fieldPattern } from '../object/field-pattern.ts'
import { setKey } from '../object/json.ts'
import { isKeyedItem } from '../object/path.ts'
import { selects } from '../object/selectors.ts'
import { serviceAccount } from './actors.ts'
import { covers, isActorOf } from '../object/coverage.ts'
import { agentPresets } from './presets/agents.ts'
import { operatorPresets } from './presets/operators.ts'
import { generalFields, generalObjects } from './suggest-general.ts'
import { matchUsers } from '../object/match-users.ts'

/** How often something was seen, and where. */
export interface Evidence {
  count: number
  /** Milliseconds since the epoch. */
  first: number
  last: number
  /** `Deployment shop/web` and the like, one. */
  example: { kind: string; namespace: string; name: string }
}

export interface SuggestedAllowance {
  name: string
  reason: string
  users: readonly string[]
  kinds: readonly string[]
  /** Absent: cluster-scoped, or any. */
  namespaces?: readonly string[]
  names: readonly string[]
  fields: readonly string[]
  /** Absent: all three were seen. */
  ops?: readonly FieldOp[]
  evidence: Evidence
}

/** What a configuration could say, from what was seen in audit mode. */
export interface Suggestions {
  /** Presets of operators whose users and fields these are. */
  presets: readonly { name: string; title: string; users: readonly string[]; evidence: Evidence }[]
  allowances: readonly SuggestedAllowance[]
  /** Accounts of agents that the configuration does not name: they need no allowance, but to be agents. */
  agents: readonly { preset: string; title: string; users: readonly string[]; evidence: Evidence }[]
  /** What no allowance should give: to be looked at by a person. */
  refused: readonly { user: string; kind: string; what: string; why: string; evidence: Evidence }[]
}

export interface SuggestFacts {
  written: readonly WrittenField[]
  /** Of the configuration: what these cover by now is left out. */
  allowances?: readonly Allowance[]
  agents?: readonly Agent[]
}

/**
 * The allowances that would let service accounts do what they were seen doing, and nothing more: presets where they
 * fit, else exactly the fields and kinds that were written. Nothing for a person, whatever the records say.
 */
export function suggest({ written, allowances = [], agents = [] }: SuggestFacts): Suggestions {
  const isAgent = matchUsers(agents.flatMap(({ users }) => users))
  const open = written.filter(
    (record) =>
      serviceAccount(record.user) !== undefined && !isAgent(record.user) && !allowed(record, allowances),
  )
  const found = { presets: [], allowances: [], agents: [], refused: [] } as {
    -readonly [K in keyof Suggestions]: Suggestions[K][number][]
  }
  let rest = open
  for (const { name, title, users } of agentPresets) {
    const match = matchUsers(users)
    const own = rest.filter(({ user }) => match(user))
    if (own.length === 0) continue
    found.agents.push({ preset: name, title, users: usersOf(own), evidence: evidenceOf(own) })
    rest = rest.filter((record) => !own.includes(record))
  }
  const refused = rest.filter((record) => whyNot(record) !== undefined)
  rest = rest.filter((record) => !refused.includes(record))
  for (const group of Map.groupBy(refused, ({ user, kind, rule, path }) =>
    JSON.stringify([user, kind, rule, path.length === 0]),
  ).values()) {
    const [one] = group as [WrittenField]
    const what =
      one.path.length === 0 ? WHOLE[one.op] : group.map(({ path }) => fieldPattern(path)).join(', ')
    found.refused.push({
      user: one.user,
      kind: one.kind,
      what,
      why: whyNot(one)!,
      evidence: evidenceOf(group),
    })
  }
  for (const preset of operatorPresets) {
    const own = rest.filter((record) => allowed(record, preset.allowances))
    if (own.length === 0) continue
    found.presets.push({
      name: preset.name,
      title: preset.title,
      users: usersOf(own),
      evidence: evidenceOf(own),
    })
    rest = rest.filter((record) => !own.includes(record))
  }
  found.allowances.push(...named(groups(rest)))
  return found
}

const WHOLE = { add: 'created', remove: 'deleted', replace: 'changed' } as const

/** Why no allowance is proposed for a record. */
function whyNot({ rule, path }: WrittenField): string | undefined {
  if (rule === 'agent-switch') return 'it would switch the agent off for the object'
  if (rule === 'other-source') return 'it is an agent of another source: name it among the agents of this one'
  if (rule !== 'declared') return `rule ${rule} refuses it, and no allowance changes that`
  if (path.length === 0) return 'allowances are for fields: an object comes and goes by Git'
  return undefined
}

/** Whether allowances cover every object of a record. What the manifest says is told by the op alone. */
export function allowed(record: WrittenField, allowances: readonly Allowance[]): boolean {
  const { user, path, op, objects, more } = record
  if (path.length === 0) return false
  const actor: Actor = { username: user, groups: groupsOf(user), authenticated: true }
  const mine = allowances.filter((allowance) => isActorOf(allowance, actor))
  if (mine.length === 0) return false
  const change: FieldChange = { path, op }
  const manifest = op === 'add' ? {} : withValueAt(record)
  const fits = mine.filter((allowance) =>
    covers(allowance, change, { manifest: manifest as never, actorOf: () => actor }),
  )
  const [kind = '', group = ''] = record.kind.split('/').toReversed()
  const wide = fits.filter(({ objects: { names } }) => names === undefined || names.includes('*'))
  return objects.every(({ namespace, name }) =>
    (more === true ? wide : fits).some((allowance) =>
      selects(allowance.objects, { group, kind, namespace, name }),
    ),
  )
}

function groupsOf(user: string): string[] {
  const account = serviceAccount(user)
  if (account === undefined) return []
  return ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${account.namespace}`]
}

/** Stands for a manifest that says something at this place, as a record of a replacement or removal tells. */
function withValueAt({ path }: WrittenField): Json {
  let value: Json = ''
  for (const segment of path.toReversed()) {
    if (typeof segment === 'string') {
      const object = {}
      setKey(object, segment, value)
      value = object
    } else if (typeof segment === 'number')
      value = Array.from({ length: Math.min(segment, 999) + 1 }, () => value)
    else if (isKeyedItem(segment)) {
      value = [{ ...segment.keys, ...(typeof value === 'object' ? (value as object) : {}) }]
    } else value = [segment.value]
  }
  return value
}

/** Records that one allowance can hold: of one user, on the same objects, in the same ways. */
function groups(records: readonly WrittenField[]): WrittenField[][] {
  // The ways of one field together, so that a field that is set and removed is one line.
  const fields = Map.groupBy(records, ({ user, kind, path }) =>
    JSON.stringify([user, kind, fieldPattern(path)]),
  )
  const together = Map.groupBy(fields.values(), (same) => {
    const [{ user, kind }] = same as [WrittenField]
    const objects = generalObjects(same)
    return JSON.stringify([user, kind, opsOf(same), objects.namespaces ?? null, objects.names])
  })
  return [...together.values()].map((lists) => lists.flat())
}

function named(lists: readonly WrittenField[][]): SuggestedAllowance[] {
  const made = lists.map((list): SuggestedAllowance => {
    const [{ user, kind }] = list as [WrittenField]
    const ops = opsOf(list)
    const { namespace, name } = serviceAccount(user)!
    return {
      name: `${namespace}-${name}-${kind.slice(kind.lastIndexOf('/') + 1).toLowerCase()}`,
      reason: `${name} was seen writing this in audit mode`,
      users: [user],
      kinds: [kind],
      ...generalObjects(list),
      fields: generalFields(list.map(({ path }) => path)),
      ...(ops.length === 3 ? {} : { ops }),
      evidence: evidenceOf(list),
    }
  })
  const taken = new Set<string>()
  return made
    .toSorted((a, b) => b.evidence.count - a.evidence.count)
    .map((allowance) => {
      let { name } = allowance
      for (let number = 2; taken.has(name); number++) name = `${allowance.name}-${number}`
      taken.add(name)
      return { ...allowance, name }
    })
}

function opsOf(records: readonly WrittenField[]): FieldOp[] {
  const seen = new Set(records.map(({ op }) => op))
  return (['add', 'replace', 'remove'] as const).filter((op) => seen.has(op))
}

export function evidenceOf(records: readonly WrittenField[]): Evidence {
  const newest = records.reduce((a, b) => (b.last > a.last ? b : a))
  return {
    count: records.reduce((sum, { count }) => sum + count, 0),
    first: Math.min(...records.map(({ first }) => first)),
    last: newest.last,
    example: { kind: newest.kind, ...newest.objects[0]! },
  }
}

function usersOf(records: readonly WrittenField[]): string[] {
  return [...new Set(records.map(({ user }) => user))].toSorted()
}
