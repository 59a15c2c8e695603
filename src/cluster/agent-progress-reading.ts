/** What one agent's object says of a source, and what all of them together say. */
import type { Json } from '../model/json.ts'

/** A source as the configuration names it. */
export interface FollowedSource {
  name: string
  /** Git URL, or a local path. */
  repository: string
  ref: { branch: string } | { tag: string } | { commit: string } | { name: string }
  /** Folder from the repository's root; '' or '.' for all. */
  path: string
  /** The agent's object that it was discovered in: then no other brings it in. */
  object?: AgentObject | undefined
}

/** An object that tells an agent what to bring in. */
export interface AgentObject {
  kind: 'Kustomization' | 'HelmRelease' | 'Application'
  namespace: string
  name: string
  /** Which of an Application's sources. */
  index: number
}

/** Whether two URLs name one repository. */
export type SameRepository = (a: string, b: string) => boolean

/** What one object of an agent says: which commit it brings in, and how far it is. */
export interface AgentReading {
  /** Full hash; undefined where the object names none (yet). */
  revision?: string
  state: 'applying' | 'applied' | 'suspended' | 'unknown'
  /** The newest commit that the agent holds, full hash, where it says so apart from what it applies. */
  newest?: string
}

/**
 * One answer of several objects that bring one source in (an app a folder): suspended when all are; applying while one is, or while
 * they are at different commits. Then the revision is the newest that the agent says it holds, where they agree on that.
 */
export function combineReadings(readings: readonly AgentReading[]): AgentReading | undefined {
  const said = readings.filter(({ state }) => state !== 'unknown')
  if (said.length === 0) return readings.length === 0 ? undefined : { state: 'unknown' }
  const active = said.filter(({ state }) => state !== 'suspended')
  const counted = active.length === 0 ? said : active
  const revision = only(counted.map((one) => one.revision))
  if (revision !== undefined) return { revision, state: stateOf(counted) }
  const newest = only(counted.map((one) => one.newest))
  const state = active.length === 0 ? 'suspended' : 'applying'
  return newest === undefined ? { state } : { revision: newest, state }
}

function stateOf(readings: readonly AgentReading[]): AgentReading['state'] {
  return readings.find(({ state }) => state === 'applying')?.state ?? readings[0]!.state
}

function only(values: readonly (string | undefined)[]): string | undefined {
  return values.every((value) => value === values[0]) ? values[0] : undefined
}

/** The commit in `main@sha1:HASH`, `sha1:HASH`, `main/HASH` (Flux before v2) or a bare full hash. */
export function commitOf(revision: Json | undefined): string | undefined {
  if (typeof revision !== 'string') return undefined
  return /(?:^|@sha1:|@sha256:|^sha1:|^sha256:|\/)([0-9a-f]{64}|[0-9a-f]{40})$/.exec(revision)?.[1]
}

/** Whether an agent's folder and a source's hold anything in common: one is the other, or is inside it. */
export function foldersMeet(a: string, b: string): boolean {
  const left = folderOf(a)
  const right = folderOf(b)
  return left.startsWith(right) || right.startsWith(left)
}

/** `./clusters/prod` → `clusters/prod/`; '' for the root: so that one folder inside another begins like it. */
function folderOf(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map((part) => `${part}/`)
    .join('')
}
