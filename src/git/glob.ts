/** Patterns with `*`, `?` and `[...]`, as Go's path.Match has them, for names and values: `*` is any run of characters. */

/** Of the whole text; undefined for a pattern that is broken. */
export function compileGlob(pattern: string): RegExp | undefined {
  const source = sourceOf(pattern)
  return source === undefined ? undefined : new RegExp(`^${source}$`, 'su')
}

/**
 * Of a path, as Argo CD has them for directories (gobwas/glob with no separators): `*` is any run of characters, slashes too, and `{a,b}` is
 * either. A pattern that is broken matches nothing.
 */
export function compilePathGlob(pattern: string): RegExp {
  const source = sourceOf(pattern, true)
  return source === undefined ? /(?!)/ : new RegExp(`^${source}$`, 'su')
}

function sourceOf(pattern: string, braces = false): string | undefined {
  const characters = [...pattern]
  let source = ''
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    if (character === '*') source += '.*'
    else if (character === '?') source += '.'
    else if (braces && character === '{') source += '(?:'
    else if (braces && character === '}') source += ')'
    else if (braces && character === ',' && isInBraces(characters, at)) source += '|'
    else if (character === '[') {
      const set = setAt(characters, at + 1)
      if (set === undefined) return undefined
      source += set.source
      at = set.end
    } else if (character === '\\') {
      const escaped = characters[++at]
      if (escaped === undefined) return undefined
      source += literal(escaped)
    } else source += literal(character)
  }
  return source
}

function isInBraces(characters: readonly string[], at: number): boolean {
  const before = characters.slice(0, at)
  return before.lastIndexOf('{') > before.lastIndexOf('}')
}

function setAt(characters: readonly string[], from: number): { source: string; end: number } | undefined {
  let at = from
  const negated = characters[at] === '^'
  if (negated) at++
  const one = (): string | undefined => {
    const character = characters[at]
    if (character === undefined || character === '-' || character === ']') return undefined
    const taken = character === '\\' ? characters[++at] : character
    at++
    return taken
  }
  let ranges = ''
  for (let count = 0; count === 0 || characters[at] !== ']'; count++) {
    const low = one()
    if (low === undefined) return undefined
    let high: string | undefined = low
    if (characters[at] === '-') {
      at++
      high = one()
    }
    if (high === undefined) return undefined
    // A range that runs backwards holds nothing.
    if (low <= high) ranges += `${literal(low)}-${literal(high)}`
  }
  const inside = ranges === '' ? (negated ? '[^]' : '[]') : `[${negated ? '^' : ''}${ranges}]`
  return { source: inside, end: at }
}

function literal(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}
