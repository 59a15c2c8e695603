/** A mistake in the configuration, and the error that carries all of them. */
export interface ConfigProblem {
  file: string
  /** From 1; 0 where the file could not be read at all. */
  line: number
  column: number
  /** What is wrong and what would be right. Never a secret's value. */
  message: string
}

export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `config.yaml:12:9: sources[0].renderer ...`, as editors and terminals make links of. */
export function formatProblem({ file, line, column, message }: ConfigProblem): string {
  return line === 0 ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`
}
