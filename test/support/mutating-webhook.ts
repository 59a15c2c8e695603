/** A mutating webhook that a real API server calls. */
import { startReviewWebhook, type ReviewWebhook } from './review-webhook.ts'

/** One operation of a JSON patch (RFC 6902). */
export interface PatchOperation {
  op: 'add' | 'replace' | 'remove'
  path: string
  value?: unknown
}

export interface MutatingWebhook extends ReviewWebhook {
  /** Reviews answered. */
  readonly calls: number
}

/** Answers each review with the patch that `mutate` makes of its object. */
export async function startMutatingWebhook(
  mutate: (object: { metadata: { name: string } }) => PatchOperation[],
): Promise<MutatingWebhook> {
  let calls = 0
  const webhook = await startReviewWebhook(({ object }) => {
    calls++
    const patch = Buffer.from(JSON.stringify(mutate(object))).toString('base64')
    return { allowed: true, patchType: 'JSONPatch', patch }
  })
  return {
    ...webhook,
    get calls() {
      return calls
    },
  }
}
