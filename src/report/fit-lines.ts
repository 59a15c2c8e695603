/** The first lines that fit into so many characters with their line breaks; the last one then counts the rest. */
export function fitLines(lines: readonly string[], max: number): string[] {
  const room = max - 20
  const kept: string[] = []
  let size = 0
  for (const line of lines) {
    size += line.length + 1
    if (size > room) return [...kept, `and ${lines.length - kept.length} more`]
    kept.push(line)
  }
  return kept
}

/** At most so many characters, with no half of one at the end. */
export function clip(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
