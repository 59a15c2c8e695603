import type { Row } from '../row.ts'
import { paths, type Stage } from '../stage.ts'

async function podOf(stage: Stage, label: string): Promise<string> {
  let name = ''
  await stage.eventually(`a Pod of ${label}`, async () => {
    const { stdout } = await stage.must('alice', ['get', 'pods', '-n', 'shop', '-l', label, '-o', 'name'])
    name = stdout.trim().split('\n')[0]!.replace('pod/', '')
    return name !== ''
  })
  return name
}

/** What comes of declared objects, and the subresources of Pods. */
export const childRows: readonly Row[] = [
  {
    row: 2,
    title: 'alice debugs a Pod that Git declares',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', ['debug', '-n', 'shop', 'bare', '--image=evil.example/shell', '--attach=false']),
  },
  {
    row: 2,
    title: 'alice debugs a Pod of a declared Deployment',
    expect: 'webhook',
    run: async (stage) => {
      const pod = await podOf(stage, 'app=api')
      const args = ['debug', '-n', 'shop', pod, '--image=evil.example/shell', '--attach=false']
      return stage.refused('alice', args)
    },
  },
  {
    row: 5,
    title: 'alice takes a Pod of a declared Deployment out of its Service by labels in pods/status',
    expect: 'webhook',
    run: async (stage) => {
      const pod = await podOf(stage, 'app=api')
      const body = { metadata: { labels: { app: 'hers' } } }
      const path = `/api/v1/namespaces/shop/pods/${pod}/status`
      const contentType = 'application/merge-patch+json'
      return stage.refusedRaw('alice', ['PATCH', path, body], { contentType })
    },
  },
  {
    row: 2,
    title: 'alice PATCHes pods/ephemeralcontainers by herself',
    expect: 'webhook',
    run: async (stage) => {
      const pod = await podOf(stage, 'app.kubernetes.io/name=web')
      const spec = { ephemeralContainers: [{ name: 'shell', image: 'evil.example/shell' }] }
      return stage.refusedRaw(
        'alice',
        ['PATCH', `/api/v1/namespaces/shop/pods/${pod}/ephemeralcontainers`, { spec }],
        { contentType: 'application/strategic-merge-patch+json' },
      )
    },
  },
  {
    row: 2,
    title: 'alice changes the image of a running Pod of a declared Deployment',
    expect: 'webhook',
    run: async (stage) =>
      stage.refused('alice', [
        'set',
        'image',
        '-n',
        'shop',
        `pod/${await podOf(stage, 'app=api')}`,
        'api=evil:1',
      ]),
  },
  {
    row: 2,
    title: 'alice resizes a Pod that Git declares (pods/resize)',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        [
          'PATCH',
          `${paths.bare}/resize`,
          { spec: { containers: [{ name: 'bare', resources: { requests: { cpu: '1m' } } }] } },
        ],
        { contentType: 'application/strategic-merge-patch+json' },
      ),
  },
  {
    row: 2,
    title: 'alice makes the ReplicaSet of a declared Deployment run another image',
    expect: 'webhook',
    run: async (stage) => {
      const { stdout } = await stage.must('alice', ['get', 'rs', '-n', 'shop', '-l', 'app=api', '-o', 'name'])
      return stage.refused('alice', [
        'set',
        'image',
        '-n',
        'shop',
        stdout.trim().split('\n')[0]!,
        'api=evil:1',
      ])
    },
  },
  {
    row: 3,
    title: 'alice evicts a Pod of a declared Deployment',
    expect: 'webhook',
    run: async (stage) => {
      const name = await podOf(stage, 'app=api')
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'shop' } }
      return stage.refusedRaw('alice', ['POST', `/api/v1/namespaces/shop/pods/${name}/eviction`, eviction])
    },
  },
  {
    row: 3,
    title: 'alice deletes the Pods of a declared Deployment by label',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', ['delete', 'pods', '-n', 'shop', '-l', 'app=api', '--wait=false', '--now']),
  },
  {
    row: 3,
    title: 'an eviction by a service account is let through (budgets govern it)',
    expect: 'allowed',
    run: async (stage) => {
      const name = await podOf(stage, 'app.kubernetes.io/name=web')
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'shop' } }
      const path = `/api/v1/namespaces/shop/pods/${name}/eviction`
      const { status, text } = await stage.raw(
        'system:serviceaccount:elsewhere:drainer',
        'POST',
        path,
        eviction,
      )
      if (status !== 201) throw new Error(text)
      return { stopped: 'allowed' }
    },
  },
  ...['exec', 'attach', 'portforward', 'proxy'].map((verb): Row => ({
    row: 4,
    title: `alice connects to a Pod: ${verb} is told of, by name`,
    expect: 'reported',
    run: async (stage) => {
      const query = { exec: '?command=id&stdout=true', attach: '?stdout=true' }[verb] ?? ''
      const before = stage.sink.violations.length
      await stage.raw('alice', 'POST', `/api/v1/namespaces/shop/pods/bare/${verb}${query}`)
      await stage.told(
        'warned',
        (each) =>
          stage.sink.violations.indexOf(each) >= before &&
          each.rule === 'connect' &&
          each.subresource === verb &&
          each.actor.username === 'alice',
      )
      return { stopped: 'reported' }
    },
  })),
  {
    row: 4,
    title: "alice runs a command in a Pod of an agent's namespace",
    expect: 'webhook',
    run: async (stage) => {
      const spec = { containers: [{ name: 'c', image: 'x' }] }
      // Flux's own, made by Flux.
      await stage.raw(
        'system:serviceaccount:flux-system:kustomize-controller',
        'POST',
        '/api/v1/namespaces/flux-system/pods',
        {
          metadata: { name: 'controller' },
          spec,
        },
      )
      const path = '/api/v1/namespaces/flux-system/pods/controller/exec?command=cat&stdout=true'
      return stage.refusedRaw('alice', ['POST', path])
    },
  },
  {
    row: 4,
    title: 'alice proxies to a Service (services/proxy): told of',
    expect: 'reported',
    run: async (stage) => {
      await stage.raw('alice', 'GET', `${paths.service}/proxy/`)
      await stage.told('warned', (each) => each.rule === 'connect' && each.object.kind === 'Service')
      return { stopped: 'reported' }
    },
  },
  {
    row: 0,
    title: 'alice makes a Pod that poses as a child of a declared ReplicaSet',
    expect: 'webhook',
    run: async (stage) => {
      const { body } = await stage.raw('alice', 'GET', paths.api)
      const owner = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: 'api',
        uid: body.metadata.uid,
        controller: true,
      }
      return stage.refusedRaw('alice', [
        'POST',
        '/api/v1/namespaces/shop/pods',
        {
          metadata: { name: 'posing', labels: { app: 'api' }, ownerReferences: [owner] },
          spec: { containers: [{ name: 'c', image: 'evil.example/x' }] },
        },
      ])
    },
  },
  {
    row: 0,
    title: 'alice edits the EndpointSlice of a declared Service',
    expect: 'webhook',
    run: async (stage) => {
      const list = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices'
      let name = ''
      await stage.eventually('the slice', async () => {
        const { body } = await stage.raw(
          'alice',
          'GET',
          `${list}?labelSelector=kubernetes.io/service-name=web`,
        )
        name = body.items[0]?.metadata.name ?? ''
        return name !== ''
      })
      const endpoints = [{ addresses: ['192.0.2.1'], conditions: { ready: true } }]
      return stage.refusedRaw('alice', ['PATCH', `${list}/${name}`, { endpoints }], {
        contentType: 'application/merge-patch+json',
      })
    },
  },
  {
    row: 0,
    title: 'alice adds an EndpointSlice to a declared Service',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
        {
          metadata: { name: 'mine', labels: { 'kubernetes.io/service-name': 'web' } },
          addressType: 'IPv4',
          endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
          ports: [{ name: 'http', port: 80 }],
        },
      ]),
  },
  {
    row: 0,
    title: 'alice edits the Endpoints of a declared Service',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        [
          'PATCH',
          '/api/v1/namespaces/shop/endpoints/web',
          { subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'http', port: 80 }] }] },
        ],
        { contentType: 'application/merge-patch+json' },
      ),
  },
  {
    row: 0,
    title: "alice runs a declared CronJob's Job now",
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['create', 'job', '-n', 'shop', 'now', '--from=cronjob/report']),
  },
]
