import type { Json } from '../model/json.ts'
import { fieldOf, isObject, parseJson } from '../object/json.ts'

/** Another guard, by the address at which it serves HTTP. */
export interface Environment {
  name: string
  url: string
}

export interface EnvironmentFacts {
  name: string
  url: string
  /** Why it cannot be asked. */
  error?: string
  /** As its `/status` says. */
  status?: Json
}

const KEEP_MS = 5000
const TIMEOUT_MS = 3000
const LONGEST = 1024 * 1024

/** Asks the guards of other clusters how they are, at most every few seconds, all at once. `/status` names nobody and takes no token. */
export class Environments {
  readonly #environments: readonly Environment[]
  #asked: { at: number; answers: Promise<EnvironmentFacts[]> } | undefined

  constructor(environments: readonly Environment[]) {
    this.#environments = environments
  }

  read(): Promise<EnvironmentFacts[]> {
    if (this.#asked === undefined || Date.now() - this.#asked.at > KEEP_MS)
      this.#asked = { at: Date.now(), answers: Promise.all(this.#environments.map(ask)) }
    return this.#asked.answers
  }
}

async function ask({ name, url }: Environment): Promise<EnvironmentFacts> {
  try {
    const answer = await fetch(`${url.replace(/\/$/, '')}/status`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    })
    if (!answer.ok) return { name, url, error: `it answered ${answer.status}` }
    const text = await answer.text()
    const status = text.length > LONGEST ? undefined : parseJson(text)
    if (!isObject(status) || !Array.isArray(fieldOf(status, 'sources')))
      return { name, url, error: 'what answers there is no guard' }
    return { name, url, status }
  } catch (error) {
    const timeout = error instanceof Error && error.name === 'TimeoutError'
    return { name, url, error: timeout ? `no answer in ${TIMEOUT_MS / 1000} s` : 'it cannot be reached' }
  }
}
