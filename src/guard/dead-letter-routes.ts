import type { Express, RequestHandler } from 'express'
import type { DeadLetter } from '../report/dead-letters.ts'

export interface DeadLetterRoutes {
  /** Lets those go on who may see violations. */
  admitted: RequestHandler
  letters(): DeadLetter[]
  resend(id: string): boolean
}

/** Keeps pages of other sites that a browser on this machine shows from sending: they cannot set it without being asked first. */
const HEADER = 'x-gitops-guard-send'

/** `GET /dead-letters` lists what was given up, `POST /dead-letters/ID/send` sends one of them again: for whom violations are for. */
export function addDeadLetterRoutes(app: Express, { admitted, letters, resend }: DeadLetterRoutes): void {
  app.get('/dead-letters', admitted, (_request, response) => {
    const list = letters().map(({ id, provider, at, error, violations }) => ({
      id,
      provider,
      at,
      error,
      violations: violations.map((one) => one.id),
    }))
    response.set('Cache-Control', 'no-store').json({ deadLetters: list })
  })
  app.post('/dead-letters/:id/send', admitted, (request, response) => {
    if (request.headers[HEADER] === undefined)
      return void response.status(403).type('text').send(`${HEADER} is missing\n`)
    if (resend(String(request.params['id'])))
      return void response.status(202).json({ sent: request.params['id'] })
    response.status(404).type('text').send('there is none of this id, or its target is no more\n')
  })
}
