/** Which sources the objects of agents come to: facts in, sources out. */
import { matchesPattern } from '../object/selectors.ts'
import { argocdApplication } from './argocd-application.ts'
import type { AgentFacts, AgentKind, Discovered, DiscoveredSource, Found } from './discovered.ts'
import { fluxHelmRelease } from './flux-helm-release.ts'
import { fluxKustomization, type FluxOptions } from './flux-kustomization.ts'
import { nameOf } from './reading.ts'

/** Where is looked; absent: not at all. Namespaces are patterns. */
export interface DiscoverOptions {
  flux?: (FluxOptions & { namespaces: readonly string[] }) | undefined
  argocd?: { namespaces: readonly string[] } | undefined
}

/** @param before what was in force: it stays for what cannot be followed as it is now. */
export function discover(
  facts: AgentFacts,
  options: DiscoverOptions,
  before: readonly DiscoveredSource[] = [],
): Discovered {
  const found: { kind: AgentKind; prefix: string; found: Found }[] = []
  const { flux, argocd } = options
  if (flux !== undefined) {
    for (const object of facts.all('Kustomization')) {
      const { namespace, name } = nameOf(object)
      if (!isWanted(namespace, flux.namespaces)) continue
      found.push({
        kind: 'Kustomization',
        prefix: `flux:${namespace}/${name}`,
        found: fluxKustomization(object, facts, flux),
      })
    }
    for (const object of facts.all('HelmRelease')) {
      const { namespace, name } = nameOf(object)
      if (!isWanted(namespace, flux.namespaces)) continue
      found.push({
        kind: 'HelmRelease',
        prefix: `flux:${namespace}/${name}#helm`,
        found: fluxHelmRelease(object, facts, flux),
      })
    }
  }
  if (argocd !== undefined) {
    for (const object of facts.all('Application')) {
      const { namespace, name } = nameOf(object)
      if (!isWanted(namespace, argocd.namespaces)) continue
      found.push({
        kind: 'Application',
        prefix: `argocd:${namespace}/${name}`,
        found: argocdApplication(object, facts),
      })
    }
  }
  const kept = found.flatMap(({ kind, prefix, found: { sources, problem } }) =>
    problem === undefined
      ? sources
      : before.filter(
          ({ name, object }) => (name === prefix || name.startsWith(`${prefix}#`)) && object.kind === kind,
        ),
  )
  return {
    // Where two declare one object the first holds it: one whose agent may do all that the guard may, before others.
    sources: [...kept.filter(({ limited }) => !limited), ...kept.filter(({ limited }) => limited)],
    problems: found.flatMap(({ found: { problem } }) => problem ?? []),
    wants: found.flatMap(({ found: { wants } }) => wants),
  }
}

function isWanted(namespace: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, namespace))
}
