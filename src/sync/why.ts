import { ApiError } from '../cluster/api-error.ts'

/** What went wrong, in the API server's own words where it said so. */
export function whyOf(error: unknown): string {
  if (error instanceof ApiError) return error.serverMessage
  return error instanceof Error ? error.message : String(error)
}
