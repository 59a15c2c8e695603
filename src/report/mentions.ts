import type { MentionIds } from '../model/mention.ts'
import type { Message } from './message.ts'

export interface Owner {
  /** As Git names it; plain text. */
  name: string
  ids: MentionIds
}

/**
 * What each chat takes for an id. Only these are ever written as a mention, and only from the configuration: no name from Git or a
 * cluster can call anybody.
 */
export const MENTION_PATTERNS: { readonly [chat in keyof MentionIds]-?: RegExp } = {
  slack: /^[UWS][A-Z0-9]{2,20}$/,
  teams: /^[\w.+-]{1,64}(@[A-Za-z0-9.-]{1,190})?$/,
  discord: /^&?\d{5,25}$/,
  mattermost: /^[a-z0-9][a-z0-9._-]{0,63}$/,
  googlechat: /^\d{5,30}$/,
  matrix: /^@[\w.=/+-]{1,100}:[A-Za-z0-9.:[\]-]{1,150}$/,
  email: /^[^\s<>@"(),:;\\[\]]{1,64}@[A-Za-z0-9.-]{1,253}$/,
}

/** Those names would call a whole channel. */
const EVERYBODY = new Set(['all', 'channel', 'here', 'everyone'])

/** Whom a message calls in a chat: nobody where it is only for the record. */
export function mentioned({ owners, calls }: Message, chat: keyof MentionIds): string[] {
  if (!calls) return []
  const ids = owners.flatMap(({ ids }) => ids[chat] ?? [])
  const good = ids.filter((id) => MENTION_PATTERNS[chat].test(id) && !EVERYBODY.has(id))
  return [...new Set(good)].slice(0, 5)
}
