/** What `diff` found as a comment below a pull request: what merging it changes in the cluster. */
import { readableChanges } from '../drift/changeset.ts'
import type { FieldChange } from '../model/path.ts'
import { formatRef } from '../object/identity.ts'
import { escapeText } from '../object/text.ts'
import { escapeHtml } from '../report/escape-html.ts'
import type { Row, Status } from './diff.ts'

/** GitHub takes 65,536 characters in a comment, GitLab 1,000,000, Bitbucket 32,768: what fits all three. */
const MOST = 32_000
const TITLES: { readonly [status in Exclude<Status, 'inSync'>]: string } = {
  missing: 'created',
  modified: 'changed',
  undeclared: 'no longer declared',
  pending: 'waiting for a namespace or a kind',
  invalid: 'refused by the API server',
  unattainable: 'with fields that the API server drops',
}
const ORDER = Object.keys(TITLES) as (keyof typeof TITLES)[]

/** A problem that keeps something from being compared. */
export interface Problem {
  file: string
  line: number
  message: string
}

/** Markdown, whole: what does not fit is counted, not cut. The first line marks it, for those who update their comment. */
export function diffMarkdown(
  sources: readonly { name: string; revision: string }[],
  rows: readonly Row[],
  problems: readonly Problem[],
): string {
  const differing = rows.filter(({ status }) => status !== 'inSync')
  const names = sources.map(({ name, revision }) => `${inline(name)} at ${inline(revision.slice(0, 12))}`)
  const head = [
    '<!-- gitops-guard diff -->',
    `### ${headline(differing, problems)}`,
    '',
    `${names.join(', ')}, ${rows.length - differing.length} of ${rows.length} objects as in the cluster.`,
  ]
  for (const { file, line, message } of problems)
    head.push('', `**Cannot be used:** ${inline(`${file}:${line}`)}: ${inline(message)}`)
  const parts: string[] = []
  let length = head.join('\n').length
  const sorted = differing.toSorted((a, b) => rank(a) - rank(b))
  for (const [index, row] of sorted.entries()) {
    const part = section(row)
    if (length + part.length > MOST) {
      parts.push(`\n…and ${sorted.length - index} more objects: \`gitops-guard diff\` prints them all.`)
      break
    }
    length += part.length
    parts.push(part)
  }
  return [...head, ...parts].join('\n')
}

function headline(differing: readonly Row[], problems: readonly Problem[]): string {
  const counts = ORDER.map((status) => ({
    status,
    count: differing.filter((row) => row.status === status).length,
  }))
  const found = counts
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${TITLES[status]}`)
  if (problems.length > 0) found.push(`${problems.length} not usable`)
  return found.length === 0 ? 'Nothing changes in the cluster' : `In the cluster: ${found.join(', ')}`
}

function rank({ status }: Row): number {
  return ORDER.indexOf(status as keyof typeof TITLES)
}

function section({ ref, status, origin, message, changes }: Row): string {
  const title = status === 'inSync' ? '' : TITLES[status]
  const place = origin === undefined ? undefined : `${origin.file}:${origin.line}`
  const notes = [message, place].filter((note) => note !== undefined).map(inline)
  const lines = [
    `\n<details><summary>${title}: ${htmlCode(formatRef(ref))}</summary>`,
    '',
    notes.join(' · '),
    '',
  ]
  if (changes.length > 0) lines.push('```diff', ...changes.map(turned).flatMap(marked), '```', '')
  return [...lines, '</details>'].join('\n')
}

/** What live did to Git's state, seen from the cluster: what Git will do to live. */
function turned({ path, op, before, after }: FieldChange): FieldChange {
  return {
    path,
    op: op === 'add' ? 'remove' : op === 'remove' ? 'add' : 'replace',
    ...(after === undefined ? {} : { before: after }),
    ...(before === undefined ? {} : { after: before }),
  }
}

/** `!` has a colour of its own in a `diff` block. A fence cannot close itself: a line never begins with one. */
function marked(change: FieldChange): string[] {
  return readableChanges([change]).map((line) => (/^[+-] /.test(line) ? line : `! ${line}`))
}

/** As code, whatever is in it. */
function inline(text: string): string {
  return `\`${escapeText(text, 1000).replaceAll('`', 'ˋ')}\``
}

/** The same inside HTML. In code nobody is mentioned. */
function htmlCode(text: string): string {
  return `<code>${escapeHtml(escapeText(text, 500))}</code>`
}
