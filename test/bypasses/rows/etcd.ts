import { request } from 'node:http'
import { join } from 'node:path'
import type { Row } from '../row.ts'
import { paths, type Stage } from '../stage.ts'

/** etcd's JSON gateway, on the socket that only the control plane's host has. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function etcd(stage: Stage, path: string, body: object): Promise<any> {
  return new Promise((resolve, reject) => {
    const socketPath = join(stage.plane.dir, 'etcd.sock')
    const sent = request({ socketPath, path, method: 'POST', headers: { host: 'etcd' } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())))
    })
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}

/** Below the API server nobody is asked; what is written there is seen, put back and told of. */
export const etcdRows: readonly Row[] = [
  {
    row: 33,
    title: 'somebody writes into etcd itself: told of, and put back',
    expect: 'reported',
    run: async (stage) => {
      const key = btoa('/registry/configmaps/shop/web')
      const { kvs } = await etcd(stage, '/v3/kv/range', { key })
      const stored = Buffer.from(kvs[0].value, 'base64')
      const from = stored.indexOf('Welcome to the shop')
      stored.write('Welcome to the shed', from)
      const before = stage.sink.violations.length
      await etcd(stage, '/v3/kv/put', { key, value: stored.toString('base64') })
      const { ms } = await stage.putBack(async () => {
        const { body } = await stage.raw('admin', 'GET', paths.settings)
        return body?.data?.PODINFO_UI_MESSAGE === 'Welcome to the shop'
      })
      await stage.told(
        'repaired',
        (each) => stage.sink.violations.indexOf(each) >= before && each.object.kind === 'ConfigMap',
      )
      return { stopped: 'reported', note: `and put back after ${ms!.toFixed(0)} ms` }
    },
  },
]
