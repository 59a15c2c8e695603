/** What people read, made once from violations and independent of where it is shown. Everything in it is plain text. */
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { groupOf } from '../object/identity.ts'
import { escapeText } from '../object/text.ts'
import { changeLines } from './change-lines.ts'
import { commitLink, fileLink } from './git-links.ts'
import type { Owner } from './mentions.ts'
import type { MentionIds } from '../model/mention.ts'
import { severityOf } from './severity.ts'
import { attempt, counted, isState, outcome, title, TONES, type Tone } from './words.ts'

export interface Link {
  text: string
  url?: string
}

export interface Message {
  /** Ids of the violations that it tells of, all of them, oldest first. */
  ids: readonly string[]
  /** How many violations it tells of. */
  count: number
  /** Of the violation that matters most. */
  event: ViolationEvent
  tone: Tone
  /** What it is about, whatever happened: `Deployment shop/web`; a digest: how much. */
  about: string
  /** A headline: `Refused: Deployment shop/web`. */
  title: string
  /** One line that says it all, for a notification. */
  summary: string
  facts: readonly { label: string; text: string }[]
  /** What was or would have been changed, a line each. */
  changes: readonly string[]
  reason?: string
  /** What was done about it. */
  outcome: string
  /** Where in Git to change it instead. */
  file?: Link
  commit?: Link
  /** In a digest: the objects, a line each. */
  objects?: readonly string[]
  /** The object; absent in a digest. Messages of one object belong together. */
  thread?: string
  /** Who owns what it tells of, as Git says. */
  owners: readonly Owner[]
  /** Whether they are called, where the chat can. */
  calls: boolean
  /** RFC 3339: of the first and the last violation. */
  from: string
  to: string
}

export interface MessageOptions {
  /** A source's repository URL without credentials, for links. */
  repositoryOf?(source: string): string | undefined
  /** What an owner is called in chats. */
  mentionsOf?(owner: string): MentionIds | undefined
}

/** What belongs into one message: what one actor did to one object. */
export function bundleKey(violation: Violation): string {
  return `${threadKey(violation)}\n${violation.actor.username}`
}

/** @throws RangeError for no violations. */
export function makeMessage(violations: readonly Violation[], options: MessageOptions = {}): Message {
  const sorted = violations.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  if (sorted.length === 0) throw new RangeError('cannot make a message as there are no violations')
  const several = new Set(sorted.map(bundleKey)).size > 1
  return several ? makeDigest(sorted, options) : makeSingle(sorted, options)
}

function makeSingle(sorted: readonly Violation[], options: MessageOptions): Message {
  const { repositoryOf } = options
  const main = mostImportant(sorted)
  const { event, object, actor, origin, source, reason, rule } = main
  const times = sorted.length > 1 ? ` (${counted(sorted)})` : ''
  const changes = changeLines(main.changes, 20)
  const first = changes.length > 0 ? `: ${changes[0]}${changes.length > 1 ? ' and more' : ''}` : ''
  const repository = source === undefined ? undefined : repositoryOf?.(source)
  const owners = ownersOf([main], options)
  return {
    ...frame(sorted, main),
    owners,
    about: nameOf(main),
    title: escapeText(
      `${title(event)}: ${nameOf(main)}${sorted.length > 1 ? ` ×${sorted.length}` : ''}`,
      150,
    ),
    summary: isState(main)
      ? escapeText(`${reason || outcome(main)}${times}`, 600)
      : escapeText(`${attempt(main)} ${nameOf(main)}${first}. ${outcome(main)}${times}`, 600),
    facts: [
      ...(isState(main)
        ? [{ label: 'What', text: nameOf(main) }]
        : [
            { label: 'Who', text: who(actor) },
            { label: 'What', text: `${attempt({ ...main, actor: undefined })} ${nameOf(main)}` },
          ]),
      ...(object.namespace === '' ? [] : [{ label: 'Namespace', text: escapeText(object.namespace, 100) }]),
      ...(source === undefined ? [] : [{ label: 'Source', text: escapeText(source, 200) }]),
      { label: 'Rule', text: escapeText(rule, 100) },
      ...ownerFact(owners),
      ...(sorted.length > 1 ? [{ label: 'How often', text: counted(sorted) }] : []),
    ],
    changes,
    ...(reason === '' ? {} : { reason: lines(reason, 1500) }),
    outcome: outcome(main),
    ...(origin === undefined ? {} : links(origin, repository)),
    thread: threadKey(main),
  }
}

