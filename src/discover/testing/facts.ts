/** Agents' objects as facts, for tests. */
import type { KubeObject } from '../../model/json.ts'
import type { AgentFacts, AgentKind } from '../discovered.ts'

/** An object of a kind; ConfigMaps and Secrets hold `spec` as their data. */
export function agentObject(kind: string, name: string, spec: object, more: object = {}): KubeObject {
  const [namespace, own] = name.split('/') as [string, string]
  const isData = kind === 'ConfigMap' || kind === 'Secret'
  return {
    apiVersion: 'v1',
    kind,
    metadata: { namespace, name: own },
    ...(isData ? { data: spec } : { spec }),
    ...more,
  } as unknown as KubeObject
}

/** A cluster that is not known. */
export function facts(...objects: KubeObject[]): AgentFacts {
  const find = (kind: string, namespace: string, name: string) =>
    objects.find(
      (one) => one.kind === kind && one.metadata['namespace'] === namespace && one.metadata['name'] === name,
    )
  return {
    all: (kind: AgentKind) => objects.filter((one) => one.kind === kind),
    find,
    values: ({ kind, namespace, name }) => find(kind, namespace, name),
  }
}
