import { randomBytes } from 'node:crypto'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import { fieldOf } from '../object/json.ts'
import { sameToken } from '../screen/same-token.ts'

const SECRETS = { group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true }
export const VIEW_TOKEN_SECRET = 'gitops-guard-view'

/** A token that does not fit is looked for in the Secret again, but not more often than this. */
const AGAIN_MS = 10_000

/**
 * The token of the Secret `gitops-guard-view` in the guard's namespace, made where there is none: whoever may read the Secret may see
 * violations, through the API server's proxy too, which takes people's own tokens off. Deleted, there is another one.
 */
export class ViewToken {
  readonly #api: ClusterApi
  readonly #namespace: string
  readonly #onError: (error: unknown) => void
  #token: string | undefined
  #askedAt = 0
  #asking: Promise<void> | undefined

  constructor(api: ClusterApi, namespace: string, onError: (error: unknown) => void) {
    this.#api = api
    this.#namespace = namespace
    this.#onError = onError
  }

  async matches(token: string): Promise<boolean> {
    if (this.#token !== undefined && sameToken(token, this.#token)) return true
    if (Date.now() - this.#askedAt < AGAIN_MS) return false
    await this.load()
    return this.#token !== undefined && sameToken(token, this.#token)
  }

  /** Reads the Secret, or makes it. */
  async load(): Promise<void> {
    this.#askedAt = Date.now()
    this.#asking ??= this.#read().finally(() => (this.#asking = undefined))
    await this.#asking
  }

  async #read(): Promise<void> {
    try {
      this.#token = (await this.#get()) ?? (await this.#make())
    } catch (error) {
      this.#onError(error)
    }
  }

  async #get(): Promise<string | undefined> {
    try {
      const { object } = await this.#api.get(SECRETS, { namespace: this.#namespace, name: VIEW_TOKEN_SECRET })
      const text = Buffer.from(String(fieldOf(object['data'], 'token') ?? ''), 'base64').toString()
      // A short one could be guessed.
      return text.length < 20 ? undefined : text
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  async #make(): Promise<string | undefined> {
    const token = randomBytes(32).toString('base64url')
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace: this.#namespace,
        name: VIEW_TOKEN_SECRET,
        labels: { 'app.kubernetes.io/name': 'gitops-guard' },
      },
      type: 'Opaque',
      data: { token: Buffer.from(token).toString('base64') },
    }
    try {
      await this.#api.create(SECRETS, secret)
      return token
    } catch (error) {
      // Another replica was first.
      if (error instanceof ApiError && error.status === 409) return await this.#get()
      throw error
    }
  }
}
