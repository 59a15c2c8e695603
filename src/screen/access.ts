/** Who may see what names people: on the HTTP port, which anybody in the cluster's network may reach. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'

/** Somebody who may look. */
export interface Viewer {
  name: string
  how: 'loopback' | 'token' | 'proxy'
}

export interface Refusal {
  status: 401 | 403 | 429 | 503
  message: string
}

export interface AccessOptions {
  /** A process on this machine needs no token. */
  loopback: boolean
  /** A proxy that says in a header who it let in, and the addresses that it comes from. */
  trustedProxy?: { header: string; from: readonly string[] }
  /** The guard's own token for its screen, where there is one. */
  isViewToken(token: string): boolean | Promise<boolean>
  /** Who bears a token of the cluster, and whether he may see violations. Undefined for a token of nobody. @throws where it cannot be asked. */
  review(token: string): Promise<{ name: string; allowed: boolean } | undefined>
}

/** Besides `Authorization: Bearer`, which the API server's proxy takes off. */
export const TOKEN_HEADER = 'x-gitops-guard-token'

/** A reviewed token is believed for so long, in milliseconds; one of nobody, too. */
const REMEMBER_MS = 30_000
const REMEMBERED = 1000
/** Questions to the API server at a time: whoever reaches the port may ask. */
const REVIEWS = 8
const LONGEST_TOKEN = 16_384
/** A proxy on this machine (a sidecar) is not the person behind it. */
const FORWARDED = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-envoy-external-address',
  'x-real-ip',
]

/** Lets in: this machine itself, the bearer of a good token, and whom a trusted proxy names. */
export class Access {
  readonly #options: AccessOptions
  readonly #proxies = new BlockList()
  readonly #known = new Map<string, { until: number; answer: Viewer | Refusal }>()
  #reviews = 0

  /** @throws Error for an address that is none. */
  constructor(options: AccessOptions) {
    this.#options = options
    for (const range of options.trustedProxy?.from ?? []) addRange(this.#proxies, range)
  }

  async of(request: Pick<IncomingMessage, 'headers' | 'socket'>): Promise<Viewer | Refusal> {
    const token = tokenOf(request)
    if (token !== undefined) return await this.#bearer(token)
    const named = this.#named(request)
    if (named !== undefined) return { name: named, how: 'proxy' }
    if (this.#options.loopback && isLocal(request)) return { name: 'this machine', how: 'loopback' }
    return { status: 401, message: 'a token is needed' }
  }

  #named({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): string | undefined {
    const { trustedProxy } = this.#options
    if (trustedProxy === undefined) return undefined
    const address = plainAddress(socket.remoteAddress)
    const value = headers[trustedProxy.header.toLowerCase()]
    if (typeof value !== 'string' || value === '' || address === undefined) return undefined
    return this.#proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') ? value.slice(0, 256) : undefined
  }

  async #bearer(token: string): Promise<Viewer | Refusal> {
    if (token.length > LONGEST_TOKEN) return { status: 401, message: 'that is no token' }
    const key = createHash('sha256').update(token).digest('base64')
    const known = this.#known.get(key)
    if (known !== undefined && known.until > Date.now()) return known.answer
    this.#known.delete(key)
    if (this.#reviews >= REVIEWS) return { status: 429, message: 'too many ask at a time' }
    this.#reviews++
    try {
      const answer = await this.#ask(token)
      this.#known.set(key, { until: Date.now() + REMEMBER_MS, answer })
      if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!)
      return answer
    } catch {
      return { status: 503, message: 'the API server cannot be asked about the token' }
    } finally {
      this.#reviews--
    }
  }

  async #ask(token: string): Promise<Viewer | Refusal> {
    if (await this.#options.isViewToken(token)) return { name: 'the view token', how: 'token' }
    const found = await this.#options.review(token)
    if (found === undefined) return { status: 401, message: 'the token is nobody’s' }
    if (found.allowed) return { name: found.name, how: 'token' }
    return {
      status: 403,
      message: `${found.name} may not get violations.gitops-guard.dev: the ClusterRole gitops-guard-view lets people`,
    }
  }
}

function tokenOf({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const own = headers[TOKEN_HEADER]
  if (typeof own === 'string' && own !== '') return own
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
}

/**
 * From this machine, asked for by its name: a page of another site that a browser here shows has that site's name in `Host`, even
 * where its address was made to lead here.
 */
function isLocal({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): boolean {
  const address = plainAddress(socket.remoteAddress)
  if (address !== '127.0.0.1' && address !== '::1') return false
  if (FORWARDED.some((name) => headers[name] !== undefined)) return false
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(headers.host ?? '')
}

/** An IPv4 address on a socket that takes both is written as an IPv6 one. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '')
}

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/')
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  try {
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  } catch (error) {
    throw new Error(`${range} is no address and no range of addresses`, { cause: error })
  }
}
