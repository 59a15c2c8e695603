import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuiltImage } from './build-image.ts'

/** A container of an image, without a container engine. */
export interface Container {
  /** Standard output and error so far. */
  output(): string
  /** Undefined while it runs. */
  exitCode(): number | undefined
  /** Of its first process, as this machine sees it. */
  readonly pid: number
  /** Resolves with the exit code, 128 and more for a signal. */
  ended: Promise<number>
  /** SIGTERM to the container's first process, as a kubelet would. Resolves with the exit code. */
  stop(): Promise<number>
  /** Kills what is left and gives the root file system back. */
  remove(): Promise<void>
}

/** What a container gets from outside: folders on this machine. */
export interface Mounts {
  /** At /etc/gitops-guard, read-only. */
  config: string
  /** At /var/run/secrets/kubernetes.io/serviceaccount, read-only: token and ca.crt. */
  account: string
  /** At /var/lib/gitops-guard, writable for the image's user. */
  state: string
}

interface ImageConfig {
  User: string
  Env: string[]
  Entrypoint: string[]
  Cmd: string[]
}

/** What the image says of itself. */
export async function imageConfig({ buildah, name }: BuiltImage): Promise<ImageConfig> {
  const text = await buildah(['inspect', '--type', 'image', name])
  return (JSON.parse(text) as { OCIv1: { config: ImageConfig } }).OCIv1.config
}

/** Runs the image's entry point with these arguments, or its default ones, on this machine's network. */
export async function runImage(
  image: BuiltImage,
  {
    mounts,
    args,
    env = {},
    entrypoint,
  }: { mounts: Mounts; args?: string[]; env?: Record<string, string>; entrypoint?: string[] },
): Promise<Container> {
  const { User, Env, Entrypoint, Cmd } = await imageConfig(image)
  const id = await image.buildah(['from', '--pull-never', image.name])
  const root = await image.buildah(['mount', id])
  const [uid, gid] = User.split(':').map(Number) as [number, number]
  for (const folder of Object.values(mounts)) await mkdir(folder, { recursive: true })
  await chown(mounts.state, uid, gid)
  const command = [...(entrypoint ?? Entrypoint), ...(args ?? Cmd)]
  const script = join(import.meta.dirname, 'run-rootfs.sh')
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      script,
      root,
      User,
      mounts.config,
      mounts.account,
      mounts.state,
      ...command,
    ],
    { env: { ...fromList(Env), ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  return watch(child, () => image.buildah(['rm', id]))
}

function watch(child: ChildProcess, release: () => Promise<unknown>): Container {
  let text = ''
  let code: number | undefined
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (more: string) => (text += more))
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve((code = status ?? 137)))
  })
  return {
    output: () => text,
    exitCode: () => code,
    get pid() {
      return Number(firstProcess(child.pid ?? 0) ?? 0)
    },
    ended,
    async stop() {
      const pid = firstProcess(child.pid ?? 0)
      if (pid !== undefined) process.kill(Number(pid), 'SIGTERM')
      return ended
    },
    async remove() {
      child.kill('SIGKILL')
      await ended.catch(() => undefined)
      await release()
    },
  }
}

function fromList(list: string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)]),
  )
}

/** `unshare` stays outside; its only child is the first process of the container. */
function firstProcess(parent: number): string | undefined {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ')[0] || undefined
  } catch {
    return undefined
  }
}
