import type { Express, NextFunction, Request, Response } from 'express'
import { Access, type AccessOptions, type Refusal, type Viewer } from './access.ts'
import { answerViolations, type ViolationReader } from './violations-route.ts'

export interface ScreenOptions {
  access: AccessOptions
  violations: ViolationReader
}

/** Readings of the history at a time: each goes through files. */
const READINGS = 4

/** What the guard shows to people over HTTP; read-only. Health and metrics are not among it: they need no token. */
export class Screen {
  readonly #options: ScreenOptions
  #access: Access
  #readings = 0

  constructor(options: ScreenOptions) {
    this.#options = options
    this.#access = new Access(options.access)
  }

  /** Another configuration is in force. @throws Error for an address that is none; what was before stays. */
  reconfigure(access: AccessOptions): void {
    this.#access = new Access(access)
  }

  addTo(app: Express): void {
    const { violations } = this.#options
    app.get('/violations', this.#admitted, this.#fewAtATime, (request, response) =>
      answerViolations(violations, request, response),
    )
  }

  readonly #admitted = async (request: Request, response: Response, next: NextFunction): Promise<void> => {
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

function isViewer(answer: Viewer | Refusal): answer is Viewer {
  return 'how' in answer
}
