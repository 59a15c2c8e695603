/** The API server as raw JSON: nothing typed away, nothing dropped. */
import * as http from 'node:http'
import * as https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { formatRef } from '../object/identity.ts'
import { fieldOf, isObject, parseJson, stringifyJson } from '../object/json.ts'
import { ApiError, isSecret, readStatus, withoutSecretValues } from './api-error.ts'
import { collectionPath, objectPath, queryText } from './api-path.ts'
import type { ObjectPath, QueryValue, Resource } from './api-path.ts'
import type { Connection } from './connection.ts'
import { readWarnings } from './warnings.ts'

export interface RequestOptions {
  query?: { readonly [key: string]: QueryValue } | undefined
  signal?: AbortSignal | undefined
  /** For each try, from sending to the last byte. Default 30 s. */
  timeoutMs?: number | undefined
  /** How often a 429 or 503 is repeated, and how long that may take in all. Default 4 times, 30 s. */
  retries?: number | undefined
  accept?: string | undefined
  /** For what is behind the API server's proxy. */
  headers?: Readonly<Record<string, string>> | undefined
}

export interface Answer<T = KubeObject> {
  /** HTTP status. */
  status: number
  object: T
  /** Texts of the `Warning` headers. */
  warnings: string[]
}

/** One request, after it was answered or failed. */
export interface RequestRecord {
  /** get, list, watch, create, update, apply, patch, delete. */
  verb: string
  /** `deployments.apps`, or the path's first part for what is no resource. */
  resource: string
  dryRun: boolean
  /** 0 where there was no answer. */
  code: number
  ms: number
}

export interface ApiOptions {
  /** Name in managedFields for requests that name none. Default `gitops-guard`. */
  fieldManager?: string
  userAgent?: string
  onRequest?: ((record: RequestRecord) => void) | undefined
}

export type ListObject = JsonObject & { metadata: JsonObject; items: Json[] }

interface Request {
  verb: string
  method: string
  path: string
  /** For errors: `update Deployment shop/web`. */
  purpose: string
  resource: string
  body?: Json | undefined
  contentType?: string | undefined
  options: RequestOptions
}

const TIMEOUT_MS = 30_000
const RETRIES = 4
const RETRY_BUDGET_MS = 30_000

/**
 * Raw requests to one API server. A 429 or 503 is repeated after its Retry-After: the API server did nothing then. Everything
 * else that is no success rejects with an {@link ApiError}. Bodies are never logged.
 */
export class ClusterApi {
  readonly connection: Connection
  readonly #options: ApiOptions
  readonly #send: typeof https.request

  constructor(connection: Connection, options: ApiOptions = {}) {
    this.connection = connection
    this.#options = options
    this.#send = connection.server.startsWith('http:') ? http.request : https.request
  }

  get fieldManager(): string {
    return this.#options.fieldManager ?? 'gitops-guard'
  }

  get(resource: Resource, at: ObjectPath, options: RequestOptions = {}): Promise<Answer> {
    return this.#object('get', 'GET', resource, at, options)
  }

  /** One page; all namespaces where none is given. */
  list(resource: Resource, namespace?: string, options: RequestOptions = {}): Promise<Answer<ListObject>> {
    const path = collectionPath(resource, namespace)
    const purpose = `list ${resource.resource}`
    return this.#request({ verb: 'list', method: 'GET', path, purpose, resource: nameOf(resource), options })
  }

