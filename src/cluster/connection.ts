/** How to reach one API server, from a kubeconfig or from inside the cluster. */
import * as http from 'node:http'
import * as https from 'node:https'
import type { OutgoingHttpHeaders } from 'node:http'
import { KubeConfig } from '@kubernetes/client-node'

export interface ConnectOptions {
  /** Path of a kubeconfig. Default: `$KUBECONFIG`, `~/.kube/config`, then the service account of the Pod. */
  kubeconfig?: string | undefined
  /** A context of it. Default: its current one. */
  context?: string | undefined
  /** Uses the service account of the Pod, whatever kubeconfig there is. */
  inCluster?: boolean
}

/** What one request needs, fresh: tokens and certificates rotate. */
export interface Authorization {
  headers: OutgoingHttpHeaders
  /** For node:https: the shared keep-alive agent, CA, client certificate. */
  options: https.RequestOptions
}

/** The way to one API server as one user. */
export interface Connection {
  /** Base URL; it may have a path (a cluster behind a gateway). No trailing slash. */
  readonly server: string
  /** For people: the context's name. */
  readonly name: string
  /** Namespace of the context, or of the Pod; undefined where none is named. */
  readonly namespace: string | undefined
  authorize(): Promise<Authorization>
  /** The API server answered 401: the next {@link authorize} reads everything anew (files, exec plugins). */
  expire(): void
  /** Ends idle and busy connections. */
  close(): void
}

/** Credentials are kept for so long; KubeConfig itself reads a token file again after a minute, as client-go does. */
const KEEP_MS = 10_000

/** The context that KubeConfig makes up where it finds nothing. */
const NOWHERE = 'loaded-context'

/** @throws Error where the kubeconfig cannot be read or names no such context. */
export function connect(options: ConnectOptions = {}): Connection {
  return new KubeConfigConnection(load(options), options)
}

function load({ kubeconfig, context, inCluster }: ConnectOptions): KubeConfig {
  const config = new KubeConfig()
  if (inCluster === true) config.loadFromCluster()
  else if (kubeconfig !== undefined) config.loadFromFile(kubeconfig)
  else config.loadFromDefault()
  if (kubeconfig === undefined && config.getCurrentContext() === NOWHERE) {
    throw new Error(
      'cannot connect as there must be a kubeconfig: none was given or found, and this is no Pod',
    )
  }
  if (context !== undefined) {
    const known = config.getContexts().map(({ name }) => name)
    if (!known.includes(context)) {
      throw new Error(
        `cannot connect as the context must be one of ${known.join(', ')}: current value is ${context}`,
      )
    }
    config.setCurrentContext(context)
  }
  if (config.getCurrentCluster() === null) {
    throw new Error(
      `cannot connect as the kubeconfig must name a cluster for its context: current value is ${JSON.stringify(config.getCurrentContext())}`,
    )
  }
  return config
}

class KubeConfigConnection implements Connection {
  readonly server: string
  readonly name: string
  readonly namespace: string | undefined
  readonly #options: ConnectOptions
  readonly #agent: http.Agent
  #config: KubeConfig | undefined
  #current: { at: number; authorization: Promise<Authorization> } | undefined

  constructor(config: KubeConfig, options: ConnectOptions) {
    this.#config = config
    this.#options = options
    this.server = config.getCurrentCluster()!.server.replace(/\/+$/, '')
    this.name = config.getCurrentContext()
    this.namespace = config.getContextObject(this.name)?.namespace
    this.#agent = makeAgent(this.server)
  }

  authorize(): Promise<Authorization> {
    const now = performance.now()
    if (this.#current === undefined || now - this.#current.at > KEEP_MS) {
      const authorization = this.#authorize()
      this.#current = { at: now, authorization }
      authorization.catch(() => this.expire())
    }
    return this.#current.authorization
  }

  expire(): void {
    this.#current = undefined
    this.#config = undefined
  }

  close(): void {
    this.#agent.destroy()
  }

  async #authorize(): Promise<Authorization> {
    this.#config ??= load(this.#options)
    const options: https.RequestOptions = {}
    await this.#config.applyToHTTPSOptions(options)
    const headers: OutgoingHttpHeaders = { ...(options.headers as OutgoingHttpHeaders | undefined) }
    if (typeof options.auth === 'string') {
      headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
    }
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options
    const tls = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }
    const given = Object.entries(tls).filter(([, value]) => value !== undefined && value !== null)
    // Behind a proxy only the agent that KubeConfig made knows the way.
    const proxied = this.#config.getCurrentCluster()?.proxyUrl !== undefined
    if (proxied && options.agent instanceof http.Agent) Object.assign(options.agent, { keepAlive: true })
    const agent = proxied ? options.agent : this.#agent
    return { headers, options: { ...Object.fromEntries(given), agent } }
  }
}

/** One agent for everything, so that requests share connections. */
function makeAgent(server: string): http.Agent {
  const options = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 16, scheduling: 'lifo' as const }
  return server.startsWith('http:') ? new http.Agent(options) : new https.Agent(options)
}
