import { createRequire } from 'node:module'
import type * as library from 'adaptivecards'
import type { SerializableObject, Version } from 'adaptivecards'

type Library = typeof library
type Any = { [key: string]: unknown }

// The package's modules are for bundlers; this file of it runs as it is. Only showing a card takes a browser.
const cards = createRequire(import.meta.url)('adaptivecards/dist/adaptivecards.js') as Library

/** What the library reads without its being in its schema, and what Teams and editors add to a card. */
const BESIDES: { readonly [type: string]: readonly string[] } = {
  AdaptiveCard: ['body', 'actions', '$schema', 'msteams'],
  RichTextBlock: ['inlines'],
  Table: ['rows'],
  TextRun: ['type'],
}

/**
 * What Microsoft's own library says against a card of this version: elements and properties that the schema of that version does not
 * have, values that are none, properties that are missing. Empty for a card that it takes without a word.
 */
export function adaptiveCardProblems(card: Any): string[] {
  const version = cards.Version.parse(String(card['version']), new cards.SerializationContext())
  if (version === undefined || !version.isValid) return ['no version']
  const context = new cards.SerializationContext(version)
  const parsed = new cards.AdaptiveCard()
  parsed.parse(card, context)
  const problems = Array.from({ length: context.eventCount }, (_, n) => context.getEventAt(n).message)
  for (const { message } of parsed.validateProperties().validationEvents) problems.push(message)
  return [...problems, ...unknownProperties(card, parsed, version), ...inside(card, version)]
}

/** Of all elements and actions: the library lets properties pass that it does not know. */
function inside(value: unknown, version: Version): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    if (key === 'msteams' || typeof inner !== 'object' || inner === null) return []
    const known = instanceOf((inner as Any)['type'], version)
    return [
      ...(known === undefined ? [] : unknownProperties(inner as Any, known, version)),
      ...inside(inner, version),
    ]
  })
}

function instanceOf(type: unknown, version: Version) {
  if (typeof type !== 'string') return undefined
  if (type === 'TextRun') return new cards.TextRun()
  const { elements, actions } = cards.GlobalRegistry
  return elements.createInstance(type, version) ?? actions.createInstance(type, version)
}

function unknownProperties(object: Any, known: SerializableObject, version: Version): string[] {
  const type = String(object['type'])
  const schema = known.getSchema()
  const properties = Array.from({ length: schema.getCount() }, (_, n) => schema.getItemAt(n))
  const names = properties
    .filter(({ targetVersion }) => targetVersion.compareTo(version) <= 0)
    .map(({ name }) => name)
  return Object.keys(object)
    .filter((key) => !names.includes(key) && !BESIDES[type]?.includes(key))
    .map((key) => `${type}.${key} is unknown in ${version.toString()}`)
}
