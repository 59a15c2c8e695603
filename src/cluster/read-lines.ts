/** Splits a body into lines as they come. */

/**
 * Yields the whole lines of each chunk together, as bytes. A consumer that takes its time pauses the stream. `waiting` is told when
 * data is awaited and when it came, for a watchdog that must not count the consumer's time.
 */
export async function* readLines(
  body: AsyncIterable<unknown>,
  waiting: (isWaiting: boolean) => void,
): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = []
  waiting(true)
  for await (const data of body) {
    waiting(false)
    const chunk = data as Buffer
    const lines: Buffer[] = []
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const part = chunk.subarray(start, end)
      lines.push(rest.length === 0 ? part : Buffer.concat([...rest, part]))
      rest = []
      start = end + 1
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
    yield lines
    waiting(true)
  }
  waiting(false)
}
