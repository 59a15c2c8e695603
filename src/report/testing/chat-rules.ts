/** The published rules of chats, as strict as their servers: an empty list for a payload that they take. */
import { adaptiveCardProblems } from './adaptive-card.ts'

type Any = { [key: string]: unknown }
type Say = (text: string) => void

function check(rules: (say: Say) => void): string[] {
  const problems: string[] = []
  rules((text) => problems.push(text))
  return problems
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const list = (value: unknown): Any[] => (Array.isArray(value) ? (value as Any[]) : [])
const known = (object: Any, keys: string[], say: Say) => {
  for (const key of Object.keys(object)) if (!keys.includes(key)) say(`${key} is unknown`)
}

/** Adaptive Cards 1.4 by Microsoft's library, and what Teams asks of them besides: 28 KB as UTF-8 and as UTF-16, mentions with entities. */
export function teamsProblems(payload: unknown): string[] {
  return check((say) => {
    const message = payload as Any
    known(message, ['type', 'attachments'], say)
    const json = JSON.stringify(payload)
    if (Math.max(Buffer.byteLength(json), json.length * 2) > 28 * 1024) say('larger than 28 KB')
    if (message['type'] !== 'message') say('type must be message')
    const [attachment, more] = list(message['attachments'])
    if (more !== undefined) say('more than one attachment')
    if (attachment?.['contentType'] !== 'application/vnd.microsoft.card.adaptive')
      return say('no adaptive card')
    known(attachment, ['contentType', 'contentUrl', 'content'], say)
    const card = attachment['content'] as Any
    if (card['version'] !== '1.4') say('not the version that Teams shows everywhere')
    for (const problem of adaptiveCardProblems(card)) say(problem)
    const { width, entities, ...others } = card['msteams'] as Any
    if (width !== 'Full' || Object.keys(others).length > 0) say('msteams holds something unknown')
    for (const { type, text: called, mentioned } of list(entities)) {
      const { id, name } = mentioned as Any
      if (type !== 'mention' || called !== `<at>${text(name)}</at>` || text(id) === '')
        say('an entity that is none')
    }
    for (const block of list(card['body'])) {
      if (block['type'] === 'TextBlock') {
        if (!/^(<at>[\w.+@-]+<\/at> ?)+$/.test(text(block['text']))) say('a text that is no mention')
        for (const [at] of text(block['text']).matchAll(/<at>[^<]*<\/at>/g))
          if (!list(entities).some((entity) => entity['text'] === at)) say('a mention without its entity')
        continue
      }
      if (block['type'] !== 'RichTextBlock') say('only rich text is inert')
      const runs = list(block['inlines'])
      if (runs.length === 0) say('an empty block')
      for (const run of runs) {
        if (run['type'] !== 'TextRun' || text(run['text']) === '') say('a run without text')
        if (run['selectAction'] !== undefined) say('a run that does something')
        if (!text(run['text']).isWellFormed()) say('half a character')
      }
    }
    if (list(card['actions']).length > 6) say('more than six actions')
    for (const action of list(card['actions'])) {
      if (
        action['type'] !== 'Action.OpenUrl' ||
        !URL.canParse(text(action['url'])) ||
        !/^https?:\/\//.test(text(action['url']))
      )
        say('an action that is none')
    }
  })
}

/** Discord's limits of messages and embeds; whom it may call is named one by one; outside of code, nothing that links. */
export function discordProblems(payload: unknown): string[] {
  return check((say) => {
    const message = payload as Any
    known(message, ['content', 'embeds', 'allowed_mentions', 'thread_name'], say)
    checkAllowedMentions(message, say)
    const embeds = list(message['embeds'])
    if (embeds.length < 1 || embeds.length > 10) say('no 1 to 10 embeds')
    let total = 0
    const within = (value: unknown, max: number, place: string) => {
      // Discord takes the white space away before it counts.
      if (text(value).trim() === '') say(`${place} is empty`)
      if (text(value).length > max) say(`${place} is longer than ${max}: ${text(value).length}`)
      if (!text(value).isWellFormed()) say(`${place} holds half a character`)
      total += text(value).length
    }
    for (const embed of embeds) {
      known(embed, ['title', 'description', 'color', 'timestamp', 'fields', 'footer'], say)
      within(embed['title'], 256, 'title')
      within(embed['description'], 4096, 'description')
      known(embed['footer'] as Any, ['text'], say)
      within((embed['footer'] as Any)['text'], 2048, 'footer')
      const color = Number(embed['color'])
      if (!Number.isInteger(color) || color < 0 || color > 0xffffff) say('color is none')
      if (list(embed['fields']).length > 25) say('more than 25 fields')
      for (const field of list(embed['fields'])) {
        known(field, ['name', 'value', 'inline'], say)
        within(field['name'], 256, 'field name')
        within(field['value'], 1024, 'field value')
        if (typeof field['inline'] !== 'boolean') say('inline is none')
        if (!/^`[^`]*`$/.test(text(field['value']))) say('a field that is no code')
      }
      checkMarkdown(text(embed['description']), say)
      if (/(?<!\\)(\\\\)*[*_~|<@`[\]]/.test(text(embed['title']))) say('a title with something live')
      if (Number.isNaN(Date.parse(text(embed['timestamp'])))) say('timestamp is none')
    }
    if (total > 6000) say(`more than 6000 characters: ${total}`)
  })
}

