import { stripVTControlCharacters, styleText } from 'node:util'
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
  const lines = [
    style('bold', title),
    ...wrap(summary, width - 2),
    ...facts.flatMap(({ label, text }) => wrap(`${style('dim', `${label}:`)} ${text}`, width - 2)),
    ...[...changes, ...(objects ?? [])]
      .flatMap((line) => wrap(`  ${line}`, width - 2))
      .map((line) => style(signOf(line), line)),
    ...(reason?.split('\n').flatMap((line) => wrap(line, width - 2)) ?? []),
    style(STYLES[tone], outcome),
    ...wrap(footer(message), width - 2).map((line) => style('dim', line)),
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
    if (stripVTControlCharacters(joined).length <= width || line === '') line = joined
    else {
      lines.push(line)
      line = word
    }
    while (stripVTControlCharacters(line).length > width) {
      lines.push(line.slice(0, width))
      line = line.slice(width)
    }
  }
  return [...lines, line]
}
