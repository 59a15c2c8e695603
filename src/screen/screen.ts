import type { Express, NextFunction, Request, Response } from 'express'
import type { Violation } from '../model/violation.ts'
import { stringifyJson } from '../object/json.ts'
import { commitLink, fileLink } from '../report/git-links.ts'
import { Access, type AccessOptions, type Refusal, type Viewer } from './access.ts'
import { activityOf, type Activity } from './activity.ts'
import { Environments, type Environment } from './environments.ts'
import type { GuardFacts, ProgressFacts } from './facts.ts'
import { findObjects } from './find-objects.ts'
import { Live } from './live.ts'
import { servePage } from './page-files.ts'
import { answerViolations, type ViolationReader } from './violations-route.ts'

/** What the configuration says of the screen. */
export interface ScreenSettings {
  access: AccessOptions
  /** Of this cluster; '' for none. */
  name: string
  environments: readonly Environment[]
  /** The page and what it asks for; `/violations` is there without it. */
  dashboard: boolean
}

export interface ScreenOptions extends ScreenSettings {
  violations: ViolationReader & {
    count: number
    listen(listener: (violation: Violation) => void): () => void
  }
  facts: GuardFacts
  onError(error: unknown): void
}

/** Readings of the history at a time: each goes through files. */
const READINGS = 4
const ROWS = 200
const MOST_ROWS = 1000
const PROGRESS_MS = 5000
const DAY_MS = 24 * 3600_000

/** What the guard shows to people over HTTP; read-only. Health and metrics are not among it: they need no token. */
export class Screen {
  readonly #options: ScreenOptions
  readonly #live: Live
  readonly #progress = new Map<string, { at: number; answer: Promise<ProgressFacts | undefined> }>()
  #settings: ScreenSettings
  #access: Access
  #environments: Environments
  #activity: { key: string; answer: Promise<Activity> } | undefined
  #readings = 0

