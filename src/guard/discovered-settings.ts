import type { DiscoveredSource } from '../discover/discovered.ts'
import { parseGitUrl } from '../git/git-url.ts'
import { nameRef } from '../git/git-ref.ts'
import { normalizePath } from '../git/source.ts'
import { agentPreset } from '../policy/presets/agents.ts'
import type { Settings, SourceSettings } from './settings.ts'

/** Milliseconds between questions to a server. */
const POLL = 30_000

/** The settings with what was found in the cluster: written sources first, so that these hold what both declare. */
export function withDiscovered(settings: Settings, found: readonly SourceSettings[]): Settings {
  const allowances = found.flatMap(({ discovered }) => discovered?.allowances ?? [])
  return {
    ...settings,
    sources: [...settings.sources, ...found],
    allowances: allowances.length === 0 ? settings.allowances : [...settings.allowances, ...allowances],
  }
}

/** How a discovered source is read and guarded. Throws GitError `refused` for what must not reach git. */
export function discoveredSettings(discovered: DiscoveredSource, settings: Settings): SourceSettings {
  const { name, url, spec, startAt, suspended, limited, recreate, users, agent } = discovered
  const { config, agents } = settings
  const { fetch, display, kind } = parseGitUrl(url)
  if (kind === 'local') throw new Error(`the repository ${display} is a place on a machine, not a server`)
  normalizePath(spec.path)
  const managers = agentPreset(agent)?.managers
  const impersonated = users.map((user) => ({
    name: user,
    users: [user],
    ...(managers === undefined ? {} : { managers }),
  }))
  const whenSuspended = config.discover[agent]?.suspended ?? 'alert'
  return {
    discovered,
    input: { spec, url, auth: credentialsFor(fetch, config.discover.repositories), poll: POLL, startAt },
    policy: {
      name,
      repository: display,
      ref: nameRef(spec.ref).text,
      mode: config.mode,
      heal: suspended && whenSuspended === 'alert' ? 'alert' : config.heal,
      undeclared: 'allow',
      agents: impersonated.length === 0 ? agents : [...agents, ...impersonated],
      recreate,
      ...(limited ? { limited } : {}),
    },
    ...(spec.namespace === undefined ? {} : { namespace: spec.namespace }),
  }
}

/** Those of the longest beginning of the URL, whole parts of it: what is for one team's folder is not for another's that begins alike. */
export function credentialsFor<Auth>(
  url: string,
  repositories: readonly { url: string; auth: Auth }[],
): Auth | undefined {
  const fits = repositories.filter(({ url: beginning }) => {
    const { fetch } = parseGitUrl(beginning)
    if (url === fetch || url === `${fetch}.git`) return true
    return url.startsWith(/[/:]$/.test(fetch) ? fetch : `${fetch}/`)
  })
  return fits.toSorted((a, b) => b.url.length - a.url.length)[0]?.auth
}
