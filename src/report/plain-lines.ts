import type { Message } from './message.ts'

/** A message as plain text, for what shows nothing else. */
export function plainLines(message: Message): string[] {
  const { title, summary, facts, changes, objects, reason, outcome } = message
  return [
    title,
    summary,
    ...facts.map(({ label, text }) => `${label}: ${text}`),
    ...changes.map((line) => `  ${line}`),
    ...(objects ?? []).map((line) => `  ${line}`),
    ...(reason?.split('\n') ?? []),
    outcome,
    footer(message),
  ]
}

/** Where in Git, which ids, when. */
export function footer({ file, commit, ids, from, to }: Message): string {
  const place = file === undefined ? '' : `${file.text}${commit === undefined ? '' : ` at ${commit.text}`} · `
  const more = ids.length > 3 ? ` and ${ids.length - 3} more` : ''
  return `${place}id ${ids.slice(0, 3).join(' ')}${more} · ${from === to ? from : `${from} to ${to}`}`
}
