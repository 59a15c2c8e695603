/** `make check`: the licences of all that is shipped, and what the registry knows against it, where it can be asked. */
import { readFile } from 'node:fs/promises'
import { isAccepted } from './accepted-licences.ts'
import { audit } from './audit.ts'
import { shippedPackages, type Lockfile } from './shipped-packages.ts'

const packages = shippedPackages(JSON.parse(await readFile('package-lock.json', 'utf8')) as Lockfile)
const refused = packages.filter(({ licence }) => !isAccepted(licence))
for (const { name, version, licence } of refused)
  console.error(
    `licences: ${name} ${version} is under ${licence ?? 'no known licence'}, which is not accepted (supply-chain/accepted-licences.ts)`,
  )
const { ok, text } = await audit()
console.log(
  `licences: those of ${packages.length} shipped packages ${refused.length === 0 ? 'are accepted' : 'are read'}\n${text}`,
)
process.exitCode = refused.length === 0 && ok ? 0 : 1
