/** The words for what happened. */
import type { Operation } from '../model/change.ts'
import type { Violation, ViolationEvent } from '../model/violation.ts'
import { escapeText } from '../object/text.ts'
import { OVERFLOW_RULE } from './overflow.ts'

/** How a message is coloured. */
export type Tone = 'bad' | 'warning' | 'good' | 'info'

export const TONES: { readonly [event in ViolationEvent]: Tone } = {
  denied: 'bad',
  unrepairable: 'bad',
  drift: 'warning',
  warned: 'warning',
  'break-glass': 'warning',
  trouble: 'bad',
  repaired: 'good',
  resolved: 'good',
  audited: 'info',
}

const TITLES: { readonly [event in ViolationEvent]: string } = {
  denied: 'Refused',
  warned: 'Let through with a warning',
  audited: 'Noted',
  drift: 'Drift',
  repaired: 'Put back',
  unrepairable: 'Cannot be put back',
  'break-glass': 'Break-glass',
  trouble: 'Trouble',
  resolved: 'Over',
}

export function title(event: ViolationEvent): string {
  return TITLES[event]
}

const VERBS: { readonly [operation in Operation]: readonly [to: string, did: string] } = {
  CREATE: ['create', 'created'],
  UPDATE: ['change', 'changed'],
  DELETE: ['delete', 'deleted'],
  CONNECT: ['connect to', 'connected to'],
}

const CONNECTS: { readonly [subresource: string]: readonly [to: string, did: string] } = {
  exec: ['run a command in', 'ran a command in'],
  attach: ['attach to', 'attached to'],
  portforward: ['forward a port of', 'forwarded a port of'],
  scale: ['scale', 'scaled'],
  eviction: ['evict', 'evicted'],
}

/** `alice tried to change`, `alice deleted`; without an actor only what was done. The object's name follows. */
export function attempt(
  violation: Omit<Violation, 'actor'> & { actor?: Violation['actor'] | undefined },
): string {
  const { actor, event, operation, subresource } = violation
  const own = Object.hasOwn(CONNECTS, subresource) ? CONNECTS[subresource] : undefined
  const [to, did] = own ?? VERBS[operation]
  const suffix = own === undefined && subresource !== '' ? ` ${escapeText(subresource, 60)} of` : ''
  if (actor === undefined) return `${to}${suffix}`
  const name = actor.username === '' ? 'somebody' : escapeText(actor.username, 200)
  const sure = actor.authenticated || actor.username === '' ? '' : 'probably '
  return event === 'denied' ? `${name} tried to ${to}${suffix}` : `${sure}${name} ${did}${suffix}`
}

/** Not something that an actor did: what it is, its reason says. */
export function isState({ event, rule }: Violation): boolean {
  return event === 'trouble' || event === 'resolved' || rule === OVERFLOW_RULE
}

/** A sentence: what was done about it. */
export function outcome({ event, remedy, repairedAfterMs, rule }: Violation): string {
  switch (event) {
    case 'denied':
      return 'Refused.'
    case 'warned':
      return 'Let through with a warning.'
    case 'audited':
      return rule === OVERFLOW_RULE ? 'Told as a count only.' : 'Let through, and noted.'
    case 'break-glass':
      return 'Let through by a break-glass permission.'
    case 'repaired':
      return repairedAfterMs === undefined
        ? "Git's state is back."
        : `Git's state was back after ${milliseconds(repairedAfterMs)}.`
    case 'unrepairable':
      return 'The API server refuses the repair: it takes a person.'
    case 'trouble':
      return rule === 'sync'
        ? 'All else is applied, and this is tried again.'
        : 'The guard goes on with the last good state.'
    case 'resolved':
      return 'Over: nothing is left to do.'
    case 'drift':
      return DRIFT[remedy]
  }
}

const DRIFT: { readonly [remedy in Violation['remedy']]: string } = {
  none: 'It stays as it is for now.',
  wait: 'It waits for the agent.',
  alert: 'It stays as it is: nobody puts it back.',
  nudge: 'The agent is asked to put it back.',
  repair: "Git's state is being put back.",
}

function milliseconds(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`
}

const COUNTED: { readonly [event in ViolationEvent]: string } = {
  denied: 'refused',
  warned: 'let through with a warning',
  audited: 'noted',
  drift: 'drifted',
  repaired: 'put back',
  unrepairable: 'cannot be put back',
  'break-glass': 'let through by break-glass',
  trouble: 'in trouble',
  resolved: 'over',
}

/** `16 refused, 1 put back`. */
export function counted(violations: readonly Violation[]): string {
  const counts = new Map<ViolationEvent, number>()
  for (const { event } of violations) counts.set(event, (counts.get(event) ?? 0) + 1)
  return [...counts].map(([event, count]) => `${count} ${COUNTED[event]}`).join(', ')
}
