/** An API server of its own kind behind the aggregation layer, as metrics servers and message brokers bring one. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority } from '../control-plane/certificates.ts'

/** An object of the kind that it serves, or what a client sent in its stead. */
export interface Gadget {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace: string; [key: string]: unknown }
  spec: { [key: string]: unknown }
}

export interface AggregatedServer {
  group: string
  port: number
  caBundle: string
  /** As they are stored, by `namespace/name`. */
  readonly stored: ReadonlyMap<string, Gadget>
  stop(): Promise<void>
}

const VERSIONS = ['v1', 'v1beta1']

/**
 * Serves Gadgets of v1 and v1beta1, where `color` is still `colour`; fills in `mode`. Where it takes no dry-runs it says
 * so as such servers do, by a schema that has no such parameter, and writes whatever is sent. It knows no managers.
 *
 * @param service the `name.namespace.svc` by which the API server calls it.
 */
export async function startAggregatedServer(
  group: string,
  service: string,
  { dryRun }: { dryRun: boolean },
): Promise<AggregatedServer> {
  const authority = await createAuthority()
  const { certificate, key } = await authority.issue({ commonName: service, dnsNames: [service] })
  const stored = new Map<string, Gadget>()
  const watchers = new Set<{ version: string; response: ServerResponse }>()
  let revision = 1

  const tell = (type: string, object: Gadget) => {
    for (const { version, response } of watchers)
      response.write(`${JSON.stringify({ type, object: atVersion(object, group, version) })}\n`)
  }
  const write = (sent: Gadget, where: { namespace: string; isDryRun: boolean }, old?: Gadget): Gadget => {
    const { metadata } = sent
    const object = atVersion({ ...sent, spec: { mode: 'auto', ...sent.spec } }, group, 'v1')
    delete object.metadata['managedFields']
    object.metadata = {
      ...object.metadata,
      namespace: where.namespace,
      uid: old?.metadata['uid'] ?? randomUUID(),
      creationTimestamp: old?.metadata['creationTimestamp'] ?? new Date().toISOString(),
      resourceVersion: where.isDryRun ? (old?.metadata['resourceVersion'] ?? '') : String(++revision),
    }
    if (where.isDryRun) return object
    stored.set(`${where.namespace}/${metadata.name}`, object)
    tell(old === undefined ? 'ADDED' : 'MODIFIED', object)
    return object
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', 'https://server')
    const send = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    const refuse = (code: number, reason: string) =>
      send(code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message: reason })
    if (url.pathname === '/openapi/v3') return send(200, openapiIndex(group))
    const [, root, , version = '', ...rest] = url.pathname.split('/')
    if (root === 'openapi') return send(200, openapi(group, url.pathname.split('/')[5] ?? '', dryRun))
    if (root !== 'apis' || !VERSIONS.includes(version)) return refuse(404, 'NotFound')
    if (rest.length === 0) return send(200, resources(group, version))
    const [namespace = '', name = ''] = rest[0] === 'namespaces' ? [rest[1], rest[3]] : []
    const id = `${namespace}/${name}`
    const old = stored.get(id)
    const isDryRun = dryRun && url.searchParams.get('dryRun') === 'All'
    if (name === '' && request.method === 'GET') {
      const items = [...stored.values()].filter(
        ({ metadata }) => namespace === '' || metadata.namespace === namespace,
      )
      if (url.searchParams.get('watch') !== null) {
        if (url.searchParams.get('sendInitialEvents') !== null) return refuse(422, 'Invalid')
        response.writeHead(200, { 'content-type': 'application/json' })
        response.flushHeaders()
        const from = Number(url.searchParams.get('resourceVersion') ?? '0')
        const watcher = { version, response }
        for (const item of items)
          if (Number(item.metadata['resourceVersion']) > from)
            response.write(
              `${JSON.stringify({ type: 'MODIFIED', object: atVersion(item, group, version) })}\n`,
            )
        watchers.add(watcher)
        response.on('close', () => watchers.delete(watcher))
        return
      }
      return send(200, {
        apiVersion: `${group}/${version}`,
        kind: 'GadgetList',
        metadata: { resourceVersion: String(revision) },
        items: items.map((item) => atVersion(item, group, version)),
      })
    }
    const sent = request.method === 'GET' ? undefined : ((await bodyOf(request)) as Gadget)
    if (request.method === 'POST') {
      if (stored.has(`${namespace}/${sent!.metadata.name}`)) return refuse(409, 'AlreadyExists')
      return send(201, atVersion(write(sent!, { namespace, isDryRun }), group, version))
    }
    if (old === undefined) return refuse(404, 'NotFound')
    if (request.method === 'GET') return send(200, atVersion(old, group, version))
    if (request.method === 'DELETE') {
      if (!isDryRun && stored.delete(id)) {
        old.metadata['resourceVersion'] = String(++revision)
        tell('DELETED', old)
      }
      return send(200, atVersion(old, group, version))
    }
    if (request.method !== 'PUT') return refuse(415, 'UnsupportedMediaType')
    const asked = sent!.metadata['resourceVersion']
    if (asked !== undefined && asked !== old.metadata['resourceVersion']) return refuse(409, 'Conflict')
    return send(200, atVersion(write(sent!, { namespace, isDryRun }, old), group, version))
  }

  const server = createServer({ cert: certificate, key }, (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    group,
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    stored,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** v1beta1 wrote `colour` for what v1 calls `color`. */
export function atVersion(object: Gadget, group: string, version: string): Gadget {
  const { color, colour, ...spec } = object.spec
  const value = color ?? colour
  const named = value === undefined ? {} : { [version === 'v1' ? 'color' : 'colour']: value }
  return {
    ...object,
    apiVersion: `${group}/${version}`,
    metadata: { ...object.metadata },
    spec: { ...spec, ...named },
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}

function resources(group: string, version: string) {
  return {
    apiVersion: 'v1',
    kind: 'APIResourceList',
    groupVersion: `${group}/${version}`,
    resources: [
      {
        name: 'gadgets',
        singularName: 'gadget',
        namespaced: true,
        kind: 'Gadget',
        verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'],
      },
    ],
  }
}

function openapiIndex(group: string) {
  const paths = VERSIONS.map((version) => [
    `apis/${group}/${version}`,
    { serverRelativeURL: `/openapi/v3/apis/${group}/${version}?hash=1` },
  ])
  return { paths: Object.fromEntries(paths) }
}

/** As much of a schema as clients look at. */
function openapi(group: string, version: string, dryRun: boolean) {
  const kind = { group, version, kind: 'Gadget' }
  const part = {
    type: 'object',
    properties: { name: { type: 'string' }, size: { type: 'integer' } },
  }
  const parts = {
    type: 'array',
    items: part,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  }
  const text = { type: 'string' }
  const schema = {
    type: 'object',
    properties: {
      apiVersion: text,
      kind: text,
      metadata: { type: 'object' },
      spec: {
        type: 'object',
        properties: { [version === 'v1' ? 'color' : 'colour']: text, mode: text, parts },
      },
    },
    'x-kubernetes-group-version-kind': [kind],
  }
  const dryRunParameter = { name: 'dryRun', in: 'query', schema: text }
  const post = {
    parameters: dryRun ? [dryRunParameter] : [],
    'x-kubernetes-group-version-kind': kind,
    'x-kubernetes-action': 'post',
    responses: { 200: { description: 'OK' } },
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Gadgets', version: '1' },
    paths: { [`/apis/${group}/${version}/namespaces/{namespace}/gadgets`]: { post } },
    components: { schemas: { [`${group}.${version}.Gadget`]: schema } },
  }
}
