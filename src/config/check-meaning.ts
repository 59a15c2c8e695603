/** What no schema can say of a configuration: names that must differ or exist, patterns that must parse, URLs without secrets. */
import { parseField } from '../object/fields.ts'
import { escapeText } from '../object/text.ts'
import { closest } from './did-you-mean.ts'
import { formatDocumentPath, type DocumentPath } from './document.ts'
import { parseDuration } from './duration.ts'
import { checkKind } from './kind-pattern.ts'
import { targetName } from './notify-name.ts'
import type { RawAgent, RawAuth, RawConfig, RawNotify, RawSelector, RawSource } from './raw.ts'

/** Names of presets that exist; src/policy has them. */
export interface PresetNames {
  agents: readonly string[]
  operators: readonly string[]
}

type Say = (path: DocumentPath, message: string) => void

/** Calls `say` for each mistake. The schema found nothing wrong. */
export function checkMeaning(config: RawConfig, presets: PresetNames | undefined, say: Say): void {
  const names = (paths: readonly [DocumentPath, string | undefined][], what: string) =>
    checkUnique(paths, what, say)
  const sources = config.sources ?? []
  names(
    sources.map(({ name }, index) => [['sources', index, 'name'], name]),
    'source',
  )
  for (const [index, source] of sources.entries()) checkSource(source, ['sources', index], presets, say)
  for (const [index, agent] of (config.agents ?? []).entries())
    checkAgent(agent, ['agents', index], presets, say)
  checkAllow(config, presets, say)
  for (const [index, entry] of (config.modes ?? []).entries()) checkKinds(entry, ['modes', index], say)
  if (config.breakGlass?.maxDuration !== undefined) {
    checkDuration(config.breakGlass.maxDuration, 60_000, ['breakGlass', 'maxDuration'], say)
  }
  for (const [index, { url, auth }] of (config.discover?.repositories ?? []).entries()) {
    checkRepository(url, ['discover', 'repositories', index, 'url'], say)
    checkAuth(auth, ['discover', 'repositories', index, 'auth'], say)
  }
  const notify = config.notify ?? []
  names(
    notify.map((target, index) => [['notify', index], targetName(target)]),
    'notify target',
  )
  for (const [index, target] of notify.entries()) {
    if (target.only) checkKinds(target.only, ['notify', index, 'only'], say)
    if (target.quiet) checkQuiet(target.quiet, ['notify', index, 'quiet'], say)
    if (target.email !== undefined) checkEmail(target.email, ['notify', index, 'email'], say)
    for (const kind of ['webhook', 'cloudevents'] as const) {
      const url = target[kind]?.url
      if (typeof url === 'string') checkUrl(url, ['notify', index, kind, 'url'], say)
    }
  }
}

function checkQuiet(
  { from, to, zone = 'UTC' }: { from: string; to: string; zone?: string },
  path: DocumentPath,
  say: Say,
): void {
  if (from === to) {
    say(path, `${formatDocumentPath(path)}: from and to are both ${from}: nothing would ever be told`)
  }
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    const place = [...path, 'zone']
    say(
      place,
      `${formatDocumentPath(place)} must be a time zone such as Europe/Berlin: current value is ${quote(zone)}`,
    )
  }
}

function checkEmail(
  { server, user, password }: NonNullable<RawNotify['email']>,
  path: DocumentPath,
  say: Say,
): void {
  const place = formatDocumentPath([...path, 'server'])
  const url = URL.parse(server)
  const starttls = url?.searchParams.get('starttls') ?? 'required'
  if (url === null || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') {
    say(
      [...path, 'server'],
      `${place} must be smtp://host:587 or smtps://host:465: current value is ${quote(server)}`,
    )
  } else if (url.password !== '' || url.username !== '') {
    say([...path, 'server'], `${place} holds a user or a password. Say user: and password: { env: NAME }`)
  } else if (!['required', 'never'].includes(starttls) || (url.protocol === 'smtps:' && url.search !== '')) {
    say([...path, 'server'], `${place} may end with ?starttls=never after smtp:, and with nothing else`)
  } else if (starttls === 'never' && password !== undefined) {
    say(
      [...path, 'password'],
      `${formatDocumentPath([...path, 'password'])} would be sent in the clear as ${place} says starttls=never`,
    )
  }
  if ((user === undefined) !== (password === undefined)) {
    say(path, `${formatDocumentPath(path)}: user and password go together`)
  }
}

function checkUnique(entries: readonly [DocumentPath, string | undefined][], what: string, say: Say): void {
  const seen = new Map<string, DocumentPath>()
  for (const [path, name] of entries) {
    if (name === undefined) continue
    const first = seen.get(name)
    if (first === undefined) seen.set(name, path)
    else {
      const both = `${formatDocumentPath(path)}: there is a ${what} ${JSON.stringify(name)} already, at ${formatDocumentPath(first)}`
      say(path, `${both}. Give each a name of its own`)
    }
  }
}

