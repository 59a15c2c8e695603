/** Who owns a file, as GitHub and GitLab read CODEOWNERS: the last line that names it wins. */
import { matchesPattern } from '../object/selectors.ts'

export interface OwnerRule {
  pattern: string
  /** Empty: what it names has no owner. */
  owners: readonly string[]
}

/** Where it may lie, first found first. */
export const CODEOWNERS_FILES = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS', '.gitlab/CODEOWNERS']

/** Bytes that are read, and rules that are kept. GitHub reads 3 MB. */
export const CODEOWNERS_BYTES = 3 << 20
const RULES = 20_000
const OWNERS = 10
/** `@user`, `@org/team`, a role of GitLab's (`@@maintainer`), or an e-mail address. */
const OWNER = /^(@{1,2}[\w][\w./-]{0,98}|[\w.+-]{1,64}@[\w.-]{1,253})$/

/**
 * The rules of a file. Sections of GitLab's only give their owners to lines that name none; lines that cannot be understood are
 * passed by, as those hosts do.
 */
export function parseCodeowners(text: string): OwnerRule[] {
  const rules: OwnerRule[] = []
  let inherited: readonly string[] = []
  for (const line of text.split('\n')) {
    if (rules.length >= RULES) break
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const section = /^\^?\[[^\]]+\](?:\[\d+\])?(.*)$/.exec(trimmed)
    if (section !== null) {
      inherited = ownersIn(section[1]!)
      continue
    }
    const [whole, pattern = ''] = /^((?:\\.|[^\s\\])+)/.exec(trimmed) ?? []
    if (whole === undefined || pattern.startsWith('!')) continue
    const own = ownersIn(trimmed.slice(whole.length))
    rules.push({ pattern: pattern.replaceAll(/\\(.)/g, '$1'), owners: own.length > 0 ? own : inherited })
  }
  return rules
}

/** @param file from the repository's root. */
export function ownersOfFile(rules: readonly OwnerRule[], file: string): readonly string[] {
  return rules.findLast(({ pattern }) => matchesFile(pattern, file))?.owners ?? []
}

/** The names in a text, such as that of an annotation: at most ten, whatever else it holds. */
export function ownersIn(text: string): string[] {
  const [names = ''] = text.slice(0, 2000).split(/(?:^|\s)#/)
  const owners = names.split(/[\s,]+/).filter((name) => OWNER.test(name))
  return [...new Set(owners)].slice(0, OWNERS)
}

/** As in .gitignore, but that a star at the end names no folder: `docs/*` is what lies in `docs` itself. */
function matchesFile(pattern: string, file: string): boolean {
  const bare = pattern.replace(/^\/+/, '').replace(/\/+$/, '')
  if (bare === '') return true
  const anchored = pattern.slice(0, -1).includes('/')
  const wanted = [...(anchored ? [] : ['**']), ...bare.split('/')]
  const folder = pattern.endsWith('/')
  const below = folder || wanted.at(-1) !== '*'
  const parts = file.split('/')
  // The places in the pattern that may come next, by path segment: linear in both, whatever they are.
  let places = spread(new Set([0]), wanted)
  for (const [index, part] of parts.entries()) {
    const next = new Set<number>()
    for (const place of places) {
      const segment = wanted[place]
      if (segment === undefined) continue
      if (segment === '**') next.add(place)
      else if (matchesPattern(segment, part)) next.add(place + 1)
    }
    places = spread(next, wanted)
    const last = index === parts.length - 1
    if (places.has(wanted.length) && (last ? !folder : below)) return true
    if (last && wanted.at(-1) === '**' && places.has(wanted.length - 1)) return true
  }
  return false
}

/** Two stars may stand for nothing. */
function spread(places: Set<number>, wanted: readonly string[]): Set<number> {
  for (const place of places) if (wanted[place] === '**' && place + 1 < wanted.length) places.add(place + 1)
  return places
}
