/**
 * Writes dist/sbom.cdx.json: the packages of the lockfile that are shipped, as npm says them in CycloneDX. Asks no registry. Left out is
 * what differs from one run to the next (a serial number, the time, the folder's name), so that the same packages give the same file.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { shippedPackages, type Lockfile } from './shipped-packages.ts'

interface Bom {
  serialNumber: string
  metadata: { timestamp: string; component: { 'bom-ref': string; name: string } }
  components: { 'bom-ref': string }[]
  dependencies: { ref: string; dependsOn: string[] }[]
}

// npm's own `--omit dev` leaves out what development and the shipped code both take (ajv, nodemailer).
const { stdout } = await promisify(execFile)(
  'npm',
  ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'],
  { maxBuffer: 64 * 1024 * 1024 },
)
const shipped = new Set(
  shippedPackages(JSON.parse(await readFile('package-lock.json', 'utf8')) as Lockfile).map(
    ({ name, version }) => `${name}@${version}`,
  ),
)
const { metadata, components, dependencies, ...bom } = JSON.parse(stdout) as Bom
const { component } = metadata
const root = component['bom-ref']
const shippedOnly = {
  ...bom,
  serialNumber: undefined,
  metadata: { ...metadata, timestamp: undefined, component: { ...component, name: 'gitops-guard' } },
  components: components.filter((one) => shipped.has(one['bom-ref'])),
  dependencies: dependencies
    .filter(({ ref }) => ref === root || shipped.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => shipped.has(other)) })),
}
await mkdir('dist', { recursive: true })
await writeFile('dist/sbom.cdx.json', `${JSON.stringify(shippedOnly, null, 2)}\n`)
console.log(`dist/sbom.cdx.json: ${shippedOnly.components.length} packages`)
