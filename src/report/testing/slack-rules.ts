/** Slack's published rules for messages, as strict as Slack: an empty list for one that it takes. */

type Any = { [key: string]: unknown }

const TOP = ['text', 'blocks', 'channel', 'thread_ts', 'unfurl_links', 'unfurl_media', 'mrkdwn']

export function slackProblems(payload: unknown): string[] {
  const problems: string[] = []
  const say = (text: string) => problems.push(text)
  if (!isObject(payload)) return ['invalid_payload']
  for (const key of Object.keys(payload)) if (!TOP.includes(key)) say(`unknown argument ${key}`)
  const { text, blocks } = payload
  if (typeof text !== 'string' || text === '') say('no_text: blocks want a fallback text')
  else {
    if (text.length > 4000) say('text is longer than 4000')
    checkMarkup(text, 'text', say, false)
  }
  if (!Array.isArray(blocks) || blocks.length === 0) return [...problems, 'no blocks']
  if (blocks.length > 50) say('more than 50 blocks')
  // Not published: slackapi/bolt-js#2509 found it between 13,172 and 13,297 characters.
  const total = JSON.stringify(blocks).length
  if (total > 13_000) say(`msg_blocks_too_long: ${total}`)
  for (const [index, block] of blocks.entries()) checkBlock(block, `blocks[${index}]`, say)
  return problems
}

function checkBlock(block: unknown, place: string, say: (text: string) => void): void {
  if (!isObject(block)) return say(`${place} is no object`)
  switch (block['type']) {
    case 'header':
      only(block, ['type', 'text', 'block_id'], place, say)
      return checkText(block['text'], `${place}.text`, { max: 150, types: ['plain_text'] }, say)
    case 'section': {
      only(block, ['type', 'text', 'fields', 'block_id', 'accessory', 'expand'], place, say)
      const { text, fields } = block
      if (text === undefined && fields === undefined) say(`${place} has neither text nor fields`)
      if (text !== undefined) checkText(text, `${place}.text`, { max: 3000 }, say)
      if (fields === undefined) return
      if (!Array.isArray(fields) || fields.length < 1 || fields.length > 10)
        return say(`${place} has no 1 to 10 fields`)
      fields.forEach((field, index) => checkText(field, `${place}.fields[${index}]`, { max: 2000 }, say))
      return
    }
    case 'context': {
      only(block, ['type', 'elements', 'block_id'], place, say)
      const { elements } = block
      if (!Array.isArray(elements) || elements.length < 1 || elements.length > 10)
        return say(`${place} has no 1 to 10 elements`)
      elements.forEach((element, index) =>
        checkText(element, `${place}.elements[${index}]`, { max: 2000 }, say),
      )
      return
    }
    case 'divider':
      return only(block, ['type', 'block_id'], place, say)
    default:
      say(`${place} is of an unknown type`)
  }
}

function checkText(
  value: unknown,
  place: string,
  { max, types = ['plain_text', 'mrkdwn'] }: { max: number; types?: string[] },
  say: (text: string) => void,
): void {
  if (!isObject(value)) return say(`${place} is no text object`)
  const { type, text, emoji, verbatim } = value
  only(value, ['type', 'text', 'emoji', 'verbatim'], place, say)
  if (!types.includes(String(type))) say(`${place} must be ${types.join(' or ')}`)
  if (typeof text !== 'string' || text.length < 1) return say(`${place} is empty`)
  if (text.length > max) say(`${place} is longer than ${max}: ${text.length}`)
  if (type === 'mrkdwn' && emoji !== undefined) say(`${place}: emoji goes with plain_text only`)
  if (type === 'plain_text' && verbatim !== undefined) say(`${place}: verbatim goes with mrkdwn only`)
  if (type === 'mrkdwn') checkMarkup(text, place, say, verbatim === true)
}

/** Every `<` must begin a link of our own, every `&` an entity; no bare URL may become a link. */
function checkMarkup(text: string, place: string, say: (text: string) => void, verbatim: boolean): void {
  if (!text.isWellFormed()) say(`${place} holds half a character`)
  for (const [, inside] of text.matchAll(/<([^>]*)>?/g)) {
    const called = /^(@[UW]|!subteam\^S)[A-Z0-9]+$/.test(inside!) && /^(<[@!][^>]*> ?)+$/.test(text)
    if (!called && !/^https?:\/\/[^|<>\s]+\|[^|<>]+$/.test(inside!)) say(`${place} holds <${inside}>`)
  }
  for (const [entity] of text.matchAll(/&\w*;?/g)) {
    if (!['&amp;', '&lt;', '&gt;'].includes(entity)) say(`${place} holds ${entity}`)
  }
  if (!verbatim && /https?:\/\//.test(text.replaceAll(/<[^>]*>/g, '')) && place !== 'text')
    say(`${place} would make links`)
  if ((text.match(/```/g) ?? []).length % 2 === 1) say(`${place} leaves a code block open`)
}

function only(object: Any, keys: string[], place: string, say: (text: string) => void): void {
  for (const key of Object.keys(object)) if (!keys.includes(key)) say(`${place}.${key} is unknown`)
}

function isObject(value: unknown): value is Any {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
