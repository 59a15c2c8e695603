import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import type { CommandResult } from '../control-plane/run-command.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { testRepository, type TestRepository } from '../git/test-repository.ts'
import { builtCli } from './built-cli.ts'
import { Chat } from './chat.ts'
import { GuardRun } from './guard-run.ts'

/** The agent: a CI job with a token of its own. */
export const AGENT = 'system:serviceaccount:ci:deployer'
/** The guard's own account. The webhook is not asked about it: what somebody does with its token only the watcher sees. */
const UNSEEN = 'system:serviceaccount:gitops-guard:gitops-guard'

const DEPLOY = new URL('../../deploy/', import.meta.url).pathname

/** A control plane with an agent, the rights of a guard and a chat: what one file of tests shares. */
export class Stage {
  readonly plane: ControlPlane
  readonly chat = new Chat()
  /** For files of the tests; removed with the control plane. */
  readonly dir: string
  readonly #guards: GuardRun[] = []
  readonly #cleanups: (() => void)[] = []
  /** Of the guard's own account. */
  guardKubeconfig = ''

  private constructor(plane: ControlPlane) {
    this.plane = plane
    this.dir = plane.dir
  }

  static async open(): Promise<Stage> {
    const [plane] = await Promise.all([startControlPlane(), builtCli()])
    const stage = new Stage(plane)
    try {
      await stage.#prepare()
    } catch (error) {
      await stage.close()
      throw error
    }
    return stage
  }

  /** An empty repository. */
  repository(): TestRepository {
    return testRepository({ after: (cleanup) => void this.#cleanups.push(cleanup as () => void) })
  }

  /** Commits as of an hour ago: a younger first commit may be one that the agent is just bringing in. */
  settledCommit(repository: TestRepository): string {
    process.env['GIT_COMMITTER_DATE'] = new Date(Date.now() - 3_600_000).toISOString()
    try {
      return repository.commit()
    } finally {
      delete process.env['GIT_COMMITTER_DATE']
    }
  }

  /** Writes a configuration and returns its file. */
  config(name: string, text: string): string {
    const file = join(this.dir, `${name}.yaml`)
    writeFileSync(file, configText(text))
    return file
  }

  /** A guard that is not started yet. */
  async guard(
    name: string,
    configText: string,
    env: Record<string, string> = {},
    more: { ports?: { https: number; http: number }; webhookUrl?: string; kubeconfig?: string } = {},
  ): Promise<GuardRun> {
    const state = join(this.dir, name)
    mkdirSync(state, { recursive: true })
    const guard = new GuardRun({
      config: this.config(name, `stateDir: ${join(state, 'state')}\n${configText}`),
      kubeconfig: more.kubeconfig ?? this.guardKubeconfig,
      ports: more.ports ?? { https: await freePort(), http: await freePort() },
      ...(more.webhookUrl === undefined ? {} : { webhookUrl: more.webhookUrl }),
      logFile: join(state, 'guard.log'),
      env: { SLACK_URL: this.chat.url, ...env },
    })
    this.#guards.push(guard)
    return guard
  }

  /** Applies manifests as the agent does: server-side, by its own field manager. */
  async apply(...yaml: string[]): Promise<void> {
    const { code, stderr } = await this.plane.kubectl(
      AGENT,
      ['apply', '--server-side', '--field-manager=deployer', '--force-conflicts', '-f', '-'],
      { stdin: yaml.join('\n---\n') },
    )
    assert.equal(code, 0, stderr)
  }

  /** kubectl as alice, who has cluster-admin rights. */
  alice(args: string[], stdin?: string): Promise<CommandResult> {
    return this.plane.kubectl('alice', args, stdin === undefined ? {} : { stdin })
  }

  /** kubectl as somebody whose writes the webhook is not asked about. */
  async unseen(args: string[], stdin?: string): Promise<void> {
    const { code, stderr } = await this.plane.kubectl(UNSEEN, args, stdin === undefined ? {} : { stdin })
    assert.equal(code, 0, stderr)
  }

  /** An object as the API server has it; undefined where it is not. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async get(path: string): Promise<any> {
    const { status, body } = await this.plane.api('GET', path)
    return status === 200 ? body : undefined
  }

  /** The command line, bundled. */
  async cli(args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
    return await runCommand(process.execPath, [await builtCli(), ...args], {
      env: { XDG_CACHE_HOME: join(this.dir, 'cache'), NO_COLOR: '1', ...env },
    })
  }

  async close(): Promise<void> {
    // First the control plane: a guard that is asked to stop waits for those who still call it.
    await this.plane.stop()
    await Promise.all(this.#guards.map((guard) => guard.end('SIGKILL')))
    this.chat.close()
    for (const cleanup of this.#cleanups) cleanup()
  }

  async #prepare(): Promise<void> {
    const { plane } = this
    await this.chat.open()
    await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
    this.guardKubeconfig = await plane.serviceAccount('gitops-guard', 'gitops-guard')
    const rights = ['namespace', 'break-glass', 'rights', 'guarded-kinds']
    const files = rights.flatMap((name) => ['-f', join(DEPLOY, `${name}.yaml`)])
    const { code, stderr } = await plane.kubectl('admin', ['apply', ...files])
    assert.equal(code, 0, stderr)
  }
}

function configText(text: string): string {
  return `apiVersion: gitops-guard.dev/v1alpha1\nkind: GuardConfig\n${text}`
}
