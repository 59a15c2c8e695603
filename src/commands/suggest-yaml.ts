import { Document, type YAMLMap, type YAMLSeq } from 'yaml'
import { formatRef } from '../object/identity.ts'
import { escapeText } from '../object/text.ts'
import type { Evidence, Suggestions } from '../policy/suggest.ts'

/** The suggestions as parts of a configuration, with what speaks for each as comments; '' where there is nothing to say. */
export function suggestionsAsYaml(suggestions: Suggestions): string {
  const { presets, allowances, agents, refused } = suggestions
  const document = new Document({})
  const root = document.contents as YAMLMap
  root.flow = false
  const add = (section: string, items: { value: object; comment: string[] }[]) => {
    if (items.length === 0) return
    const list = document.createNode(items.map(({ value }) => value)) as YAMLSeq<YAMLMap>
    for (const [index, item] of list.items.entries()) {
      item.commentBefore = items[index]!.comment.map((line) => ` ${escapeText(line, 400)}`).join('\n')
      for (const key of ['actors', 'objects'])
        for (const part of [item.get(key)]) if (part !== undefined) (part as YAMLMap).flow = true
    }
    root.set(section, list)
  }
  add(
    'agents',
    agents.map(({ preset, title, users, evidence }) => ({
      value: { preset },
      comment: [`${users.join(', ')}: ${title} brings Git's state in`, told(evidence)],
    })),
  )
  add('allow', [
    ...presets.map(({ name, title, users, evidence }) => ({
      value: { preset: name },
      comment: [`${title}, as ${users.join(', ')}`, told(evidence)],
    })),
    ...allowances.map(({ name, reason, users, kinds, namespaces, names, fields, ops, evidence }) => ({
      value: {
        name,
        reason,
        actors: { users },
        objects: { kinds, ...(namespaces === undefined ? {} : { namespaces }), names },
        fields,
        ...(ops === undefined ? {} : { ops }),
      },
      comment: [told(evidence)],
    })),
  ])
  const text = root.items.length === 0 ? '' : document.toString({ lineWidth: 0 })
  const notes = refused.map(
    ({ user, kind, what, why, evidence }) =>
      `# ${escapeText(`${user}: ${kind} ${what}: not proposed, as ${why} (${told(evidence)})`, 600)}\n`,
  )
  return text + notes.join('')
}

/** `14 times, last 2026-11-24T12:00:00Z, such as Deployment shop/web`. */
export function told({ count, last, example }: Evidence): string {
  const when = new Date(last).toISOString().replace(/\.\d+Z$/, 'Z')
  const [kind = '', group = ''] = example.kind.split('/').toReversed()
  return `seen ${count === 1 ? 'once' : `${count} times, last`} ${when}, such as ${formatRef({ ...example, group, kind })}`
}
