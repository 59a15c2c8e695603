import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { isAccepted } from '../../supply-chain/accepted-licences.ts'
import { audit, auditResult } from '../../supply-chain/audit.ts'
import { shippedPackages, type Lockfile } from '../../supply-chain/shipped-packages.ts'
import { thirdParty } from '../../supply-chain/third-party.ts'
import { httpStandIn } from '../../src/report/testing/http-stand-in.ts'

const root = new URL('../../', import.meta.url).pathname
const lockfile = JSON.parse(await readFile(`${root}package-lock.json`, 'utf8')) as Lockfile

describe('licences', () => {
  for (const [expression, accepted] of [
    ['MIT', true],
    ['(BSD-3-Clause OR GPL-2.0)', true],
    ['GPL-3.0 OR (MIT AND ISC)', true],
    ['MIT AND GPL-3.0', false],
    ['MIT AND (GPL-2.0 OR AGPL-3.0)', false],
    ['GPL-3.0-only', false],
    ['SEE LICENSE IN LICENSE.md', false],
    ['(MIT', false],
    ['', false],
    [undefined, false],
  ] as const) {
    test(`${accepted ? 'accept' : 'refuse'} ${String(expression)}`, () => {
      assert.equal(isAccepted(expression), accepted)
    })
  }

  test('of what is shipped are all accepted, and development alone is not shipped', () => {
    const packages = shippedPackages(lockfile)
    assert.deepEqual(
      packages.filter(({ licence }) => !isAccepted(licence)),
      [],
    )
    const names = packages.map(({ name }) => name)
    assert.ok(names.includes('express') && names.includes('@kubernetes/client-node'))
    assert.ok(!names.includes('eslint') && !names.includes('esbuild'))
  })

  test('go along with the code: each package of the bundle, the innermost, and no other', async () => {
    const input = (bytesInOutput: number) => ({ bytesInOutput })
    const text = await thirdParty(
      {
        outputs: {
          'dist/a.js': {
            bytes: 3,
            imports: [],
            exports: [],
            inputs: {
              'node_modules/express/index.js': input(1),
              'node_modules/@kubernetes/client-node/dist/config.js': input(1),
              'node_modules/pino/pino.js': input(0),
              'src/cli.ts': input(1),
            },
          },
        },
      },
      root,
    )
    assert.match(text, /\nexpress 5\.\d+\.\d+\nLicence: MIT\n[^=]*TJ Holowaychuk/)
    assert.match(text, /\n@kubernetes\/client-node \d.*\nLicence: Apache-2\.0\n/)
    assert.doesNotMatch(text, /pino/)
  })
})

test('the bill of materials names what the lockfile ships, the same each time, and asks no registry', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'guard-sbom-'))
  for (const file of ['package.json', 'package-lock.json']) await cp(`${root}${file}`, join(folder, file))
  const made: string[] = []
  for (let run = 0; run < 2; run++) {
    await promisify(execFile)(process.execPath, [`${root}supply-chain/write-sbom.ts`], {
      cwd: folder,
      env: { ...process.env, npm_config_registry: 'http://127.0.0.1:9' },
    })
    made.push(await readFile(join(folder, 'dist/sbom.cdx.json'), 'utf8'))
  }
  await rm(folder, { recursive: true })
  assert.equal(made[0], made[1])
  const bom = JSON.parse(made[0]!) as {
    bomFormat: string
    metadata: { component: { name: string } }
    components: { name: string; version: string }[]
  }
  assert.deepEqual([bom.bomFormat, bom.metadata.component.name], ['CycloneDX', 'gitops-guard'])
  const named = new Set(bom.components.map(({ name, version }) => `${name}@${version}`))
  const shipped = new Set(shippedPackages(lockfile).map(({ name, version }) => `${name}@${version}`))
  assert.deepEqual(named, shipped)
  assert.ok([...named].some((one) => one.startsWith('nodemailer@')))
})

describe('the audit', () => {
  test('says that it could not ask where the registry offers none, is not there, or is silent', async () => {
    const none = await httpStandIn(() => ({ status: 405, body: '' }))
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    for (const [registry, why] of [
      [none.url, /could not be asked \(405 /],
      ['http://127.0.0.1:9', /could not be asked/],
      [silentUrl, /could not be asked/],
    ] as const) {
      const { ok, text } = await audit({ registry, patience: registry === silentUrl ? 1000 : 60_000 })
      assert.ok(ok)
      assert.match(text, why)
    }
    await none.close()
    silent.closeAllConnections()
    await new Promise((resolve) => silent.close(resolve))
  })

  test('fails for what is grave, and tells of the rest', () => {
    const report = (severity: string) =>
      JSON.stringify({ vulnerabilities: { express: { name: 'express', severity, range: '<9' } } })
    assert.deepEqual(auditResult(report('critical')), {
      ok: false,
      text: 'audit: weaknesses are known (npm audit says more)\n  express <9: critical',
    })
    assert.equal(auditResult(report('high')).ok, false)
    assert.equal(auditResult(report('moderate')).ok, true)
    assert.match(auditResult(report('moderate')).text, /express <9: moderate/)
    assert.match(auditResult('{"vulnerabilities":{}}').text, /nothing is known/)
    assert.match(auditResult('<html>').text, /could not be asked/)
  })
})

test(
  'what was built has its third parties beside it',
  { skip: !existsSync(`${root}dist/cli.js`) && 'not built' },
  async () => {
    assert.match(await readFile(`${root}dist/THIRD-PARTY.txt`, 'utf8'), /\nexpress /)
  },
)
