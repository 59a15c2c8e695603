/** Replaces `${variable}` in a text as Flux does after a build: with the functions, the limits and the quirks of fluxcd/pkg/envsubst. */
import { compileGlob } from './glob.ts'

/** The text cannot be taken apart. Says nothing of any value. */
export class SubstitutionError extends Error {}

/** A variable that is not there is ''. Throws SubstitutionError. */
export function substitute(text: string, variables: ReadonlyMap<string, string>): string {
  // Most texts have nothing to replace.
  if (!text.includes('$')) return text
  return new Substitution(text, variables).run()
}

/** Whether a character may be next; `nth` counts from 1 within a token. */
type Accept = (character: string, nth: number) => boolean

const isIdentifier: Accept = (character) => /[\p{L}\p{Nd}_]/u.test(character)
const notClosing: Accept = (character) => character !== '}'
const only =
  (wanted: string): Accept =>
  (character) =>
    character === wanted
const atMostTwo =
  (wanted: string): Accept =>
  (character, nth) =>
    nth <= 2 && wanted.includes(character)

interface TokenOptions {
  /** `${` ends the token. */
  nests?: boolean
  /** `$$` is `$`. */
  dollars?: boolean
  /** `\/` is `/` and `\\` is `\`. */
  backslashes?: boolean
}

class Substitution {
  private readonly characters: string[]
  private readonly variables: ReadonlyMap<string, string>
  private at = 0

  constructor(text: string, variables: ReadonlyMap<string, string>) {
    this.characters = [...text]
    this.variables = variables
  }

  run(): string {
    const found: string[] = []
    while (this.at < this.characters.length) {
      if (this.opens()) found.push(this.expression())
      else found.push(this.token(() => true, { nests: true, dollars: true }))
    }
    return found.join('')
  }

  /** After `${`, up to and with its `}`. */
  private expression(): string {
    if (this.peek() === '#') {
      this.at++
      const name = this.needed(isIdentifier)
      this.close()
      return String(Buffer.byteLength(this.valueOf(name)))
    }
    const name = this.needed(isIdentifier, 'a variable has no name')
    const value = this.valueOf(name)
    switch (this.peek()) {
      case ':':
        return /[=\-?+]/.test(this.characters[this.at + 1] ?? '')
          ? this.withDefault(value)
          : this.substring(value)
      case '=':
        return this.withDefault(value)
      case ',':
      case '^':
        return this.cased(value)
      case '/':
        return this.replaced(value)
      case '#':
      case '%':
        return this.trimmed(value)
    }
    this.close()
    return value
  }

  private withDefault(value: string): string {
    this.at += this.peek() === '=' ? 1 : 2
    const parts: string[] = []
    while (this.peek() !== '}') parts.push(this.parameter(notClosing))
    this.close()
    return value === '' ? parts.join('') : value
  }

  private substring(value: string): string {
    this.at++
    // The original takes back one character of more bytes too many, and then finds no colon.
    if (/[^\0-\x7f]/.test(this.peek() ?? ''))
      throw new SubstitutionError('a substitution cannot be understood')
    const from = this.parameter((character) => character !== ':' && character !== '}')
    if (this.peek() === '}') {
      this.close()
      return slice(value, from, undefined)
    }
    this.needed(only(':'))
    const length = this.parameter(notClosing)
    this.close()
    return slice(value, from, length)
  }

  private cased(value: string): string {
    const how = this.needed(atMostTwo(',^'))
    this.close()
    const [head = '', ...rest] = value
    switch (how) {
      case ',':
        return lower(head) + rest.join('')
      case ',,':
        return [...value].map(lower).join('')
      case '^':
        return upper(head) + rest.join('')
      case '^^':
        return [...value].map(upper).join('')
    }
    return value
  }

  private trimmed(value: string): string {
    const how = this.needed(atMostTwo(this.peek() ?? ''))
    const pattern = this.parameter(notClosing)
    this.close()
    const longest = how.length === 2
    if (how.startsWith('#')) return trimPattern(value, pattern, longest)
    return reverse(trimPattern(reverse(value), reverse(pattern), longest))
  }

