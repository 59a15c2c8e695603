/** How the demo writes to a terminal: headings, what somebody typed, what came back. */
const colour = process.stdout.isTTY === true
const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)

export const bold = (text: string) => paint(1, text)
export const dim = (text: string) => paint(2, text)
export const green = (text: string) => paint(32, text)
export const red = (text: string) => paint(31, text)
export const cyan = (text: string) => paint(36, text)

export function heading(text: string): void {
  console.log(`\n${bold(text)}\n${dim('─'.repeat(Math.min(100, text.length)))}`)
}

/** A line of the story. */
export function say(text: string): void {
  console.log(text)
}

/** What somebody typed: `alice $ kubectl ...`. */
export function typed(who: string, command: string): void {
  console.log(`\n${cyan(who)} $ ${command}`)
}

/** Output of a command, indented so that it stands apart from the story. */
export function output(text: string): void {
  for (const line of text.trimEnd().split('\n')) console.log(`  ${line}`)
}

/** Rows in aligned columns. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  for (const [index, row] of rows.entries()) {
    const line = row.map((cell, column) => cell.padEnd(widths[column]!)).join('   ')
    console.log(`  ${index === 0 ? bold(line) : line}`.trimEnd())
  }
}
