import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import { connect, type Connection } from '../cluster/connection.ts'
import { Discovery } from '../cluster/discovery.ts'
import { processEnvironment, type Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import type { DesiredState } from '../model/desired.ts'
import { GitError } from '../git/git-error.ts'
import { escapeText } from '../object/text.ts'
import { discoverOnce } from './discovered.ts'
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

/** The same with the sources that are discovered in the cluster, which is asked only where there are any to look for. */
export async function readAllSettings(options: Omit<CommonOptions, 'output'>): Promise<Settings> {
  const settings = await readSettings(options)
  const { flux, argocd } = settings.config.discover
  if (flux === undefined && argocd === undefined) return settings
  const { api, connection, discovery } = await openCluster(options)
  try {
    const { settings: all, problems } = await discoverOnce(settings, { api, discovery })
    for (const { source, message } of problems)
      console.error(escapeText(`${source} cannot be followed: ${message}`, 2000))
    return all
  } finally {
    connection.close()
  }
}

/** A connection to the cluster that the options name, with what it serves. @throws Error with what to look at. */
export async function openCluster(options: Pick<CommonOptions, 'kubeconfig' | 'context'>) {
  const connection = connectTo(options)
  const api = new ClusterApi(connection)
  const discovery = new Discovery({ api })
  try {
    await discovery.refresh()
    await discovery.readCustomKinds()
  } catch (error) {
    connection.close()
    const { server, name } = connection
    const what =
      error instanceof ApiError && error.status !== 0
        ? `the API server ${server} refuses the user of the context ${name}`
        : `the API server ${server} of the context ${name} cannot be reached`
    throw new Error(`${what}: is it the right --kubeconfig and --context?`, { cause: error })
  }
  return { connection, api, discovery }
}

/** The way to the cluster that the options name; nothing is asked yet. @throws Error with what to look at. */
export function connectTo({
  kubeconfig,
  context,
}: Pick<CommonOptions, 'kubeconfig' | 'context'>): Connection {
  if (kubeconfig !== undefined && !existsSync(kubeconfig))
    throw new Error(`there is no kubeconfig ${kubeconfig}: name one with --kubeconfig`)
  return connect({ kubeconfig, context })
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

/** Reads each source once, as Git has it now; one that was discovered and cannot be read is told and left out. Clones are kept in the user's cache. */
export async function readSources(sources: readonly SourceSettings[]): Promise<DesiredState[]> {
  const environment = processEnvironment()
  const stateDir = await cacheDirectory(environment)
  const repositories = new Repositories({ stateDir, environment: environment.variables })
  try {
    const read = async ({ input, discovered }: SourceSettings) => {
      try {
        return [await loadSource(input.spec, repositories.open(input.url, input.auth))]
      } catch (error) {
        if (discovered === undefined || !(error instanceof GitError)) throw error
        console.error(escapeText(`${input.spec.name} cannot be read: ${error.message}`, 2000))
        return []
      }
    }
    return (await Promise.all(sources.map(read))).flat()
  } finally {
    await repositories.stop()
  }
}

async function cacheDirectory({ cacheHome }: Environment): Promise<string> {
  const directory = join(cacheHome, 'gitops-guard')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return directory
}
