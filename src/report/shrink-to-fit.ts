/** How much of a message's long parts is shown: 1 is all that has a place, 0 the least that still says what happened. */
const SHARES = [1, 0.6, 0.3, 0.1]

/**
 * The fullest rendering that the chat takes. Limits of single fields are kept by who renders; what a whole message may weigh depends on
 * its text (an escaped quote is six bytes, a character of Chinese three), so it is measured, not reckoned.
 *
 * @param render with share 0 what it returns must be within the limit whatever the message holds.
 */
export function shrinkToFit<T>(render: (share: number) => T, fits: (rendered: T) => boolean): T {
  for (const share of SHARES) {
    const rendered = render(share)
    if (fits(rendered)) return rendered
  }
  return render(0)
}

/** Bytes of a value as JSON in UTF-8: what is sent. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}
