import { readFile } from 'node:fs/promises'
import type { PresetNames } from './check-meaning.ts'
import { processEnvironment } from './environment.ts'
import { ConfigError } from './problem.ts'
import { resolveConfig } from './resolve.ts'
import type { GuardConfig } from './types.ts'
import { validateConfig } from './validate.ts'

export interface LoadOptions {
  /** Names of presets that exist. Without it, any name is taken. */
  presets?: PresetNames
  /** Where `{ env: NAME }` looks. Default: this process's environment. */
  environment?: Readonly<Record<string, string | undefined>>
}

/** Reads the configuration. @throws ConfigError with every mistake in it. */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<GuardConfig> {
  return parseConfig(await readConfigFile(file), file, options)
}

/** The file's text. @throws ConfigError where it cannot be read. */
export async function readConfigFile(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : (error.code ?? error.message)
    throw new ConfigError([
      { file, line: 0, column: 0, message: `cannot read the configuration as ${why}. Name it with --config` },
    ])
  })
}

/** The configuration that a text holds. @throws ConfigError with every mistake in it. */
export function parseConfig(text: string, file: string, options: LoadOptions = {}): GuardConfig {
  const result = validateConfig(text, { file, presets: options.presets })
  if ('problems' in result) throw new ConfigError(result.problems)
  return resolveConfig(result.config, {
    file,
    environment: options.environment ?? processEnvironment().variables,
  })
}