function makeDigest(sorted: readonly Violation[], options: MessageOptions): Message {
  const main = mostImportant(sorted)
  const bundles = Map.groupBy(sorted, bundleKey)
  const objects = new Set(sorted.map(threadKey)).size
  const actors = Map.groupBy(sorted, ({ actor }) => actor.username)
  const byCount = [...bundles.values()].toSorted((a, b) => b.length - a.length)
  const shown = byCount.slice(0, 20).map((bundle) => {
    const one = mostImportant(bundle)
    return escapeText(`${who(one.actor)}: ${nameOf(one)}, ${counted(bundle)}`, 300)
  })
  const people = [...actors].toSorted(([, a], [, b]) => b.length - a.length)
  const names = people.slice(0, 5).map(([, own]) => `${who(own[0]!.actor)} (${own.length})`)
  const owners = ownersOf(sorted, options)
  const much = `${sorted.length} violations of ${objects} object${objects === 1 ? '' : 's'}`
  return {
    ...frame(sorted, main),
    owners,
    about: much,
    title: escapeText(much, 150),
    summary: escapeText(
      `${counted(sorted)}: ${objects} object${objects === 1 ? '' : 's'}, by ${names.join(', ')}`,
      600,
    ),
    facts: [
      { label: 'Who', text: rest(names, people.length) },
      { label: 'How often', text: counted(sorted) },
      ...ownerFact(owners),
    ],
    changes: [],
    outcome: counted(sorted),
    objects: byCount.length > shown.length ? [...shown, `and ${byCount.length - shown.length} more`] : shown,
  }
}

function frame(sorted: readonly Violation[], main: Violation) {
  return {
    ids: sorted.map(({ id }) => escapeText(id, 80)),
    count: sorted.length,
    event: main.event,
    tone: TONES[main.event],
    calls: sorted.some((violation) => severityOf(violation) !== 'info'),
    from: sorted[0]!.time,
    to: sorted.at(-1)!.time,
  }
}

/** Of a digest the first five. */
function ownersOf(violations: readonly Violation[], { mentionsOf }: MessageOptions): Owner[] {
  const names = new Set<string>()
  for (const { owners = [] } of violations) for (const name of owners) if (names.size < 5) names.add(name)
  return [...names].map((name) => ({ name: escapeText(name, 100), ids: mentionsOf?.(name) ?? {} }))
}

function ownerFact(owners: readonly Owner[]) {
  return owners.length === 0 ? [] : [{ label: 'Owner', text: owners.map(({ name }) => name).join(', ') }]
}

const WEIGHT: { readonly [event in ViolationEvent]: number } = {
  unrepairable: 5,
  trouble: 5,
  'break-glass': 4,
  denied: 3,
  repaired: 2,
  drift: 2,
  warned: 1,
  resolved: 1,
  audited: 0,
}

/** The last of the heaviest: a repair tells more than the drift before it. */
function mostImportant(sorted: readonly Violation[]): Violation {
  return sorted.reduce((best, next) => (WEIGHT[next.event] >= WEIGHT[best.event] ? next : best))
}

function threadKey({ object: { apiVersion, kind, namespace, name } }: Violation): string {
  return `${groupOf(apiVersion)}/${kind}/${namespace}/${name}`
}

function nameOf({ object: { kind, namespace, name } }: Violation): string {
  return escapeText(`${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`, 300)
}

/** A name that was only inferred is said to be so: clients choose it. */
function who({ username, authenticated }: Violation['actor']): string {
  const name = username === '' ? 'somebody unknown' : escapeText(username, 200)
  return authenticated || username === '' ? name : `probably ${name}`
}

function links(
  origin: NonNullable<Violation['origin']>,
  repository: string | undefined,
): { file: Link; commit: Link } {
  const { file, line, revision } = origin
  const fileUrl = repository === undefined ? undefined : fileLink(repository, origin)
  const commitUrl = repository === undefined ? undefined : commitLink(repository, revision)
  return {
    file: {
      text: escapeText(line > 0 ? `${file}:${line}` : file, 300),
      ...(fileUrl === undefined ? {} : { url: fileUrl }),
    },
    commit: {
      text: escapeText(revision.slice(0, 12), 64),
      ...(commitUrl === undefined ? {} : { url: commitUrl }),
    },
  }
}

function rest(shown: readonly string[], all: number): string {
  return all > shown.length ? `${shown.join(', ')} and ${all - shown.length} more` : shown.join(', ')
}

/** The reason keeps its line breaks. */
function lines(text: string, max: number): string {
  return text
    .slice(0, max)
    .split('\n')
    .map((line) => escapeText(line, max))
    .join('\n')
}
