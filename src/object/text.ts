/**
 * Control and format characters (terminal escapes, line ends, what turns the direction of text), what cannot be seen,
 * and halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu

/** Nearly all text is, and costs a tenth to look at. */
const PLAIN = /^[\x20-\x7e]*$/

const SHORT: { readonly [character: string]: string } = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * Text from outside made harmless for a terminal, a log line and a message: what cannot be seen is written out
 * (`\u001b`), and at most `max` UTF-16 units are left, the last an ellipsis where something was cut off.
 */
export function escapeText(text: string, max = 1024): string {
  if (text.length <= max && PLAIN.test(text)) return text
  const visible = text.slice(0, max + 1).replace(UNSAFE, written)
  if (visible.length <= max && text.length <= max) return visible
  const kept = visible.slice(0, Math.max(max - 1, 0))
  return `${endsInHalf(kept) ? kept.slice(0, -1) : kept}…`
}

function written(character: string): string {
  const code = character.codePointAt(0)!
  if (code > 0xffff) return `\\u{${code.toString(16)}}`
  return SHORT[character] ?? `\\u${code.toString(16).padStart(4, '0')}`
}

function endsInHalf(text: string): boolean {
  const code = text.charCodeAt(text.length - 1)
  return code >= 0xd800 && code <= 0xdbff
}
