/** A place in a text that moves forward and knows its line and column, with libyaml's notion of what ends a line. */
import { YamlSyntaxError } from './syntax-error.ts'

export const NUL = 0
export const TAB = 0x09
export const SPACE = 0x20
export const DASH = 0x2d
export const DOT = 0x2e

export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

/** YAML 1.1 ends lines with these: LF, CR, NEL, LS, PS. */
export function isBreak(code: number): boolean {
  return code === 0x0a || code === 0x0d || code === 0x85 || code === 0x2028 || code === 0x2029
}

export function isBreakOrEnd(code: number): boolean {
  return code === NUL || isBreak(code)
}

export function isBlankOrEnd(code: number): boolean {
  return code === SPACE || code === TAB || isBreakOrEnd(code)
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** What names of anchors, tags and directives are made of. */
export function isWord(code: number): boolean {
  return (
    isDigit(code) ||
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f ||
    code === DASH
  )
}

export class Cursor {
  readonly text: string
  pos = 0
  /** From 1. */
  line: number
  /** Where the line begins. */
  lineStart = 0

  /** @param text that holds no NUL; @param line is the number of its first line. */
  constructor(text: string, line: number) {
    // Looked at everywhere, so that nothing has to look whether there is more.
    this.text = text + '\0'
    this.line = line
  }

  get column(): number {
    return this.pos - this.lineStart
  }

  at(offset = 0): number {
    return this.text.charCodeAt(this.pos + offset)
  }

  skipBlanks(): void {
    while (isBlank(this.at())) this.pos++
  }

  skipToBreak(): void {
    while (!isBreakOrEnd(this.at())) this.pos++
  }

  /** Goes past the end of a line and returns what it is in a value: LF, or LS and PS as they are. */
  takeBreak(): string {
    const code = this.at()
    this.pos += code === 0x0d && this.at(1) === 0x0a ? 2 : 1
    this.line++
    this.lineStart = this.pos
    return code === 0x2028 ? '\u2028' : code === 0x2029 ? '\u2029' : '\n'
  }

  /** `---` or `...` at the beginning of a line. */
  atDocumentMark(): boolean {
    if (this.pos !== this.lineStart) return false
    const code = this.at()
    return (
      (code === DASH || code === DOT) &&
      this.at(1) === code &&
      this.at(2) === code &&
      isBlankOrEnd(this.at(3))
    )
  }

  fail(message: string, line = this.line): never {
    throw new YamlSyntaxError(message, line)
  }
}