function checkAllowedMentions(message: Any, say: Say): void {
  const content = message['content']
  const { parse, users = [], roles = [], ...others } = message['allowed_mentions'] as Any
  if (!Array.isArray(parse) || parse.length > 0 || Object.keys(others).length > 0) say('mentions are on')
  if (content === undefined) return
  if (!/^(<@&?\d+> ?)+$/.test(text(content))) say('a content that is no mention')
  if (text(content).length > 2000) say('content is longer than 2000')
  const named = [...(users as string[]), ...(roles as string[]).map((id) => `&${id}`)]
  if (named.length > 100 || new Set(named).size < named.length) say('mentions that are none')
  for (const id of named) if (!/^&?\d+$/.test(id)) say(`no id: ${id}`)
  for (const [, id] of text(content).matchAll(/<@([^>]*)>/g))
    if (!named.includes(id!)) say('a mention that is not allowed')
}

/** Mattermost: 16,383 characters in a post and in what hangs on it. */
export function mattermostProblems(payload: unknown): string[] {
  return check((say) => {
    const message = payload as Any
    known(message, ['text', 'attachments'], say)
    if ([...text(message['text'])].length > 16_383) say('text is longer than 16383')
    if (JSON.stringify(payload).length > 16_383 * 2) say('too large')
    checkMarkdown(text(message['text']).replace(/( @[a-z0-9._-]+)+$/, ''), say)
    for (const attachment of list(message['attachments'])) {
      known(attachment, ['fallback', 'color', 'title', 'text', 'fields', 'footer'], say)
      if (!/^#[\da-f]{6}$/.test(text(attachment['color']))) say('color is none')
      for (const key of ['title', 'text']) checkMarkdown(text(attachment[key]), say)
      for (const key of ['fallback', 'title', 'text', 'footer']) {
        if (text(attachment[key]) === '') say(`${key} is empty`)
        if (!text(attachment[key]).isWellFormed()) say(`${key} holds half a character`)
        if (text(attachment[key]).length > 16_383) say(`${key} is longer than 16383`)
      }
      for (const field of list(attachment['fields'])) {
        known(field, ['short', 'title', 'value'], say)
        if (typeof field['short'] !== 'boolean') say('short is none')
        checkMarkdown(text(field['value']), say)
      }
    }
  })
}

/** Google Chat: 32,000 bytes; one card of at most a hundred widgets; the HTML of cards. */
export function googleChatProblems(payload: unknown): string[] {
  return check((say) => {
    const message = payload as Any
    if (Buffer.byteLength(JSON.stringify(payload)) > 32_000) say(`larger than 32000 bytes`)
    known(message, ['text', 'fallbackText', 'cardsV2', 'thread'], say)
    if (message['text'] !== undefined && !/^(<users\/\d+> ?)+$/.test(text(message['text'])))
      say('a text that is no mention')
    if (/[<>]/.test(text(message['fallbackText']))) say('fallbackText may mention')
    const thread = message['thread'] as Any | undefined
    if (thread !== undefined) {
      known(thread, ['threadKey'], say)
      if (!/^.{1,4000}$/.test(text(thread['threadKey']))) say('threadKey is none')
    }
    const [entry, more] = list(message['cardsV2'])
    if (entry === undefined || more !== undefined) return say('no single card')
    known(entry, ['cardId', 'card'], say)
    if (!/^[\w-]{1,64}$/.test(text(entry['cardId']))) say('cardId is none')
    const card = entry['card'] as Any
    known(card, ['header', 'sections'], say)
    known(card['header'] as Any, ['title'], say)
    const title = text((card['header'] as Any)['title'])
    if (title.trim() === '' || !title.isWellFormed()) say('the title is none')
    for (const section of list(card['sections'])) known(section, ['widgets'], say)
    const widgets = list(card['sections']).flatMap((section) => list(section['widgets']))
    if (widgets.length === 0 || widgets.length > 100) say('no 1 to 100 widgets')
    for (const widget of widgets) {
      if (Object.keys(widget).length !== 1) say('a widget is one thing')
      known(widget, ['textParagraph', 'decoratedText'], say)
      const inner = (widget['textParagraph'] ?? widget['decoratedText']) as Any
      known(inner, widget['textParagraph'] === undefined ? ['topLabel', 'text', 'wrapText'] : ['text'], say)
      checkHtml(text(inner['text']), ['b', 'br', 'a'], say)
    }
  })
}

/** Matrix: 64 KiB, the HTML that clients show. */
export function matrixProblems(payload: unknown): string[] {
  return check((say) => {
    const event = payload as Any
    if (Buffer.byteLength(JSON.stringify(payload)) > 60_000) say('larger than an event may be')
    known(event, ['msgtype', 'body', 'format', 'formatted_body', 'm.mentions', 'm.relates_to'], say)
    if (event['msgtype'] !== 'm.notice' || text(event['body']) === '') say('no notice')
    if (event['format'] !== 'org.matrix.custom.html') say('no format')
    if (/@room/i.test(text(event['body']))) say('calls the room where intentional mentions are not known')
    const { user_ids: called = [], ...others } = event['m.mentions'] as { user_ids?: string[] }
    if (Object.keys(others).length > 0 || !called.every((id) => /^@[^:]+:./.test(id)))
      say('mentions more than users')
    const tags = ['p', 'strong', 'br', 'ul', 'li', 'code', 'pre', 'blockquote', 'em', 'a']
    checkHtml(text(event['formatted_body']), tags, say)
  })
}

function checkHtml(html: string, tags: string[], say: Say): void {
  if (html === '') say('an empty text')
  if (!html.isWellFormed()) say('half a character')
  const open: string[] = []
  for (const [whole, name, rest] of html.matchAll(/<\/?([a-z]*)([^>]*)>?/g)) {
    if (!tags.includes(name!)) say(`a tag ${whole}`)
    if (whole.startsWith('</') && open.pop() !== name) say(`${whole} closes another tag`)
    else if (!whole.startsWith('</') && name !== 'br') open.push(name!)
    if (!whole.endsWith('>')) say(`a tag that does not end: ${whole}`)
    if (rest !== '' && !/^ href="https?:\/\/[^"<>]*"$/.test(rest!)) say(`an attribute ${rest}`)
  }
  if (open.length > 0) say(`${open.join(', ')} stay open`)
  for (const [entity] of html.replaceAll(/<[^>]*>/g, '').matchAll(/&[^;\s]{0,6};?/g)) {
    if (!['&amp;', '&lt;', '&gt;', '&quot;', '&#39;'].includes(entity)) say(`an entity ${entity}`)
  }
}

/** Outside of code only words of our own and links into Git; no code is left open. */
function checkMarkdown(markdown: string, say: Say): void {
  const fences = markdown.match(/```/g) ?? []
  if (fences.length % 2 === 1) say('a code block is left open')
  const outside = markdown.replaceAll(/```[^]*?```/g, '').replaceAll(/`[^`\n]*`/g, '')
  const prose = outside.replaceAll(/\[(\\.|[^\]\\])*\]\(https?:\/\/[^()\s]*\)/g, '')
  if (/[`<@]|https?:|\]\(/.test(prose)) say(`something live outside of code: ${prose.slice(0, 200)}`)
}
