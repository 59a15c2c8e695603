import type { GuardConfig } from '../config/types.ts'
import { FILES, type WantedSecrets } from './install-secrets.ts'

/** What a person should know of a configuration before it runs in a Pod: nothing where all is well. */
export function installWarnings(
  config: GuardConfig,
  { files }: WantedSecrets,
  unknown: readonly string[],
): string[] {
  const local = config.sources.filter(({ repository }) => repository.startsWith('/'))
  const elsewhere = files.filter((file) => !file.startsWith(`${FILES}/`))
  const { stateDir } = config
  return [
    ...local.map(
      ({ name, repository }) =>
        `source ${name}: ${repository} is a path on this machine, which the Pods do not have`,
    ),
    ...elsewhere.map(
      (file) =>
        `file: ${file} is not in the Pods: give it as ${FILES}/NAME and put it into the Secret gitops-guard-files`,
    ),
    ...(stateDir === undefined || stateDir.startsWith('/var/lib/gitops-guard')
      ? []
      : [`stateDir ${stateDir}: the Pods can write to /var/lib/gitops-guard only`]),
    ...unknown.map(
      (kind) =>
        `this cluster does not know ${kind} yet: install again when it does, for the right to guard it`,
    ),
    ...(config.sources.length === 0
      ? ['there are no sources: nothing is guarded until the configuration names one']
      : []),
  ]
}

/** What narrow rights mean where the guard is the agent. */
export function syncWarnings({ sources }: GuardConfig): string[] {
  return sources
    .filter(({ sync }) => sync)
    .map(
      ({ name }) =>
        `source ${name}: the guard may bring in the kinds that Git declares now; when a commit adds one, install again (or give it all kinds now: --all-kinds)`,
    )
}

/** What to do next, as commands. */
export function nextSteps(config: GuardConfig, { env, files }: WantedSecrets): string[] {
  const literals = env.map((name) => ` --from-literal=${name}=...`).join('')
  const paths = files.map((file) => ` --from-file=${file.split('/').at(-1)}`).join('')
  const secret = 'kubectl create secret generic -n gitops-guard'
  return [
    ...(env.length > 0 ? [`${secret} gitops-guard-env${literals}`] : []),
    ...(files.length > 0 ? [`${secret} gitops-guard-files${paths}`] : []),
    'kubectl rollout status -n gitops-guard deployment/gitops-guard',
    'gitops-guard status',
    ...(config.mode === 'enforce'
      ? []
      : [
          `read what it tells; then set mode: ${config.mode === 'audit' ? 'warn, later enforce' : 'enforce'}, and install again`,
        ]),
  ]
}
