import type { Change } from '../model/change.ts'
import type { KubeObject } from '../model/json.ts'
import type { BreakGlass } from '../model/policy.ts'
import { activeCondition } from './exception-status.ts'
import { groupOf, refKey, refOf } from '../object/identity.ts'
import { fieldOf, isObject } from '../object/json.ts'

/** An exception, and the object that it is read from. */
export interface Exception extends BreakGlass {
  object: KubeObject
}

export interface ExceptionsOptions {
  /** The set that is open changed: at an event of the watch, or as time went by. */
  onChange(open: readonly Exception[]): void
  /** Told once for each: opened, changed (renewed), ended (expired or deleted). */
  onEvent(event: 'opened' | 'renewed' | 'ended', exception: Exception): void
  /** Whether admission would have let it be written: it may have been written while there was none. */
  accepts(exception: Exception): boolean
  now?(): number
}

/** The longest that a timer may sleep: longer ones overflow. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * The exceptions that are open now, from the BreakGlass objects in the cluster. Who opened one is what admission
 * authenticated; after a restart, what the guard wrote into its status then.
 */
export class Exceptions {
  readonly #options: ExceptionsOptions
  readonly #now: () => number
  readonly #all = new Map<string, Exception>()
  /** By identity: who wrote it last, from reviews. */
  readonly #writers = new Map<string, string>()
  readonly #open = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ExceptionsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** A review that let somebody write an exception. */
  reviewed(change: Change): void {
    if (change.dryRun || change.subresource !== '') return
    const key = refKey(change.ref)
    this.#writers.delete(key)
    this.#writers.set(key, change.actor.username)
    if (this.#writers.size > 1000) this.#writers.delete(this.#writers.keys().next().value!)
  }

  /** What the watch says. Something that is no usable exception opens nothing. */
  observe(type: 'added' | 'modified' | 'deleted', object: KubeObject): void {
    const key = refKey(refOf(object))
    const before = this.#all.get(key)
    const opener = this.#writers.get(key) ?? (before?.openedBy === '' ? undefined : before?.openedBy)
    const exception = type === 'deleted' ? undefined : readException(object, opener)
    if (exception === undefined || !this.#options.accepts(exception)) this.#all.delete(key)
    else this.#all.set(key, exception)
    const renewed =
      before !== undefined && exception !== undefined && before.expiresAt !== exception.expiresAt
    this.#settle(renewed ? key : undefined)
  }

  /** A list is complete: what it did not hold is gone. */
  listed(seen: ReadonlySet<string>): void {
    for (const key of this.#all.keys()) if (!seen.has(key)) this.#all.delete(key)
    this.#settle()
  }

  open(): readonly Exception[] {
    return [...this.#open].flatMap((key) => this.#all.get(key) ?? [])
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #settle(renewed?: string): void {
    const now = this.#now()
    let next = Infinity
    const ended: Exception[] = []
    const opened: Exception[] = []
    for (const [key, exception] of this.#all) {
      const isOpen = exception.expiresAt > now
      if (isOpen) next = Math.min(next, exception.expiresAt)
      if (isOpen && !this.#open.has(key)) opened.push(exception)
      if (!isOpen && this.#open.has(key)) ended.push(exception)
      if (isOpen) this.#open.add(key)
      else this.#open.delete(key)
      this.#last.set(key, exception)
    }
    for (const key of this.#open) {
      if (this.#all.has(key)) continue
      this.#open.delete(key)
      const last = this.#last.get(key)
      if (last !== undefined) ended.push(last)
    }
    for (const key of this.#last.keys()) if (!this.#all.has(key)) this.#last.delete(key)
    this.#options.onChange(this.open())
    for (const exception of opened) this.#options.onEvent('opened', exception)
    for (const exception of ended) this.#options.onEvent('ended', exception)
    const exception = renewed === undefined ? undefined : this.#all.get(renewed)
    if (exception !== undefined && !opened.includes(exception) && this.#open.has(renewed!)) {
      this.#options.onEvent('renewed', exception)
    }
    clearTimeout(this.#timer)
    if (next !== Infinity) {
      this.#timer = setTimeout(() => this.#settle(), Math.min(next - now, LONGEST_MS)).unref()
    }
  }

  readonly #last = new Map<string, Exception>()
}

/** An exception as its object says it; undefined where it does not say enough. */
export function readException(object: KubeObject, openedBy: string | undefined): Exception | undefined {
  const spec = object['spec']
  const reason = fieldOf(spec, 'reason')
  const expiresAt = Date.parse(String(fieldOf(spec, 'expiresAt') ?? ''))
  if (typeof reason !== 'string' || reason.trim() === '' || Number.isNaN(expiresAt)) return undefined
  const listed = fieldOf(spec, 'objects') ?? []
  if (!Array.isArray(listed)) return undefined
  const objects = listed.filter(isObject).map((item) => ({
    group: groupOf(String(item['apiVersion'] ?? '')),
    kind: String(item['kind'] ?? ''),
    name: String(item['name'] ?? ''),
  }))
  const { name, namespace } = refOf(object)
  return { name, namespace, objects, reason, openedBy: openedBy ?? openerIn(object), expiresAt, object }
}

/** Who opened it, as the guard wrote it into the status before a restart. */
function openerIn(object: KubeObject): string {
  const message = fieldOf(activeCondition(object['status']), 'message')
  return /^opened by (.+)$/.exec(String(message ?? ''))?.[1] ?? ''
}