  private replaced(value: string): string {
    const how = this.needed((character, nth) =>
      nth === 1 ? character === '/' : nth === 2 && '/#%'.includes(character),
    )
    const escapes = { dollars: true, backslashes: true }
    const pattern = this.parameter((character) => character !== '/', escapes)
    this.needed(only('/'))
    const by = this.peek() === '}' ? undefined : this.parameter(notClosing, escapes)
    this.close()
    switch (how) {
      case '/':
        return value.replace(pattern, () => by ?? '')
      case '//':
        return value.replaceAll(pattern, () => by ?? '')
      case '/#':
        return by !== undefined && value.startsWith(pattern) ? by + value.slice(pattern.length) : value
    }
    return by !== undefined && value.endsWith(pattern)
      ? value.slice(0, value.length - pattern.length) + by
      : value
  }

  /** A text, or an expression: never one after the other, but for defaults. */
  private parameter(accept: Accept, escapes: TokenOptions = {}): string {
    if (this.opens()) return this.expression()
    return this.needed(accept, undefined, { ...escapes, nests: true })
  }

  private needed(
    accept: Accept,
    message = 'a substitution cannot be understood',
    options?: TokenOptions,
  ): string {
    const token = this.token(accept, options)
    if (token === '') throw new SubstitutionError(message)
    return token
  }

  private token(accept: Accept, { nests = false, dollars = false, backslashes = false }: TokenOptions = {}) {
    let text = ''
    for (let nth = 1; this.at < this.characters.length; nth++) {
      const character = this.characters[this.at]!
      const next = this.characters[this.at + 1]
      if (nests && character === '$' && next === '{') break
      const escapes =
        (dollars && character === '$' && next === '$') ||
        (backslashes && character === '\\' && (next === '/' || next === '\\'))
      if (!escapes && !accept(character, nth)) break
      text += escapes ? next! : character
      this.at += escapes ? 2 : 1
    }
    return text
  }

  /** Takes `${`, where it is next. */
  private opens(): boolean {
    if (this.peek() !== '$' || this.characters[this.at + 1] !== '{') return false
    this.at += 2
    return true
  }

  private close(): void {
    if (this.peek() !== '}') throw new SubstitutionError('a closing brace is missing')
    this.at++
  }

  private peek(): string | undefined {
    return this.characters[this.at]
  }

  private valueOf(name: string): string {
    return this.variables.get(name) ?? ''
  }
}

/** Takes what a pattern matches from the beginning. A pattern that is none changes nothing, nor does one that matches nothing. */
function trimPattern(value: string, pattern: string, longest: boolean): string {
  const whole = compileGlob(pattern)
  if (whole === undefined) return value
  const characters = [...value]
  let found = 0
  // Longest first: the shortest is the last that matches, and an empty one is none.
  for (let length = characters.length; length > 0; length--) {
    if (!whole.test(characters.slice(0, length).join(''))) continue
    found = length
    if (longest) break
  }
  return characters.slice(found).join('')
}

/** Offsets and lengths count bytes; what is no number changes nothing. */
function slice(value: string, from: string, length: string | undefined): string {
  const bytes = Buffer.from(value)
  let start = whole(from)
  if (start === undefined) return value
  if (start < 0) start = Math.max(0, bytes.length + start)
  if (length === undefined) return bytes.subarray(start).toString()
  const count = whole(length)
  if (count === undefined) return value
  if (count < 0 && start + count < bytes.length) throw new SubstitutionError('a length is negative')
  return bytes.subarray(start, start + count).toString()
}

function whole(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined
}

function reverse(text: string): string {
  return [...text].reverse().join('')
}

/** Character by character, as Go does: ß has no upper case then. */
function upper(character: string): string {
  const text = character.toUpperCase()
  return [...text].length === 1 ? text : character
}

function lower(character: string): string {
  const text = character.toLowerCase()
  return [...text].length === 1 ? text : character
}