function checkSource(
  source: RawSource,
  path: DocumentPath,
  presets: PresetNames | undefined,
  say: Say,
): void {
  checkRepository(source.repository, [...path, 'repository'], say)
  checkAuth(source.auth, [...path, 'auth'], say)
  if (source.path !== undefined && (source.path.startsWith('/') || source.path.split('/').includes('..'))) {
    const place = [...path, 'path']
    say(
      place,
      `${formatDocumentPath(place)} must be a path inside the repository: current value is ${quote(source.path)}`,
    )
  }
  if (source.poll !== undefined) checkDuration(source.poll, 1000, [...path, 'poll'], say)
  if (source.readyWithin !== undefined) checkDuration(source.readyWithin, 1000, [...path, 'readyWithin'], say)
  for (const field of ['prune', 'readyWithin'] as const) {
    if (source[field] === undefined || source.sync === true) continue
    const place = [...path, field]
    say(place, `${formatDocumentPath(place)} goes with sync: true only`)
  }
  if (
    source.helm !== undefined &&
    source.renderer !== undefined &&
    !['auto', 'helm'].includes(source.renderer)
  ) {
    const place = [...path, 'helm']
    say(place, `${formatDocumentPath(place)} is for charts: the renderer is ${source.renderer}`)
  }
  for (const [index, agent] of (source.agents ?? []).entries())
    checkAgent(agent, [...path, 'agents', index], presets, say)
}

function checkAuth(auth: RawAuth | undefined, path: DocumentPath, say: Say): void {
  if (auth?.user !== undefined && auth.token === undefined) {
    const place = [...path, 'user']
    say(place, `${formatDocumentPath(place)} goes with token only`)
  }
}

/** A URL must not hold a password: it would be shown wherever the source is. */
function checkRepository(repository: string, path: DocumentPath, say: Say): void {
  const place = formatDocumentPath(path)
  if (/^[a-z+]+:\/\/[^/@:]*:[^/@]+@/i.test(repository)) {
    say(
      path,
      `${place} holds a password: a secret comes from env or file. Say auth: { token: { env: NAME } }`,
    )
  } else if (/^[a-z+]+:\/\/(gh[a-z]_|github_pat_|glpat-)/i.test(repository)) {
    say(path, `${place} holds a token: a secret comes from env or file. Say auth: { token: { env: NAME } }`)
  } else if (/[\0\n\r]/.test(repository) || repository.startsWith('-')) {
    say(path, `${place} must be a Git URL or a local path: current value is ${quote(repository)}`)
  }
}

function checkUrl(url: string, path: DocumentPath, say: Say): void {
  const place = formatDocumentPath(path)
  const parsed = URL.parse(url)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
    say(path, `${place} must be an http or https URL: current value is ${quote(url)}`)
  } else if (parsed.password !== '') {
    say(path, `${place} holds a password: a secret comes from env or file. Say url: { env: NAME }`)
  }
}

function checkAgent(agent: RawAgent, path: DocumentPath, presets: PresetNames | undefined, say: Say): void {
  if (agent.preset !== undefined && presets !== undefined) {
    checkPreset(agent.preset, presets.agents, [...path, 'preset'], say)
  }
  if (agent.managers !== undefined && agent.user === undefined) {
    const place = [...path, 'managers']
    say(place, `${formatDocumentPath(place)} goes with user only: a preset knows its managers`)
  }
  if (agent.user !== undefined && agent.user.includes('*')) {
    const place = [...path, 'user']
    say(
      place,
      `${formatDocumentPath(place)} must be one exact username: current value is ${quote(agent.user)}`,
    )
  }
}

function checkPreset(name: string, known: readonly string[], path: DocumentPath, say: Say): void {
  if (known.includes(name)) return
  const near = closest(name, known)
  const hint = near === undefined ? '' : `. Did you mean ${near}?`
  say(
    path,
    `${formatDocumentPath(path)} must be one of ${known.join(', ')}: current value is ${quote(name)}${hint}`,
  )
}

function checkAllow(config: RawConfig, presets: PresetNames | undefined, say: Say): void {
  const allow = config.allow ?? []
  checkUnique(
    allow.map(({ name }, index) => [['allow', index, 'name'], name]),
    'allowance',
    say,
  )
  for (const [index, entry] of allow.entries()) {
    const path = ['allow', index]
    if (entry.preset !== undefined) {
      if (presets !== undefined) checkPreset(entry.preset, presets.operators, [...path, 'preset'], say)
      for (const key of ['actors', 'objects', 'fields', 'ops'] as const) {
        const place = [...path, key]
        if (entry[key] !== undefined)
          say(place, `${formatDocumentPath(place)} does not go with preset, which knows it`)
      }
    }
    if (entry.objects) checkKinds(entry.objects, [...path, 'objects'], say)
    for (const [number, field] of (entry.fields ?? []).entries()) {
      const place = [...path, 'fields', number]
      try {
        parseField(field)
      } catch (error) {
        say(place, `${formatDocumentPath(place)}: ${(error as Error).message}`)
      }
    }
  }
}

function checkKinds(selector: RawSelector, path: DocumentPath, say: Say): void {
  for (const [index, kind] of (selector.kinds ?? []).entries()) {
    const place = [...path, 'kinds', index]
    const wrong = checkKind(kind)
    if (wrong !== undefined) say(place, `${formatDocumentPath(place)} ${wrong}`)
  }
}

function checkDuration(text: string, least: number, path: DocumentPath, say: Say): void {
  const duration = parseDuration(text)
  if (duration !== undefined && duration < least) {
    say(
      path,
      `${formatDocumentPath(path)} must be at least ${least / 1000}s: current value is ${quote(text)}`,
    )
  }
}

const quote = (text: string) => escapeText(JSON.stringify(text), 120)
