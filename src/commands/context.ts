import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '../cluster/connection.ts'
import { ClusterApi } from '../cluster/api.ts'
import { Discovery } from '../cluster/discovery.ts'
import { processEnvironment, type Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import type { DesiredState } from '../model/desired.ts'
import { Repositories } from '../git/repositories.ts'
import { loadSource } from '../git/source.ts'
import { agentPresets } from '../policy/presets/agents.ts'
import { operatorPresets } from '../policy/presets/operators.ts'
import { settingsOf, type Settings, type SourceSettings } from '../guard/settings.ts'

/** What commands are given on the command line. */
export interface CommonOptions {
  config: string
  kubeconfig?: string
  context?: string
  output: 'text' | 'json'
  source?: string[]
}

/** Names of the presets that a configuration may name. */
export const presetNames = {
  agents: agentPresets.map(({ name }) => name),
  operators: operatorPresets.map(({ name }) => name),
}

/** The configuration, its presets resolved. @throws ConfigError with every mistake. */
export async function readSettings({ config }: Pick<CommonOptions, 'config'>): Promise<Settings> {
  return settingsOf(await loadConfig(config, { presets: presetNames }))
}

/** A connection to the cluster that the options name, with what it serves. */
export async function openCluster({ kubeconfig, context }: Pick<CommonOptions, 'kubeconfig' | 'context'>) {
  const connection = connect({ kubeconfig, context })
  const api = new ClusterApi(connection)
  const discovery = new Discovery({ api })
  await discovery.refresh()
  await discovery.readCustomKinds()
  return { connection, api, discovery }
}

/** The sources that are asked for: all, or those named. @throws Error for a name that is none. */
export function chosenSources(
  settings: Settings,
  names: readonly string[] | undefined,
): readonly SourceSettings[] {
  if (names === undefined) return settings.sources
  const known = settings.sources.map(({ policy }) => policy.name)
  for (const name of names) {
    if (!known.includes(name))
      throw new Error(`there is no source ${name}: there are ${known.join(', ') || 'none'}`)
  }
  return settings.sources.filter(({ policy }) => names.includes(policy.name))
}

/** Reads each source once, as Git has it now. Clones are kept in the user's cache. */
export async function readSources(sources: readonly SourceSettings[]): Promise<DesiredState[]> {
  const environment = processEnvironment()
  const stateDir = await cacheDirectory(environment)
  const repositories = new Repositories({ stateDir, environment: environment.variables })
  try {
    return await Promise.all(
      sources.map(({ input }) => loadSource(input.spec, repositories.open(input.url, input.auth))),
    )
  } finally {
    await repositories.stop()
  }
}

async function cacheDirectory({ cacheHome }: Environment): Promise<string> {
  const directory = join(cacheHome, 'gitops-guard')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return directory
}
