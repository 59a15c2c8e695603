import { createHmac } from 'node:crypto'
import type { Secret } from '../model/secret.ts'
import { stringifyJson } from '../object/json.ts'
import { post } from './post.ts'
import type { ViolationProvider } from './provider.ts'

export interface WebhookOptions {
  url: Secret
  /** Signs the body where given. */
  secret?: Secret
}

/** One POST a violation: its JSON, with `X-GitOps-Guard-Signature: sha256=<HMAC-SHA256 of the body in hex>`. */
export function webhook({ url, secret }: WebhookOptions): ViolationProvider {
  return {
    takes: 'violations',
    parallel: 8,
    async send(violation, signal) {
      const body = stringifyJson(violation)
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        'x-gitops-guard-delivery': violation.id,
      }
      if (secret !== undefined) headers['x-gitops-guard-signature'] = sign(body, await secret.read())
      await post({ url: await url.read(), body, headers, signal })
    },
  }
}

function sign(body: string, key: string): string {
  return `sha256=${createHmac('sha256', key).update(body).digest('hex')}`
}