  /** POST, into the namespace that the object names. */
  create(resource: Resource, object: KubeObject, options: RequestOptions = {}): Promise<Answer> {
    const { namespace } = object.metadata
    const path = collectionPath(resource, typeof namespace === 'string' ? namespace : '')
    return this.#request({
      verb: 'create',
      method: 'POST',
      path,
      purpose: purposeOf('create', resource, atOf(object)),
      resource: nameOf(resource),
      body: object,
      options: this.#managed(options),
    })
  }

  /** PUT; the object's resourceVersion, if it has one, is the precondition. */
  update(resource: Resource, object: KubeObject, options: RequestOptions & { subresource?: string } = {}) {
    const at = { ...atOf(object), subresource: options.subresource }
    return this.#object('update', 'PUT', resource, at, this.#managed(options), object)
  }

  /** Server-side apply. */
  apply(
    resource: Resource,
    object: KubeObject,
    options: RequestOptions & { force?: boolean; subresource?: string } = {},
  ) {
    const at = { ...atOf(object), subresource: options.subresource }
    const query = { force: options.force === true ? true : undefined, ...options.query }
    const managed = this.#managed({ ...options, query })
    return this.#object('apply', 'PATCH', resource, at, managed, object, 'application/apply-patch+yaml')
  }

  /** Merge, strategic merge or JSON patch, by its media type. */
  patch(
    resource: Resource,
    at: ObjectPath,
    patch: Json,
    options: RequestOptions & {
      type:
        | 'application/merge-patch+json'
        | 'application/strategic-merge-patch+json'
        | 'application/json-patch+json'
    },
  ): Promise<Answer> {
    return this.#object('patch', 'PATCH', resource, at, this.#managed(options), patch, options.type)
  }

  /** Resolves with the object where finalizers keep it, else with a Status. */
  delete(
    resource: Resource,
    at: ObjectPath,
    options: RequestOptions & {
      preconditions?: { uid?: string; resourceVersion?: string }
      propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
    } = {},
  ): Promise<Answer> {
    const { preconditions, propagationPolicy = 'Background' } = options
    const body: JsonObject = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy,
      ...(preconditions === undefined ? {} : { preconditions: { ...preconditions } }),
    }
    return this.#object('delete', 'DELETE', resource, at, options, body)
  }

  /** Any GET that is no resource: discovery, OpenAPI, `/version`. */
  raw<T = Json>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const resource = path.split(/[/?]/)[1] ?? ''
    return this.#request({ verb: 'get', method: 'GET', path, purpose: `get ${path}`, resource, options })
  }

  /** A POST that creates nothing: access and token reviews. */
  review(path: string, body: Json, options: RequestOptions = {}): Promise<Answer> {
    const resource = path.split('/').at(-1) ?? ''
    return this.#request({
      verb: 'create',
      method: 'POST',
      path,
      purpose: `ask ${resource}`,
      resource,
      body,
      options,
    })
  }

  /** Begins a GET whose body is read as it comes. Rejects with an ApiError for an answer that is no success. */
  async stream(
    path: string,
    options: { purpose: string; resource: string; signal: AbortSignal; accept?: string | undefined },
  ): Promise<http.IncomingMessage> {
    const { purpose, resource, signal } = options
    const request: Request = { verb: 'watch', method: 'GET', path, purpose, resource, options }
    const start = performance.now()
    const response = await this.#open(request, signal).catch((error: unknown) => {
      this.#record(request, 0, start)
      throw failure(request, error)
    })
    this.#record(request, response.statusCode ?? 0, start)
    if (isSuccess(response)) return response
    if (response.statusCode === 401) this.connection.expire()
    throw await this.#refusal(request, response, await readText(response))
  }

  #managed<T extends RequestOptions>(options: T): T {
    const { query = {} } = options
    return { ...options, query: { fieldManager: this.fieldManager, ...query } }
  }

  #object(
    verb: string,
    method: string,
    resource: Resource,
    at: ObjectPath,
    options: RequestOptions,
    body?: Json,
    contentType?: string,
  ): Promise<Answer> {
    return this.#request({
      verb,
      method,
      path: objectPath(resource, at),
      purpose: purposeOf(verb, resource, at),
      resource: nameOf(resource),
      body,
      contentType,
      options,
    })
  }

  async #request<T>(request: Request): Promise<Answer<T>> {
    const { retries = RETRIES, signal } = request.options
    const deadline = performance.now() + RETRY_BUDGET_MS
    let renewed = false
    let reset = false
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once<T>(request)
      } catch (error) {
        if (!(error instanceof ApiError) || signal?.aborted) throw error
        if (error.status === 401 && !renewed) {
          renewed = true
          this.connection.expire()
          continue
        }
        if (error.status === 0 && !reset && isStaleSocket(error.cause)) {
          // The API server closed an idle connection while the request was on its way: it never read it.
          reset = true
          continue
        }
        const waitMs = retryAfterMs(error, attempt)
        if (waitMs === undefined || attempt >= retries || performance.now() + waitMs > deadline) throw error
        await sleep(waitMs, undefined, signal === undefined ? {} : { signal })
      }
    }
  }

  async #once<T>(request: Request): Promise<Answer<T>> {
    const { signal, timeoutMs = TIMEOUT_MS } = request.options
    const timeout = AbortSignal.timeout(timeoutMs)
    const start = performance.now()
    let code = 0
    try {
      const response = await this.#open(
        request,
        signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      )
      const text = await readText(response)
      code = response.statusCode ?? 0
      if (!isSuccess(response)) throw await this.#refusal(request, response, text)
      return { status: code, object: parseJson(text) as T, warnings: readWarnings(response) }
    } catch (error) {
      if (error instanceof ApiError) throw error
      throw failure(
        request,
        timeout.aborted && !signal?.aborted ? new Error(`no answer in ${timeoutMs} ms`) : error,
      )
    } finally {
      this.#record(request, code, start)
    }
  }

  async #open(request: Request, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { method, path, body, contentType = 'application/json', options } = request
    const { headers, options: connection } = await this.connection.authorize()
    const payload = body === undefined ? undefined : Buffer.from(stringifyJson(body))
    return new Promise((resolve, reject) => {
      const sent = this.#send(this.connection.server + path + queryText(options.query ?? {}), {
        ...connection,
        method,
        signal,
        headers: {
          ...options.headers,
          ...headers,
          accept: options.accept ?? 'application/json',
          'user-agent': this.#options.userAgent ?? 'gitops-guard',
          ...(payload === undefined ? {} : { 'content-type': contentType, 'content-length': payload.length }),
        },
      })
      sent.on('response', resolve)
      sent.on('error', (error) =>
        reject(sent.reusedSocket ? Object.assign(error, { reusedSocket: true }) : error),
      )
      sent.end(payload)
    })
  }

  async #refusal(request: Request, response: http.IncomingMessage, text: string): Promise<ApiError> {
    let body: Json | undefined
    try {
      body = parseJson(text)
    } catch {
      body = { message: text.trim() === '' ? (response.statusMessage ?? '') : text.trim().slice(0, 500) }
    }
    const info = readStatus(response.statusCode ?? 0, body, response.headers['retry-after'])
    const sent = sentObject(request.body)
    info.serverMessage = withoutSecretValues(info.serverMessage, sent)
    // Causes repeat the values that are wrong.
    if (isSecret(sent)) info.details = withoutCauses(info.details)
    return new ApiError(`cannot ${request.purpose}: ${info.serverMessage}`, info)
  }

  #record({ verb, resource, options }: Request, code: number, start: number): void {
    const dryRun = options.query?.['dryRun'] !== undefined
    this.#options.onRequest?.({ verb, resource, dryRun, code, ms: performance.now() - start })
  }
}

