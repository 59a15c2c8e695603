/** The published rules of chats, as strict as their servers: an empty list for a payload that they take. */

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

/** Adaptive Cards 1.4 as Teams takes them: elements and properties by the schema, 28 KB. */
export function teamsProblems(payload: unknown): string[] {
  return check((say) => {
    const message = payload as Any
    if (Buffer.byteLength(JSON.stringify(payload)) > 28 * 1024) say('larger than 28 KB')
    if (message['type'] !== 'message') say('type must be message')
    const [attachment] = list(message['attachments'])
    if (attachment?.['contentType'] !== 'application/vnd.microsoft.card.adaptive')
      return say('no adaptive card')
    const card = attachment['content'] as Any
    if (card['type'] !== 'AdaptiveCard' || card['version'] !== '1.4') say('no AdaptiveCard 1.4')
    for (const block of list(card['body'])) {
      if (block['type'] === 'TextBlock') {
        known(block, ['type', 'spacing', 'text', 'wrap'], say)
        if (!/^(<at>[\w.+@-]+<\/at> ?)+$/.test(text(block['text']))) say('a text that is no mention')
        const entities = list((card['msteams'] as Any)['entities'])
        for (const [at] of text(block['text']).matchAll(/<at>[^<]*<\/at>/g))
          if (!entities.some((entity) => entity['text'] === at)) say('a mention without its entity')
        continue
      }
      known(block, ['type', 'spacing', 'inlines'], say)
      if (block['type'] !== 'RichTextBlock') say('only rich text is inert')
      const runs = list(block['inlines'])
      if (runs.length === 0) say('an empty block')
      for (const run of runs) {
        known(run, ['type', 'text', 'weight', 'size', 'color', 'fontType', 'isSubtle'], say)
        if (run['type'] !== 'TextRun' || text(run['text']) === '') say('a run without text')
        if (!['Default', 'Attention', 'Warning', 'Good', undefined].includes(run['color'] as string))
          say('a colour')
      }
    }
    for (const action of list(card['actions'])) {
      if (action['type'] !== 'Action.OpenUrl' || !/^https?:\/\//.test(text(action['url'])))
        say('an action that is none')
    }
  })
}

/** Discord's limits of embeds; no mentions; outside of code, nothing that links. */
export function discordProblems(payload: unknown): string[] {
  return check((say) => {
    const { embeds, allowed_mentions: mentions } = payload as {
      embeds: Any[]
      allowed_mentions: { parse: unknown[] }
    }
    if (mentions.parse.length !== 0) say('mentions are on')
    const content = (payload as Any)['content']
    if (content !== undefined && !/^(<@&?\d+> ?)+$/.test(text(content))) say('a content that is no mention')
    let total = 0
    const within = (value: unknown, max: number, place: string) => {
      if (text(value) === '') say(`${place} is empty`)
      if (text(value).length > max) say(`${place} is longer than ${max}: ${text(value).length}`)
      if (!text(value).isWellFormed()) say(`${place} holds half a character`)
      total += text(value).length
    }
    for (const embed of embeds) {
      known(embed, ['title', 'description', 'color', 'timestamp', 'fields', 'footer'], say)
      within(embed['title'], 256, 'title')
      within(embed['description'], 4096, 'description')
      within((embed['footer'] as Any)['text'], 2048, 'footer')
      if (list(embed['fields']).length > 25) say('more than 25 fields')
      for (const { name, value } of list(embed['fields'])) {
        within(name, 256, 'field name')
        within(value, 1024, 'field value')
        if (!/^`[^`]*`$/.test(text(value))) say('a field that is no code')
      }
      checkMarkdown(text(embed['description']), say)
      if (Number.isNaN(Date.parse(text(embed['timestamp'])))) say('timestamp is none')
    }
    if (total > 6000) say(`more than 6000 characters: ${total}`)
  })
}

/** Mattermost: 16,383 characters in a post. */
export function mattermostProblems(payload: unknown): string[] {
  return check((say) => {
    const message = payload as Any
    known(message, ['text', 'attachments'], say)
    if (JSON.stringify(payload).length > 16_383 * 2) say('too large')
    if (text(message['text']).length > 16_383) say('text is longer than 16383')
    checkMarkdown(text(message['text']).replace(/( @[a-z0-9._-]+)+$/, ''), say)
    for (const attachment of list(message['attachments'])) {
      known(attachment, ['fallback', 'color', 'title', 'text', 'fields', 'footer'], say)
      if (!/^#[\da-f]{6}$/.test(text(attachment['color']))) say('color is none')
      checkMarkdown(text(attachment['text']), say)
      checkMarkdown(text(attachment['title']), say)
      for (const field of list(attachment['fields'])) checkMarkdown(text(field['value']), say)
    }
  })
}

/** Google Chat: 32,000 bytes; the HTML of cards. */
export function googleChatProblems(payload: unknown): string[] {
  return check((say) => {
    const message = payload as Any
    if (Buffer.byteLength(JSON.stringify(payload)) > 32_000) say(`larger than 32000 bytes`)
    known(message, ['text', 'fallbackText', 'cardsV2', 'thread'], say)
    if (message['text'] !== undefined && !/^(<users\/\d+> ?)+$/.test(text(message['text'])))
      say('a text that is no mention')
    if (/[<>]/.test(text(message['fallbackText']))) say('fallbackText may mention')
    const [{ card } = {}] = list(message['cardsV2'])
    const [section] = list((card as Any)['sections'])
    const widgets = list(section?.['widgets'])
    if (widgets.length === 0 || widgets.length > 100) say('no 1 to 100 widgets')
    for (const widget of widgets) {
      const inner = (widget['textParagraph'] ?? widget['decoratedText']) as Any
      checkHtml(text(inner['text']), ['b', 'br', 'a'], say)
    }
  })
}

/** Matrix: 64 KiB, the HTML that clients show. */
export function matrixProblems(payload: unknown): string[] {
  return check((say) => {
    const event = payload as Any
    if (Buffer.byteLength(JSON.stringify(payload)) > 60_000) say('larger than an event may be')
    if (event['msgtype'] !== 'm.notice' || text(event['body']) === '') say('no notice')
    const { user_ids: called = [], ...others } = event['m.mentions'] as { user_ids?: string[] }
    if (Object.keys(others).length > 0 || !called.every((id) => /^@[^:]+:./.test(id)))
      say('mentions more than users')
    const tags = ['p', 'strong', 'br', 'ul', 'li', 'code', 'pre', 'blockquote', 'em', 'a']
    checkHtml(text(event['formatted_body']), tags, say)
  })
}

function checkHtml(html: string, tags: string[], say: Say): void {
  if (!html.isWellFormed()) say('half a character')
  for (const [whole, name, rest] of html.matchAll(/<\/?([a-z]*)([^>]*)>?/g)) {
    if (!tags.includes(name!)) say(`a tag ${whole}`)
    if (rest !== '' && !/^ href="https?:\/\/[^"<>]*"$/.test(rest!)) say(`an attribute ${rest}`)
  }
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
