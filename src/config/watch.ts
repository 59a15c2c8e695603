import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig, readConfigFile, type LoadOptions } from './load.ts'
import { ConfigError, type ConfigProblem } from './problem.ts'
import type { GuardConfig } from './types.ts'

export interface ConfigWatchHandlers {
  /** The file changed and is valid. */
  onConfig(config: GuardConfig): void
  /** The file changed and is not: the last good one stays in force. Once for each such change. */
  onInvalid(problems: readonly ConfigProblem[]): void
}

export interface ConfigWatchOptions extends LoadOptions {
  /** Milliseconds between looks. */
  interval?: number
}

/**
 * Loads the configuration and follows its file. It looks at the content instead of waiting for file events: a ConfigMap is
 * changed by swapping a symbolic link two folders up, network file systems have no events, and the file is small.
 *
 * @throws ConfigError where the configuration is invalid at the start.
 */
export async function watchConfig(
  file: string,
  handlers: ConfigWatchHandlers,
  options: ConfigWatchOptions = {},
): Promise<{ config: GuardConfig; stop(): void }> {
  const stopped = new AbortController()
  const first = await readConfigFile(file)
  const config = parseConfig(first, file, options)
  void follow(file, first, handlers, options, stopped.signal)
  return { config, stop: () => stopped.abort() }
}

async function follow(
  file: string,
  first: string,
  handlers: ConfigWatchHandlers,
  options: ConfigWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const { interval = 1000 } = options
  let known = first
  let unreadable: string | undefined
  while (await pause(interval, signal)) {
    const text = await settled(file, known, signal).catch((error: unknown) => asConfigError(error, file))
    if (signal.aborted) return
    if (text instanceof ConfigError) {
      if (unreadable !== text.message) handlers.onInvalid(text.problems)
      unreadable = text.message
      continue
    }
    if (text === known && unreadable === undefined) continue
    known = text
    unreadable = undefined
    try {
      handlers.onConfig(parseConfig(text, file, options))
    } catch (error) {
      handlers.onInvalid(asConfigError(error, file).problems)
    }
  }
}

/** The text, once two looks agree: an editor may be half-way through writing it. */
async function settled(file: string, known: string, signal: AbortSignal): Promise<string> {
  let text = await readConfigFile(file)
  while (text !== known && (await pause(50, signal))) {
    const again = await readConfigFile(file)
    if (again === text) break
    text = again
  }
  return text
}

function asConfigError(error: unknown, file: string): ConfigError {
  if (error instanceof ConfigError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new ConfigError([{ file, line: 0, column: 0, message }])
}

/** False once it is to stop. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined)
  return !signal.aborted
}
