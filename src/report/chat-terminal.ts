import { styleText } from 'node:util'
import type { Message } from './message.ts'
import { footer } from './plain-lines.ts'
import type { Tone } from './words.ts'

const STYLES: { readonly [tone in Tone]: 'red' | 'yellow' | 'green' | 'blue' } = {
  bad: 'red',
  warning: 'yellow',
  good: 'green',
  info: 'blue',
}

/** A message as a chat would show it, in a terminal: lines of at most `width` characters beside a coloured bar. */
export function renderMessage(message: Message, options: { width?: number; color?: boolean } = {}): string {
  const { width = 100, color = true } = options
  const { title, summary, facts, changes, objects, reason, outcome, tone } = message
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text
  const bar = style(STYLES[tone], '┃')
  const room = width - 2
  const listed = [...changes, ...(objects ?? [])].flatMap((line) =>
    wrap(line, room - 2).map((part) => `  ${part}`),
  )
  const lines = [
    ...wrap(title, room).map((line) => style('bold', line)),
    ...wrap(summary, room),
    ...facts.flatMap(({ label, text }) =>
      wrap(`${label}: ${text}`, room).map((line) =>
        line.replace(/^[A-Z][a-z ]+:/, (found) => style('dim', found)),
      ),
    ),
    ...listed.map((line) => style(signOf(line), line)),
    ...(reason?.split('\n').flatMap((line) => wrap(line, room)) ?? []),
    ...wrap(outcome, room).map((line) => style(STYLES[tone], line)),
    ...wrap(footer(message), room).map((line) => style('dim', line)),
  ]
  return lines.map((line) => `${bar} ${line}`).join('\n')
}

function signOf(line: string): 'green' | 'red' | 'reset' {
  if (/^\s*\+ /.test(line)) return 'green'
  return /^\s*- /.test(line) ? 'red' : 'reset'
}

/** Breaks at spaces where there are any. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (joined.length <= width) line = joined
    else {
      if (line !== '') lines.push(line)
      line = word
    }
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width))
  }
  return [...lines, line]
}
