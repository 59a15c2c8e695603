/** A conversion webhook of a custom kind that a real API server calls. */
import { startReviewWebhook, type ReviewWebhook } from './review-webhook.ts'

export interface ConversionWebhook extends ReviewWebhook {
  /** Objects converted. */
  readonly calls: number
}

/** @param convert makes an object of another version one of this `apiVersion`. */
export async function startConversionWebhook<T>(
  convert: (object: T, apiVersion: string) => T,
): Promise<ConversionWebhook> {
  let calls = 0
  const webhook = await startReviewWebhook(({ desiredAPIVersion, objects }) => {
    calls += objects.length
    const convertedObjects = objects.map((object: T) => convert(object, desiredAPIVersion))
    return { convertedObjects, result: { status: 'Success' } }
  })
  return {
    ...webhook,
    get calls() {
      return calls
    },
  }
}
