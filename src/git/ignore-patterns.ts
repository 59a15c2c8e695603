/** Which files Flux's source-controller leaves out of an artifact: by its own list, `.sourceignore` files and `spec.ignore`. */
import { compileGlob } from './glob.ts'

/** Of fluxcd/pkg/sourceignore: no commit has more of them than it says itself. */
const ALWAYS = ['.git/', '.gitignore', '.gitmodules', '.gitattributes']
const USUALLY = [
  ...['jpg', 'jpeg', 'gif', 'png', 'wmv', 'flv', 'tar.gz', 'zip'].map((ending) => `*.${ending}`),
  ...['.github/', '.circleci/', '.travis.yml', '.gitlab-ci.yml', 'appveyor.yml', '.drone.yml'],
  ...['cloudbuild.yaml', 'codeship-services.yml', 'codeship-steps.yml'],
  ...['**/.goreleaser.yml', '**/.sops.yaml', '**/.flux.yaml'],
]

export const IGNORE_FILE = '.sourceignore'

/** Lines of patterns, for a folder ('' for the root). */
export interface IgnoreLines {
  folder: string
  text: string
}

/** @param files the `.sourceignore` files, those of outer folders first. Returns whether a file is left out. */
export function ignoredBy(
  files: readonly IgnoreLines[],
  spec: string | undefined,
): (file: string) => boolean {
  const lists = [
    ...[...ALWAYS, ...USUALLY].map((line) => patternOf(line, '')),
    ...files.flatMap(({ folder, text }) => linesOf(text).map((line) => patternOf(line, folder))),
    ...linesOf(spec ?? '').map((line) => patternOf(line, '')),
  ].reverse()
  return (file) => {
    // The last that has something to say decides.
    const found = lists.find(({ matches }) => matches(file))
    return found !== undefined && !found.includes
  }
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => !line.startsWith('#') && line.trim() !== '')
}

interface Pattern {
  includes: boolean
  matches(file: string): boolean
}

function patternOf(line: string, folder: string): Pattern {
  const includes = line.startsWith('!')
  let text = includes ? line.slice(1) : line
  if (!text.endsWith('\\ ')) text = text.trimEnd()
  const directory = text.endsWith('/')
  if (directory) text = text.slice(0, -1)
  const prefix = folder === '' ? '' : `${folder}/`
  const match = text.includes('/') ? byPath(text.split('/'), directory) : byName(text, directory)
  return {
    includes,
    matches: (file) => file.startsWith(prefix) && match(file.slice(prefix.length).split('/')),
  }
}

/** A name alone, anywhere on the way. */
function byName(name: string, directory: boolean) {
  const glob = compileGlob(name)
  return (path: readonly string[]) =>
    path.some((part, index) => glob?.test(part) === true && !(directory && index === path.length - 1))
}

function byPath(parts: readonly string[], directory: boolean) {
  const pattern = parts.map((part) => (part === '' || part === '**' ? part : compileGlob(part)))
  return (path: readonly string[]): boolean => {
    let rest = path
    let matched = false
    let anywhere = false
    for (const [index, part] of pattern.entries()) {
      if (part === undefined) return false
      if (part === '') {
        anywhere = false
        continue
      }
      if (part === '**') {
        if (index === pattern.length - 1) break
        anywhere = true
        continue
      }
      const at = anywhere
        ? rest.findIndex((name) => part.test(name))
        : rest[0] !== undefined && part.test(rest[0])
          ? 0
          : -1
      if (at < 0) return false
      anywhere = false
      matched = true
      rest = rest.slice(at + 1)
    }
    return matched && !(directory && rest.length === 0)
  }
}
