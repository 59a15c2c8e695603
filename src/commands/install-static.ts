import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { staticManifests } from '../admission/static-manifests.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { GuardConfig } from '../config/types.ts'
import { serverSupport } from '../doctor/server-support.ts'
import { settingsOf } from '../guard/settings.ts'
import { readSources } from './context.ts'
import { policyFacts } from './install-policies.ts'

/**
 * `gitops-guard install --static-manifests DIR`: writes what an API server of your own reads from files (Kubernetes 1.36, alpha),
 * and applies nothing. DIR is where it will lie on the API servers' machines too, or is changed in admission-configuration.yaml.
 */
export async function writeStaticManifests(
  folder: string,
  config: GuardConfig,
  {
    discovery,
    output,
  }: {
    discovery: Pick<Discovery, 'resourceFor' | 'serverVersion' | 'emulatedVersion'>
    output: 'text' | 'json'
  },
): Promise<number> {
  const { serverVersion, emulatedVersion } = discovery
  if (serverSupport(serverVersion, emulatedVersion).lacks.some(({ name }) => name === 'admission-files'))
    console.error(
      `warning: Kubernetes ${emulatedVersion ?? serverVersion} cannot read admission from files, 1.36 and later can: an API server that is told to does not start`,
    )
  const directory = resolve(folder)
  const settings = settingsOf(config)
  const states = await readSources(settings.sources)
  const declared = new Map<string, { group: string; resource: string }>()
  for (const { ref } of states.flatMap(({ manifests }) => manifests)) {
    const resource = discovery.resourceFor(ref.group, ref.kind)?.resource
    if (resource !== undefined) declared.set(`${ref.group}/${resource}`, { group: ref.group, resource })
  }
  const policies = policyFacts(settings, states, [...declared.values()])
  const files = staticManifests({ policies, directory })
  for (const { path, text } of files) {
    const file = join(directory, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    if (output === 'text') console.log(`wrote ${file}`)
  }
  if (output === 'json')
    console.log(JSON.stringify({ directory, files: files.map(({ path }) => path) }, null, 2))
  else
    console.log(
      `Start each kube-apiserver with --feature-gates=ManifestBasedAdmissionControlConfig=true and --admission-control-config-file=${join(directory, 'admission-configuration.yaml')}`,
    )
  return 0
}
