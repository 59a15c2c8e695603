/** A place in a text that Kubernetes could not read. */
export class YamlSyntaxError extends Error {
  override name = 'YamlSyntaxError'
  /** From 1. */
  readonly line: number

  constructor(message: string, line: number) {
    super(message)
    this.line = line
  }
}
