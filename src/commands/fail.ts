/** Says what went wrong on standard error, causes too, and gives the exit code of an error: 2. */
export function fail(error: unknown): number {
  for (let cause: unknown = error, depth = 0; cause !== undefined && depth < 5; depth++) {
    const text = cause instanceof Error ? cause.message : String(cause)
    console.error(depth === 0 ? `gitops-guard: ${text}` : `  because ${text}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return 2
}
