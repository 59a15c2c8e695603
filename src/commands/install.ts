import { stringify } from 'yaml'
import type { Discovery } from '../cluster/discovery.ts'
import { parseConfig, readConfigFile } from '../config/load.ts'
import type { GuardConfig } from '../config/types.ts'
import { formatSupport, serverSupport } from '../doctor/server-support.ts'
import type { KubeObject } from '../model/json.ts'
import { settingsOf } from '../guard/settings.ts'
import { openCluster, presetNames, readSources } from './context.ts'
import { applyInstallation } from './install-apply.ts'
import { guardedOf } from './install-guarded.ts'
import { readDeployManifests } from './install-manifests.ts'
import { installWarnings, nextSteps, syncWarnings } from './install-notes.ts'
import { renderInstallation } from './install-render.ts'
import { wantedSecrets } from './install-secrets.ts'
import { writeStaticManifests } from './install-static.ts'

export interface InstallOptions {
  config: string
  kubeconfig?: string
  context?: string
  output: 'text' | 'json'
  image?: string
  replicas?: string
  dryRun?: boolean
  staticManifests?: string
  /** Leaves the rights as wide as `deploy/` has them. */
  allKinds?: boolean
}

/**
 * `gitops-guard install`: applies `deploy/` with this configuration, and with no more rights than the kinds that its sources
 * declare need. With `--dry-run` it prints what it would apply, for kubectl. Can be run again at any time.
 */
export async function install(options: InstallOptions): Promise<number> {
  const configuration = await readConfigFile(options.config)
  const config = parseConfig(configuration, options.config, { presets: presetNames })
  const { connection, api, discovery } = await openCluster(options)
  try {
    if (options.staticManifests !== undefined)
      return await writeStaticManifests(options.staticManifests, config, {
        discovery,
        output: options.output,
      })
    const { guarded, unknown } = await rights(config, options, discovery)
    const objects = renderInstallation(readDeployManifests(), {
      configuration,
      image: options.image,
      replicas: replicasOf(options.replicas),
      guarded,
    })
    const secrets = wantedSecrets(configuration)
    const warnings = [
      ...untried(discovery),
      ...installWarnings(config, secrets, unknown),
      ...(guarded === undefined ? [] : syncWarnings(config)),
    ]
    const next = nextSteps(config, secrets)
    for (const warning of warnings) console.error(`warning: ${warning}`)
    if (options.dryRun === true) return print(objects, options)
    const say = options.output === 'text'
    if (say) console.log(`Installing into ${connection.name}, ${connection.server}`)
    const applied = await applyInstallation(api, discovery, {
      objects,
      said: ({ object, action }) => say && console.log(`  ${object} ${action}`),
    })
    if (say) console.log(`\nNext:\n${next.map((line) => `  ${line}`).join('\n')}`)
    else console.log(JSON.stringify({ objects: applied, warnings, next }, null, 2))
    return 0
  } finally {
    connection.close()
  }
}

/** A version that nobody tried, and what it lacks. */
function untried({ serverVersion, emulatedVersion }: Discovery): string[] {
  const support = serverSupport(serverVersion, emulatedVersion)
  return support.tried === 'older' || support.tried === 'newer' ? [formatSupport(serverVersion, support)] : []
}

async function rights(config: GuardConfig, { allKinds }: InstallOptions, discovery: Discovery) {
  const { flux, argocd } = config.discover
  // What is discovered is known only when the guard runs.
  if (allKinds === true || flux !== undefined || argocd !== undefined)
    return { guarded: undefined, unknown: [] }
  const { sources } = settingsOf(config)
  const states = await readSources(sources)
  const declaring = sources.map(({ policy, sync }, index) => ({
    ...policy,
    sync: sync !== undefined,
    manifests: states[index]?.manifests ?? [],
  }))
  return guardedOf(declaring, discovery)
}

function replicasOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const replicas = Number(text)
  if (Number.isInteger(replicas) && replicas >= 1) return replicas
  throw new Error(`cannot install ${text} replicas as --replicas must be a whole number of at least 1`)
}

function print(objects: readonly KubeObject[], { output }: InstallOptions): number {
  if (output === 'json')
    console.log(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2))
  else
    process.stdout.write(
      objects.map((object) => `---\n${stringify(object, { version: '1.1', lineWidth: 0 })}`).join(''),
    )
  return 0
}
