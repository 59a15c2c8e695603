import type { IncomingHttpHeaders } from 'node:http'
import { verifyPush } from './push.ts'
import type { GitAnswer } from '../telemetry/http.ts'
import type { Core } from './core.ts'

/** Answers a push notification: the sources of its repository are read now, if it is signed. */
export async function answerPush(
  core: Core | undefined,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<GitAnswer> {
  const secret = core?.settings.config.gitWebhook?.secret
  if (core === undefined || secret === undefined)
    return { status: 404, message: 'no gitWebhook is configured' }
  const push = verifyPush(headers, body, await secret.read())
  if ('refused' in push) return { status: 403, message: push.refused }
  const sources = core.pushed(push.urls)
  return {
    status: 202,
    message: sources.length > 0 ? `reading ${sources.join(', ')}` : 'no source is there',
  }
}
