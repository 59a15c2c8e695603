import type { Violation } from '../model/violation.ts'
import type { Message } from './message.ts'

/** A chat: takes messages, which may tell of many violations. */
export interface MessageProvider {
  readonly takes: 'messages'
  /** Milliseconds between two messages at least. */
  readonly interval: number
  /** Resolves once it is delivered. @throws SendError */
  send(message: Message, signal: AbortSignal): Promise<void>
}

/** A machine: takes each violation by itself. */
export interface ViolationProvider {
  readonly takes: 'violations'
  /** How many may be under way at a time. */
  readonly parallel: number
  /** Resolves once it is delivered. @throws SendError */
  send(violation: Violation, signal: AbortSignal): Promise<void>
}

export type Provider = MessageProvider | ViolationProvider
