import type { Row } from '../row.ts'
import { AGENT, paths } from '../stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const PODS = '/api/v1/namespaces/shop/pods'
/** What the demo's Service selects. */
const WEB = { 'app.kubernetes.io/name': 'web' }
const spec = { containers: [{ name: 'hers', image: 'hers.example/evil:1' }] }

const make = (title: string, path: string, body: object): Row => ({
  row: 0,
  title: `alice ${title}`,
  expect: 'webhook',
  run: (stage) => stage.refusedRaw('alice', ['POST', path, body]),
})
const change = (title: string, path: string, body: object): Row => ({
  row: 0,
  title: `alice ${title}`,
  expect: 'webhook',
  run: (stage) => stage.refusedRaw('alice', ['PATCH', path, body], MERGE),
})
const remove = (title: string, path: string): Row => ({
  row: 0,
  title: `alice ${title}`,
  expect: 'webhook',
  run: (stage) => stage.refusedRaw('alice', ['DELETE', path]),
})

/** Taking the place of what Git declares, or of what the guard and the agents live by, without touching either. */
export const takeoverRows: readonly Row[] = [
  make('makes a Pod that a declared Service would send traffic to', PODS, {
    metadata: { name: 'hers', labels: WEB },
    spec,
  }),
  make('makes a Pod that the ReplicaSet of a declared Deployment would adopt', PODS, {
    metadata: { name: 'hers', labels: { app: 'api' } },
    spec,
  }),
  make(
    'makes a Deployment whose Pods a declared Service would send traffic to',
    '/apis/apps/v1/namespaces/shop/deployments',
    {
      metadata: { name: 'hers' },
      spec: {
        selector: { matchLabels: WEB },
        template: { metadata: { labels: WEB }, spec },
      },
    },
  ),
  {
    row: 0,
    title: 'alice labels a Pod of hers so later',
    expect: 'webhook',
    run: async (stage) => {
      await stage.raw('alice', 'POST', PODS, { metadata: { name: 'hers' }, spec })
      try {
        return await stage.refusedRaw(
          'alice',
          ['PATCH', `${PODS}/hers`, { metadata: { labels: WEB } }],
          MERGE,
        )
      } finally {
        await stage.raw('alice', 'DELETE', `${PODS}/hers?gracePeriodSeconds=0`)
      }
    },
  },
  make('binds a Pod to a node of hers (pods/binding)', `${paths.bare}/binding`, {
    metadata: { name: 'bare' },
    target: { kind: 'Node', name: 'hers' },
  }),
  make('binds a Pod by the old bindings resource', '/api/v1/namespaces/shop/bindings', {
    metadata: { name: 'bare' },
    target: { kind: 'Node', name: 'hers' },
  }),
  make(
    "makes a FlowSchema that starves the guard's requests",
    '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas',
    {
      metadata: { name: 'aaa' },
      spec: {
        matchingPrecedence: 2,
        priorityLevelConfiguration: { name: 'catch-all' },
        rules: [
          {
            subjects: [
              { kind: 'ServiceAccount', serviceAccount: { namespace: 'gitops-guard', name: 'gitops-guard' } },
            ],
            resourceRules: [
              {
                verbs: ['*'],
                apiGroups: ['*'],
                resources: ['*'],
                namespaces: ['*'],
                clusterScope: true,
              },
            ],
          },
        ],
      },
    },
  ),
  change(
    'takes an APIService that the API server decides by out of its keeping',
    '/apis/apiregistration.k8s.io/v1/apiservices/v1.admissionregistration.k8s.io',
    { metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': null } } },
  ),
  make(
    'takes the Lease by which an agent is elected',
    '/apis/coordination.k8s.io/v1/namespaces/flux-system/leases',
    { metadata: { name: 'kustomize-controller' }, spec: { holderIdentity: 'hers' } },
  ),
  change("keeps an agent's Pods from coming back by Pod Security", '/api/v1/namespaces/flux-system', {
    metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  }),
  remove('deletes the namespace that an agent runs in', '/api/v1/namespaces/flux-system'),
  remove('deletes the namespace that a CI agent has its account in', '/api/v1/namespaces/ci'),
  remove("deletes an agent's account", '/api/v1/namespaces/ci/serviceaccounts/deployer'),
  {
    row: 0,
    title: 'the agent itself may do all that',
    expect: 'allowed',
    run: async (stage) => {
      const { status, text } = await stage.raw(AGENT, 'POST', `${PODS}?dryRun=All`, {
        metadata: { name: 'its', labels: WEB },
        spec,
      })
      if (status !== 201) throw new Error(text)
      return { stopped: 'allowed' }
    },
  },
]
