/** Where a long step says how far it is: one line of text at a time. */
export type Progress = (line: string) => void

/** Waits for `work`, and meanwhile says `line(seconds so far)` every few seconds. */
export async function withProgress<T>(
  work: Promise<T>,
  {
    progress,
    line,
    everyMs = 5000,
  }: { progress: Progress; line: (seconds: number) => string; everyMs?: number },
): Promise<T> {
  const start = Date.now()
  const timer = setInterval(() => progress(line(Math.round((Date.now() - start) / 1000))), everyMs)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
