/** One at a time for each name, in the order of the calls. */
const running = new Map<string, Promise<unknown>>()

/** Runs `work` when all that was given for `name` before has ended. */
export async function exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = running.get(name) ?? Promise.resolve()
  const mine = before.then(work)
  const ended = mine.then(
    () => undefined,
    () => undefined,
  )
  running.set(name, ended)
  try {
    return await mine
  } finally {
    if (running.get(name) === ended) running.delete(name)
  }
}
