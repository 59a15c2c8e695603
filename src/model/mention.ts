/** What an owner is called in each chat, as the configuration says. */
export interface MentionIds {
  /** A user's id (U…, W…) or a user group's (S…). */
  slack?: string
  /** A user's principal name or object id. */
  teams?: string
  /** A user's id; a role's with `&` before it. */
  discord?: string
  /** A username or a group's name. */
  mattermost?: string
  /** A user's number, as in users/123. */
  googlechat?: string
  /** @user:server. */
  matrix?: string
  /** An address, which gets a copy. */
  email?: string
}
