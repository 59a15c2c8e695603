/**
 * Text for a terminal, a header and a log: every control character but a line break is shown by its code, as are the
 * characters that turn the direction of text or have no width. Names and users come from outside; an escape sequence
 * in one would otherwise rewrite the lines around it.
 */
export function plainText(text: string): string {
  if (PLAIN.test(text)) return text
  return text
    .toWellFormed()
    .replaceAll(HIDDEN, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`)
}

/** Nearly all text is, and costs a tenth to look at. */
const PLAIN = /^[\n\x20-\x7e]*$/

/** Cc and Cf, and the line and paragraph separators. */
const HIDDEN = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
