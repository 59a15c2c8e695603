/** Runs the tutorial as a reader would: its shell blocks, one after the other, in one shell. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { tryIt } from '../control-plane/try-it.ts'
import { builtCli } from '../e2e/built-cli.ts'

const TUTORIAL = new URL('../../docs/tutorial.md', import.meta.url)
/** For a whole run on a busy machine, in milliseconds. */
const PATIENCE = 5 * 60_000

test('every command of the tutorial does what the tutorial says', async () => {
  const text = await readFile(TUTORIAL, 'utf8')
  const blocks = [...text.matchAll(/^```(sh|expect)\n([^]*?)^```$/gm)].map(([, kind, body]) => ({
    kind: kind!,
    body: body!,
  }))
  assert.ok(blocks.filter(({ kind }) => kind === 'sh').length >= 8)
  await builtCli()
  const plane = await startControlPlane()
  const folder = await mkdtemp(join(tmpdir(), 'gitops-guard-tutorial-'))
  try {
    const [https, http] = [await freePort(), await freePort()]
    const script = blocks
      .map(({ kind, body }, index) => (kind === 'sh' ? body : `echo 'EXPECT ${index}'\n`))
      .join('')
      .replaceAll('9443', String(https))
      .replaceAll('8080', String(http))
      .replace(' > guard.log', ` --https-port ${https} --http-port ${http} > guard.log`)
    const { exports } = await tryIt(plane)
    const { code, output } = await shell(
      `set -eu; set -m; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${exports}\n${script}`,
      folder,
    )
    assert.equal(code, 0, output)
    let from = 0
    for (const [index, { kind, body }] of blocks.entries()) {
      if (kind !== 'expect') continue
      const to = output.indexOf(`EXPECT ${index}\n`)
      const said = output.slice(from, to)
      assert.ok(said.includes(body.trim()), `${body} is not in:\n${said}`)
      from = to
    }
    assert.match(output, /prod\/web\.yaml:\d+/)
  } finally {
    await plane.stop()
    await rm(folder, { recursive: true, force: true })
  }
})

async function shell(script: string, folder: string): Promise<{ code: number | null; output: string }> {
  const child = spawn('bash', ['-c', script], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), PATIENCE)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearTimeout(timer)
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
  return { code, output }
}