function nameOf({ group, resource }: Resource): string {
  return group === '' ? resource : `${resource}.${group}`
}

function atOf({ metadata }: KubeObject): ObjectPath {
  const { namespace, name } = metadata
  return {
    namespace: typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
  }
}

function purposeOf(
  verb: string,
  { group, kind }: Resource,
  { namespace = '', name, subresource }: ObjectPath,
) {
  const ref = formatRef({ group, kind, namespace, name })
  return subresource === undefined ? `${verb} ${ref}` : `${verb} ${subresource} of ${ref}`
}

function sentObject(body: Json | undefined): KubeObject | undefined {
  return isObject(body) && isObject(body['metadata']) ? (body as KubeObject) : undefined
}

function withoutCauses(details: JsonObject | undefined): JsonObject | undefined {
  const causes = fieldOf(details, 'causes')
  if (details === undefined || !Array.isArray(causes)) return details
  return {
    ...details,
    causes: causes.map((cause) => ({
      reason: fieldOf(cause, 'reason') ?? null,
      field: fieldOf(cause, 'field') ?? null,
    })),
  }
}

function isSuccess({ statusCode = 0 }: http.IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()
}

function failure({ purpose }: Request, cause: unknown): ApiError {
  const { code, message } = cause as { code?: string; message?: string }
  const why = message !== undefined && message !== '' ? message : (code ?? 'the connection failed')
  return new ApiError(
    `cannot ${purpose} as the API server must answer: ${why}`,
    { status: 0, reason: '', serverMessage: why },
    { cause },
  )
}

function isStaleSocket(cause: unknown): boolean {
  const { reusedSocket, code } = (cause ?? {}) as { reusedSocket?: boolean; code?: string }
  return reusedSocket === true && (code === 'ECONNRESET' || code === 'EPIPE')
}

/** Undefined where repeating is not asked for. A 503 from something before the API server names no time. */
function retryAfterMs(error: ApiError, attempt: number): number | undefined {
  if (error.status !== 429 && error.status !== 503) return undefined
  const seconds = error.retryAfterSeconds ?? 0.25 * 2 ** attempt
  return seconds * 1000 * (1 + Math.random() * 0.2)
}
