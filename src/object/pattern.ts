/** A text in which `*` stands for any run of characters, taken apart once: the texts between the stars. */
export type Pattern = string | readonly string[]

export function compilePattern(text: string): Pattern {
  return text.includes('*') ? text.split('*') : text
}

/** Linear in the text, whatever the pattern: no backtracking that a long name could provoke. */
export function matches(pattern: Pattern, text: string): boolean {
  if (typeof pattern === 'string') return pattern === text
  const first = pattern[0]!
  const last = pattern.at(-1)!
  const end = text.length - last.length
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let from = first.length
  for (let index = 1; index < pattern.length - 1; index++) {
    const part = pattern[index]!
    const at = text.indexOf(part, from)
    if (at < 0 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}
