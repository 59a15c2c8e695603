/** The Dockerfile, built for real, and what it makes, run as a Pod of deploy/ would run it. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildImage, type BuiltImage } from './build-image.ts'
import { imageConfig, runImage, type Mounts } from './run-image.ts'

const say = (line: string) => console.error(`image: ${line}`)
const built = await buildImage(say)
const skip = 'cannot' in built ? built.cannot : false
if (skip) say(`skipped: ${skip}`)
const image = built as BuiltImage

let folder: string
let mounts: Mounts
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitops-guard-image-test-'))
  mounts = { config: join(folder, 'config'), account: join(folder, 'account'), state: join(folder, 'state') }
})
after(() => rm(folder, { recursive: true, force: true }))

/** Runs a shell line inside and gives what it printed. */
async function inside(line: string): Promise<string> {
  const container = await runImage(image, { mounts, entrypoint: ['/bin/sh', '-c'], args: [line] })
  try {
    await container.ended
    return container.output().trim()
  } finally {
    await container.remove()
  }
}

test('run as a user without rights, on a root that is read-only', { skip }, async () => {
  assert.equal((await imageConfig(image)).User, '65532:65532')
  assert.equal(
    await inside('id -u; id -g; grep CapBnd /proc/self/status'),
    '65532\n65532\nCapBnd:\t0000000000000000',
  )
  assert.match(await inside('touch /app/x /usr/local/bin/x /etc/gitops-guard/x'), /Read-only file system/)
  assert.equal(await inside('touch /tmp/x /var/lib/gitops-guard/x && echo writable'), 'writable')
})

test('hold git, ssh, certificates and Node 24, and no package manager of Node', { skip }, async () => {
  assert.match(await inside('node --version'), /^v24\./)
  assert.match(await inside('git --version'), /^git version 2\./)
  assert.match(await inside('ssh -V'), /^OpenSSH/)
  // ssh refuses to start for a user that the machine does not know.
  assert.match(await inside('ssh -o BatchMode=yes -p 1 127.0.0.1'), /Connection refused/)
  assert.equal(await inside('test -s /etc/ssl/certs/ca-certificates.crt && echo there'), 'there')
  assert.match(await inside('command -v npm yarn corepack || echo none'), /^none$/)
})

test('hold what runs and nothing that is for development only', { skip }, async () => {
  assert.equal(await inside('ls -A /app'), 'deploy\nnode_modules\npackage.json\nsrc')
  assert.equal(
    await inside(
      'find /app/src -name "*.test.ts"; ls -d /app/node_modules/typescript /app/src/demo 2>/dev/null',
    ),
    '',
  )
  assert.equal(await inside('find /app ! -readable; find /app -perm -o+w ! -type l'), '')
})

test('print its version and refuse an unknown command', { skip }, async () => {
  const version = await runImage(image, { mounts, args: ['--version'] })
  assert.equal(await version.ended, 0, version.output())
  assert.equal(version.output(), '0.1.0\n')
  await version.remove()
  const unknown = await runImage(image, { mounts, args: ['no-such-command'] })
  assert.notEqual(await unknown.ended, 0)
  await unknown.remove()
})

void mkdir
void writeFile
