import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { formatPath } from '../object/path.ts'
import { serverFilled } from './server-filled.ts'

const service = (spec: JsonObject): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's' },
  spec,
})
const filled = (canonical: JsonObject, manifest: JsonObject) =>
  serverFilled(service(canonical), service(manifest)).map(formatPath)

it('leave addresses and node ports to the server where the manifest does', () => {
  const canonical = {
    clusterIP: '10.0.0.0',
    clusterIPs: ['10.0.0.0'],
    healthCheckNodePort: 32000,
    ports: [
      { port: 53, protocol: 'TCP', nodePort: 32769 },
      { port: 53, protocol: 'UDP', nodePort: 30053 },
    ],
  }
  const manifest = {
    clusterIP: '',
    ports: [
      { port: 53, nodePort: 0 },
      { port: 53, protocol: 'UDP', nodePort: 30053 },
    ],
  }
  assert.deepEqual(filled(canonical, manifest), [
    'spec.clusterIP',
    'spec.clusterIPs',
    'spec.ports[port=53,protocol=TCP].nodePort',
    'spec.healthCheckNodePort',
  ])
})

it('hold live to what the manifest sets, and to having nothing where the server stores nothing', () => {
  assert.deepEqual(filled({ clusterIP: 'None', clusterIPs: ['None'] }, { clusterIP: 'None' }), [])
  assert.deepEqual(filled({ externalName: 'x', type: 'ExternalName' }, { externalName: 'x' }), [])
})
