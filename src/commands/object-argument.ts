import type { ResourceInfo } from '../model/identity.ts'
import type { Discovery } from '../cluster/discovery.ts'

/** Short names that kubectl's users type; discovery says the same for each kind. */
const SHORT: { readonly [name: string]: string } = {
  cj: 'cronjobs',
  cm: 'configmaps',
  crd: 'customresourcedefinitions',
  deploy: 'deployments',
  ds: 'daemonsets',
  ep: 'endpoints',
  hpa: 'horizontalpodautoscalers',
  ing: 'ingresses',
  limits: 'limitranges',
  netpol: 'networkpolicies',
  no: 'nodes',
  ns: 'namespaces',
  pc: 'priorityclasses',
  pdb: 'poddisruptionbudgets',
  po: 'pods',
  pv: 'persistentvolumes',
  pvc: 'persistentvolumeclaims',
  quota: 'resourcequotas',
  rs: 'replicasets',
  sa: 'serviceaccounts',
  sc: 'storageclasses',
  sts: 'statefulsets',
  svc: 'services',
}

/** An object as kubectl names it: `deploy/web`, `deployments.apps/web`, `Deployment/web`. @throws Error with what would be right. */
export function readObjectArgument(
  argument: string,
  discovery: Pick<Discovery, 'resources'>,
): { resource: ResourceInfo; name: string } {
  const slash = argument.indexOf('/')
  const [type, name] = [argument.slice(0, slash).toLowerCase(), argument.slice(slash + 1)]
  if (slash <= 0 || name === '')
    throw new Error(`name an object as kind/name, such as deploy/web: not ${argument}`)
  const [word = '', ...rest] = type.split('.')
  const plural = SHORT[word] ?? word
  const group = rest.join('.')
  const found = discovery
    .resources()
    .filter(
      (info) =>
        info.resource === plural ||
        info.kind.toLowerCase() === word ||
        `${info.kind.toLowerCase()}s` === word,
    )
    .filter((info) => group === '' || info.group === group)
    // Built-in kinds come before others of the same name, as with kubectl.
    .toSorted((a, b) => Number(a.group.includes('.')) - Number(b.group.includes('.')))
  const [resource] = found
  if (resource === undefined)
    throw new Error(`this API server serves no kind ${type}: kubectl api-resources lists those that it does`)
  return { resource, name }
}
