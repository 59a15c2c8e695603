/** What is found in the objects of agents. */
import type { KubeObject } from '../model/json.ts'
import type { Allowance } from '../model/policy.ts'
import type { SourceSpec } from '../git/source-spec.ts'

/** Kinds of agents' objects that are looked at. */
export type AgentKind =
  'Kustomization' | 'GitRepository' | 'HelmRelease' | 'HelmChart' | 'Application' | 'AppProject'

/** What the cluster holds of agents' objects: facts, as they are now. */
export interface AgentFacts {
  /** In order of namespace and name. */
  all(kind: AgentKind): Iterable<KubeObject>
  find(kind: AgentKind, namespace: string, name: string): KubeObject | undefined
  /** A ConfigMap or Secret that was asked for (`wants`); undefined where it does not exist or is not known yet. */
  values(reference: ValueReference): KubeObject | undefined
  /** What agents tell Helm of the cluster; undefined where it is not known. */
  cluster?: ClusterFacts | undefined
}

export interface ClusterFacts {
  /** Such as v1.36.3. */
  kubeVersion: string
  /** What is served, in order: `apps/v1` and `apps/v1/Deployment`. */
  apiVersions: readonly string[]
}

/** A ConfigMap or Secret by which an agent's object is completed. */
export interface ValueReference {
  kind: 'ConfigMap' | 'Secret'
  namespace: string
  name: string
}

/** A source that an agent brings in. */
export interface DiscoveredSource {
  /** `flux:NAMESPACE/NAME`, `argocd:NAMESPACE/NAME`; of several sources of an Application with `#` and its number, from 1. */
  name: string
  agent: 'flux' | 'argocd'
  /** The object that says so. */
  object: {
    kind: 'Kustomization' | 'HelmRelease' | 'Application'
    namespace: string
    name: string
    index: number
  }
  url: string
  spec: SourceSpec
  /** The commit that the agent is at, full hash: what is read first. */
  startAt?: string
  /** The newest commit that the agent holds, full hash: it is worth a look when it is another one. */
  announced?: string
  /** The agent does not reconcile it now. */
  suspended: boolean
  /** Its agent may do less than the guard: only what was seen in the cluster as this commit has it is put back. */
  limited: boolean
  /** What cannot be changed in place is deleted and made again. */
  recreate: boolean
  /** Users that bring it in besides the agent's own. */
  users: readonly string[]
  /** What may differ from Git, only in what this source declares. */
  allowances: readonly Allowance[]
}

/** Why one of an agent's objects is not guarded, or not all of it. */
export interface DiscoveryProblem {
  source: string
  message: string
}

/** What one of an agent's objects comes to. */
export interface Found {
  sources: readonly DiscoveredSource[]
  /** It cannot be followed as it is: what was found in it before stays in force. */
  problem?: DiscoveryProblem
  /** ConfigMaps and Secrets that it takes from. */
  wants: readonly ValueReference[]
}

export const nothing: Found = { sources: [], wants: [] }

/** Everything that is found. */
export interface Discovered {
  sources: readonly DiscoveredSource[]
  problems: readonly DiscoveryProblem[]
  wants: readonly ValueReference[]
}
