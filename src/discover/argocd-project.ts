/** What an AppProject allows an Application, and when. */
import type { Json, KubeObject } from '../model/json.ts'
import { stringifyJson } from '../object/json.ts'
import { matchesPattern } from '../object/selectors.ts'
import type { AgentFacts } from './discovered.ts'
import { at, listAt, nameOf, textAt, textsAt } from './reading.ts'

export interface ArgocdProject {
  /** It may not bring in everything everywhere. */
  limited: boolean
  /** Sync windows are for it: there are times when it does not sync. */
  hasWindows: boolean
  /** Whom Argo CD syncs it as, where that is an account of its own. */
  users: readonly string[]
}

/** One whose project is not there may do nothing. */
export function projectOf(application: KubeObject, facts: AgentFacts): ArgocdProject {
  const { namespace } = nameOf(application)
  const name = textAt(application['spec'], 'project') || 'default'
  // Applications of any namespace have their project where Argo CD is.
  const project =
    facts.find('AppProject', namespace, name) ??
    [...facts.all('AppProject')].find((other) => nameOf(other).name === name)
  if (project === undefined) return { limited: true, hasWindows: false, users: [] }
  const { spec } = project
  const accounts = listAt(spec, 'destinationServiceAccounts')
  const destination = at(application['spec'], 'destination')
  const account = accounts.find((entry) => isFor(entry, destination))
  return {
    limited: !allowsAll(spec) || accounts.length > 0,
    hasWindows: listAt(spec, 'syncWindows').some((window) => opensFor(window, application)),
    users: account === undefined ? [] : [userOf(account, textAt(destination, 'namespace'))],
  }
}

function allowsAll(spec: Json | undefined): boolean {
  const everything = (list: readonly Json[]) =>
    list.some((one) => textAt(one, 'group') === '*' && textAt(one, 'kind') === '*')
  return (
    textsAt(spec, 'sourceRepos').includes('*') &&
    listAt(spec, 'destinations').some(
      (one) =>
        textAt(one, 'namespace') === '*' && (textAt(one, 'server') === '*' || textAt(one, 'name') === '*'),
    ) &&
    everything(listAt(spec, 'clusterResourceWhitelist')) &&
    listAt(spec, 'clusterResourceBlacklist').length === 0 &&
    listAt(spec, 'namespaceResourceBlacklist').length === 0 &&
    (at(spec, 'namespaceResourceWhitelist') === undefined ||
      everything(listAt(spec, 'namespaceResourceWhitelist'))) &&
    !stringifyJson(listAt(spec, 'destinations')).includes('"!') &&
    listAt(spec, 'signatureKeys').length === 0
  )
}

/** Any window, whether it allows or denies: when that is does not matter. */
function opensFor(window: Json, application: KubeObject): boolean {
  const { name } = nameOf(application)
  const destination = at(application['spec'], 'destination')
  const any = (field: string, text: string) =>
    textsAt(window, field).some((pattern) => matchesPattern(pattern, text))
  return (
    any('applications', name) ||
    any('namespaces', textAt(destination, 'namespace')) ||
    any('clusters', textAt(destination, 'server')) ||
    any('clusters', textAt(destination, 'name') || 'in-cluster')
  )
}

function isFor(entry: Json, destination: Json | undefined): boolean {
  const server = textAt(destination, 'server') || 'https://kubernetes.default.svc'
  return (
    matchesPattern(textAt(entry, 'server'), server) &&
    matchesPattern(textAt(entry, 'namespace'), textAt(destination, 'namespace'))
  )
}

function userOf(entry: Json, namespace: string): string {
  const account = textAt(entry, 'defaultServiceAccount')
  return `system:serviceaccount:${account.includes(':') ? account : `${namespace}:${account}`}`
}
