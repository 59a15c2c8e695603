import { spawn } from 'node:child_process'
import { copyFile, cp, link, mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../control-plane/run-command.ts'
import { prepareRenderers } from '../renderers/prepare-renderers.ts'
import { rendererProgram, rendererNames } from '../renderers/renderers.ts'

/** An image as `buildah` holds it here. */
export interface BuiltImage {
  /** `buildah` with the store that holds it. */
  buildah: (args: string[]) => Promise<string>
  name: string
}

/** Where the builder runs the ordinary clients of this machine, they need its certificates. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
const NPM = '11.21.2'
const ROOT = new URL('../..', import.meta.url).pathname

/**
 * Builds the project's own Dockerfile on bases made here, without an engine and without a registry of images: Debian by
 * debootstrap, and the npm package `node` on it. What takes long is kept in `~/.cache/gitops-guard/image`. Resolves with a
 * reason where this machine cannot do it; throws where it should have been able to.
 */
export async function buildImage(say: (line: string) => void): Promise<BuiltImage | { cannot: string }> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gitops-guard', 'image')
  const base = await prepare(cache, say)
  if (typeof base === 'object') return base
  const store = [
    '--root',
    join(cache, 'store'),
    '--runroot',
    join(cache, 'run'),
    '--storage-driver',
    'overlay',
  ]
  const buildah = async (args: string[]) => {
    const { code, stdout, stderr } = await runCommand('buildah', [...store, ...args], {
      timeoutMs: 10 * 60_000,
    })
    if (code !== 0)
      throw new Error(`buildah ${args[0]} failed:\n${(stdout + stderr).split('\n').slice(-25).join('\n')}`)
    return stdout.trim()
  }
  const bud = (args: string[]) => buildah(['bud', '--isolation', 'chroot', '--layers', '--quiet', ...args])
  const context = await mkdtemp(join(tmpdir(), 'gitops-guard-image-'))
  try {
    const kept = await buildah(['inspect', '--type', 'image', NODE]).catch(() => undefined)
    if (kept === undefined) {
      say('making the base images ...')
      await fillContext(context, { base, cache })
      await bud(['-t', DEBIAN, '-f', join(context, 'Debian'), context])
      await bud(['-t', NODE, '-f', join(context, 'Node'), context])
    }
    const renderers = await prepareRenderers(rendererNames, say)
    if ('cannot' in renderers) return { cannot: String(renderers['cannot']) }
    for (const [name, file] of Object.entries(renderers)) await copyFile(file, join(context, name))
    await writeFile(join(context, 'Renderers'), 'FROM scratch\nCOPY kustomize helm /renderers/\n')
    await bud(['-t', RENDERERS, '-f', join(context, 'Renderers'), context])
    say('building the Dockerfile ...')
    const images = { NODE_IMAGE: NODE, RUNTIME_IMAGE: DEBIAN, RENDERERS }
    const bases = Object.entries(images).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
    await bud(['-t', NAME, ...bases, '--build-arg', 'REVISION=test', ROOT])
    return { buildah, name: NAME }
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

const DEBIAN = 'localhost/gitops-guard-base/debian:bookworm'
const NODE = `localhost/gitops-guard-base/node:${process.versions.node}-npm-${NPM}`
const RENDERERS = `localhost/gitops-guard-base/renderers:${rendererNames.map((name) => rendererProgram(name).version).join('-')}`
const NAME = 'localhost/gitops-guard:test'

/** Runs prepare.sh, its progress passed on; resolves with the path of the base's archive. */
function prepare(cache: string, say: (line: string) => void): Promise<string | { cannot: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', [join(import.meta.dirname, 'prepare.sh'), cache], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let last = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter(Boolean)) say((last = line.replace(/^image: /, '')))
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(stdout.trim())
      else if (code === 3) resolve({ cannot: last })
      else reject(new Error(`test/image/prepare.sh failed with ${code}: ${last}`))
    })
  })
}

async function fillContext(context: string, { base, cache }: { base: string; cache: string }): Promise<void> {
  // The cache may lie on another file system.
  await link(base, join(context, 'debian.tar')).catch(() => copyFile(base, join(context, 'debian.tar')))
  await cp(process.execPath, join(context, 'node'))
  await cp(await npm(cache), join(context, 'npm'), { recursive: true })
  await copyFile(CERTIFICATES, join(context, 'certificates.crt'))
  await writeFile(join(context, 'Debian'), 'FROM scratch\nADD debian.tar /\nCMD ["/bin/bash"]\n')
  const node = `FROM ${DEBIAN}
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY certificates.crt /usr/local/share/builder.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NPM_CONFIG_CAFILE=/usr/local/share/builder.crt
`
  await writeFile(join(context, 'Node'), node)
}

/** The folder of the npm that the base gets, fetched once by the npm of this machine. */
async function npm(cache: string): Promise<string> {
  const folder = join(cache, `npm-${NPM}`)
  if (((await readdir(folder).catch(() => [])) as string[]).includes('package.json')) return folder
  const work = await mkdtemp(join(cache, 'npm-'))
  try {
    const pack = await runCommand('npm', ['pack', '--silent', `npm@${NPM}`], {
      cwd: work,
      timeoutMs: 5 * 60_000,
    })
    if (pack.code !== 0) throw new Error(`npm pack npm@${NPM} failed:\n${pack.stderr}`)
    await mkdir(folder, { recursive: true })
    const archive = join(work, `npm-${NPM}.tgz`)
    const tar = await runCommand('tar', ['xzf', archive, '--strip-components=1', '-C', folder])
    if (tar.code !== 0) throw new Error(`cannot unpack ${archive}: ${tar.stderr}`)
    return folder
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
