/** Control characters, and those that turn the direction of text or cannot be seen. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g

/**
 * Text from outside made harmless for a terminal, a log line and a message: what cannot be seen is written out
 * (`\u001b`), and at most `max` characters are left.
 */
export function escapeText(text: string, max = 1024): string {
  const visible = text.slice(0, max * 2).replace(UNSAFE, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return visible.length > max || text.length > max * 2 ? `${visible.slice(0, max - 1)}…` : visible
}
