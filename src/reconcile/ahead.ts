import type { Clock } from './clock.ts'
import type { Standing } from './remedy.ts'

/** What the agent says about the commit that it is bringing in. */
export interface AgentProgress {
  /** The commit's full hash, where it says one. */
  revision?: string
  state: 'applying' | 'applied' | 'suspended' | 'unknown'
  /** Milliseconds since the epoch at which this was read. */
  at: number
}

/** The agent's progress. Must have been read after `since`: an older answer may not know of the newest commit. */
export interface Progress {
  of(source: string, since: number): AgentProgress | undefined | Promise<AgentProgress | undefined>
}

/** The commit at the tip of a source's ref, from an `ls-remote` that started at or after `since`. Rejects if unreachable. */
export interface Tip {
  tip(source: string, since: number): Promise<string>
}

/** Fetches a source and puts it in force. Resolves with the commit then in force. */
export interface Refresh {
  refresh(source: string): Promise<string>
}

/**
 * Whether a source is still read and rendered as it is in force. `changed`: what is true now was put in force before this resolved. `busy`: its
 * agent brings something in that cannot be told yet. Rejects where none of this can be told.
 */
export interface Definition {
  state(source: string): Promise<'current' | 'changed' | 'busy'>
}

export interface Answer {
  /** `moved`: the commit in force is another one now, so compare again. */
  standing: Standing | 'moved'
  progress?: AgentProgress
  /** When the asking began, in milliseconds since the epoch: the answer is good for all that was seen by then. */
  asked: number
}

/** Asks who is ahead of whom: the guard, Git or the agent. Questions about one source that overlap are asked once. */
export class Ahead {
  readonly #clock: Clock
  readonly #progress: Progress
  readonly #git: Tip & Refresh
  readonly #definition: Definition | undefined
  readonly #revision: (source: string) => string | undefined
  readonly #known: (source: string, revision: string) => boolean
  readonly #underWay = new Map<string, { asked: number; answer: Promise<Answer> }>()

  constructor(options: {
    clock: Clock
    progress: Progress
    git: Tip & Refresh
    definition?: Definition | undefined
    /** The commit of a source that is in force. */
    revision: (source: string) => string | undefined
    /** Whether this commit of the source was in force before. */
    known: (source: string, revision: string) => boolean
  }) {
    this.#clock = options.clock
    this.#progress = options.progress
    this.#git = options.git
    this.#definition = options.definition
    this.#revision = options.revision
    this.#known = options.known
  }

  /** Never rejects. The answer comes from questions that were asked at or after `since` (milliseconds since the epoch). */
  ask(source: string, since: number): Promise<Answer> {
    const current = this.#underWay.get(source)
    if (current !== undefined && current.asked >= since) return current.answer
    const asked = this.#clock.now()
    const answer = this.#ask(source, asked).finally(() => {
      if (this.#underWay.get(source)?.answer === answer) this.#underWay.delete(source)
    })
    this.#underWay.set(source, { asked, answer })
    return answer
  }

  async #ask(source: string, asked: number): Promise<Answer> {
    try {
      const definition = await this.#definition?.state(source)
      if (definition === 'changed') return { asked, standing: 'moved' }
      if (definition === 'busy') return { asked, standing: 'agent-ahead' }
    } catch {
      return { asked, standing: 'unknown' }
    }
    const ours = this.#revision(source)
    const progress = await this.#progressOf(source, asked)
    const about = { asked, ...(progress === undefined ? {} : { progress }) }
    if (progress?.revision !== undefined && progress.revision === ours) return { ...about, standing: 'level' }
    try {
      const tip = await this.#git.tip(source, asked)
      if (tip === this.#revision(source)) return { ...about, standing: ours === tip ? 'level' : 'moved' }
      // Resolves with what is in force: the commit may be refused (no signature, nothing to render).
      const now = await this.#git.refresh(source)
      if (now !== ours) return { ...about, standing: 'moved' }
    } catch {
      // Unreachable: what the agent says decides, below.
    }
    const theirs = progress?.revision
    if (theirs === undefined) return { ...about, standing: 'unknown' }
    return { ...about, standing: this.#known(source, theirs) ? 'level' : 'agent-ahead' }
  }

  async #progressOf(source: string, since: number): Promise<AgentProgress | undefined> {
    try {
      const progress = await this.#progress.of(source, since)
      return progress?.state === 'unknown' ? undefined : progress
    } catch {
      return undefined
    }
  }
}
