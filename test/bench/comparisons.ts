import type { Canonical } from '../../src/model/desired.ts'
import { compare } from '../../src/drift/compare.ts'
import { stringifyJson, parseJson } from '../../src/object/json.ts'
import { withoutServerMetadata } from '../../src/object/metadata.ts'
import type { KubeObject } from '../../src/model/json.ts'
import type { DeclaredWorld } from './declared-world.ts'

/** How many live objects one core parses and compares in a second, canonical forms kept as text. */
export async function comparisonsPerSecond(world: DeclaredWorld): Promise<number> {
  const samples: { live: string; form: string }[] = []
  for (let index = 0; index < 200; index++) {
    const { resource, namespace, name } = world.target(Math.floor((index * world.count) / 200) | 0)
    const { object } = await world.agent.get(resource, { namespace, name })
    const bare = withoutServerMetadata(object)
    samples.push({ live: stringifyJson(object), form: stringifyJson(bare) })
  }
  const start = process.cpuUsage()
  let count = 0
  for (const end = performance.now() + 2_000; performance.now() < end;) {
    for (const { live, form } of samples) {
      const object = parseJson(form) as KubeObject
      const canonical: Canonical = { object, generated: [], unattainable: [], method: 'probe' }
      const { changes } = compare(canonical, parseJson(live) as KubeObject, {
        allowances: [],
        manifest: object,
      })
      if (changes.length > 0) throw new Error('the same must be equal')
      count++
    }
  }
  const { user, system } = process.cpuUsage(start)
  return (count * 1e6) / (user + system)
}