  /** @throws Error for a trusted proxy whose address is none. */
  constructor(options: ScreenOptions) {
    this.#options = options
    this.#settings = options
    this.#access = new Access(options.access)
    this.#environments = new Environments(options.environments)
    const { facts, violations } = options
    this.#live = new Live({
      stamp: () => stampOf(facts),
      listen: (listener) => violations.listen(listener),
    })
  }

  /** Another configuration is in force. @throws Error for an address that is none; what was before stays. */
  reconfigure(settings: ScreenSettings): void {
    this.#access = new Access(settings.access)
    this.#environments = new Environments(settings.environments)
    this.#settings = settings
  }

  addTo(app: Express): void {
    const { violations, facts } = this.#options
    const violationsRoute = [
      this.admitted,
      this.#fewAtATime,
      (request: Request, response: Response) => answerViolations(violations, request, response),
    ]
    app.get('/violations', ...violationsRoute)
    app.use(['/api', '/index.html', /^\/$/], (_request, response, next) => {
      if (this.#settings.dashboard) next()
      else response.status(404).type('text').send('the dashboard is turned off\n')
    })
    servePage(app)
    app.use('/api', this.admitted, (_request, response, next) => {
      response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
      next()
    })
    app.get('/api/violations', ...violationsRoute)
    app.get('/api/live', (request, response) => this.#live.answer(request, response))
    app.get('/api/overview', async (_request, response) => json(response, await this.#overview()))
    app.get('/api/objects', (request, response) => {
      const { q, status, limit } = request.query
      const words = typeof q === 'string' ? q.slice(0, 500).split(/\s+/).filter(Boolean) : []
      const rows = Math.min(MOST_ROWS, Math.max(1, Number(limit) || ROWS))
      const wanted = typeof status === 'string' && status !== '' ? { status } : {}
      json(response, findObjects(facts.objects(), { words, limit: rows, ...wanted }))
    })
    app.get('/api/object', (request, response) => {
      const text = (name: string) => String(request.query[name] ?? '')
      const ref = {
        group: text('group'),
        kind: text('kind'),
        namespace: text('namespace'),
        name: text('name'),
      }
      const found = facts.object(ref)
      if (found === undefined)
        return void response.status(404).type('text').send('Git declares no such object\n')
      const { repository, origin } = found
      const place = repository === undefined || origin === undefined ? undefined : { repository, origin }
      json(response, {
        ...found,
        fileLink: place && fileLink(place.repository, place.origin),
        commitLink: place && commitLink(place.repository, place.origin.revision),
      })
    })
    app.get('/api/activity', this.#fewAtATime, async (request, response) => {
      const ms = Number(request.query['ms'] ?? DAY_MS)
      if (!Number.isFinite(ms) || ms < 60_000 || ms > 31 * DAY_MS)
        return void response.status(400).type('text').send('ms must be from a minute to 31 days\n')
      json(response, await this.#activityOf(ms))
    })
    app.get('/api/environments', async (_request, response) =>
      json(response, await this.#environments.read()),
    )
  }

  close(): void {
    this.#live.close()
  }

  async #overview() {
    const { facts } = this.#options
    const overview = facts.overview()
    const sources = await Promise.all(
      overview.sources.map(async (source) => {
        const { repository, revision } = source
        const link = commitLink(repository, revision)
        const progress = await this.#progressOf(source.name)
        return {
          ...source,
          ...(link === undefined ? {} : { link }),
          ...(progress === undefined ? {} : { progress }),
        }
      }),
    )
    const { name, environments } = this.#settings
    return { ...overview, sources, name, environments: environments.length, time: new Date().toISOString() }
  }

  /** The API server is asked at most every few seconds, however many look; and not waited for when it is slow. */
  #progressOf(source: string): Promise<ProgressFacts | undefined> {
    const known = this.#progress.get(source)
    if (known !== undefined && Date.now() - known.at < PROGRESS_MS) return known.answer
    const asked = this.#options.facts.progress(source).catch((error: unknown) => {
      this.#options.onError(error)
      return undefined
    })
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 300).unref())
    const answer = Promise.race([asked, late.then(() => known?.answer)])
    this.#progress.set(source, { at: Date.now(), answer })
    return answer
  }

  /** Many who look at the same cost one reading, until something else happens. */
  #activityOf(ms: number): Promise<Activity> {
    const { violations } = this.#options
    const minute = Math.floor(Date.now() / 60_000)
    const key = `${ms} ${minute} ${violations.count}`
    if (this.#activity?.key !== key) {
      const to = Date.now()
      const from = to - ms
      this.#activity = { key, answer: activityOf(violations.read({ since: from }), { from, to }) }
      this.#activity.answer.catch(() => (this.#activity = undefined))
    }
    return this.#activity.answer
  }

  /** Lets those go on who may see what names people, and answers the others. */
  readonly admitted = async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const answer = await this.#access.of(request)
    if (isViewer(answer)) return next()
    const { status, message } = answer
    if (status === 401) response.set('WWW-Authenticate', 'Bearer realm="gitops-guard"')
    if (status === 429 || status === 503) response.set('Retry-After', '1')
    response.status(status).type('text').send(`${message}\n`)
  }

  readonly #fewAtATime = (_request: Request, response: Response, next: NextFunction): void => {
    if (this.#readings >= READINGS) return void response.status(429).set('Retry-After', '1').end()
    this.#readings++
    response.once('close', () => this.#readings--)
    next()
  }
}

function json(response: Response, value: unknown): void {
  response.type('json').send(stringifyJson(value))
}

function stampOf(facts: GuardFacts): string {
  const { ready, degraded, conditions, sources, objects, waiting, exceptions } = facts.overview()
  const wrong = conditions.filter(({ ok }) => !ok).map(({ name }) => name)
  const revisions = sources.map(({ name, revision, lastError }) => [name, revision, lastError])
  return stringifyJson([ready, degraded, wrong, revisions, objects, waiting, exceptions])
}

function isViewer(answer: Viewer | Refusal): answer is Viewer {
  return 'how' in answer
}
