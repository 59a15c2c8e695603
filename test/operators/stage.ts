import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TestGuard } from '../agents/test-guard.ts'
import type { ApiAnswer } from '../control-plane/api-client.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { Supervisor } from '../control-plane/supervisor.ts'
import { until } from '../e2e/until.ts'
import { testRepository, type TestRepository } from '../git/test-repository.ts'
import { AuditCount } from './audit-count.ts'
import { startOperator, type RealOperator } from './real-operator.ts'
import { StandInKubelet } from './stand-in-kubelet.ts'

const AGENT = 'system:serviceaccount:ci:deployer'
const APPLY = ['apply', '--server-side', '--force-conflicts']

/** A cluster in which a CI job applies what Git declares, with a guard, a node, an operator, and a record of every write. */
export class Stage {
  readonly plane: ControlPlane
  readonly guard: TestGuard
  readonly audit: AuditCount
  readonly #repository: TestRepository
  readonly #kubelet: StandInKubelet
  readonly #supervisor: Supervisor
  readonly #operator: RealOperator
  readonly #logs: string
  readonly #ends: (() => unknown)[]

  private constructor(parts: {
    plane: ControlPlane
    guard: TestGuard
    audit: AuditCount
    repository: TestRepository
    kubelet: StandInKubelet
    supervisor: Supervisor
    operator: RealOperator
    logs: string
    ends: (() => unknown)[]
  }) {
    this.plane = parts.plane
    this.guard = parts.guard
    this.audit = parts.audit
    this.#repository = parts.repository
    this.#kubelet = parts.kubelet
    this.#supervisor = parts.supervisor
    this.#operator = parts.operator
    this.#logs = parts.logs
    this.#ends = parts.ends
  }

  /** @param config of the guard, beside its source and its agent. */
  static async open(operator: RealOperator, config: object): Promise<Stage> {
    const ends: (() => unknown)[] = []
    const repository = testRepository({ after: (end: () => unknown) => ends.push(end) })
    const audit = new AuditCount()
    ends.push(() => audit.remove())
    repository.write('prod/README', 'what the cluster holds\n')
    repository.commit('Begin')
    const plane = await startControlPlane({ apiServerArgs: audit.apiServerArgs })
    await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
    const logs = await mkdtemp(join(tmpdir(), 'gitops-guard-operators-'))
    const guard = await TestGuard.start(plane, { ...base(repository.path), ...config })
    const kubelet = await StandInKubelet.start(plane)
    const supervisor = new Supervisor(logs)
    return new Stage({
      plane,
      guard,
      audit,
      repository,
      kubelet,
      supervisor,
      operator,
      logs,
      ends,
    })
  }

  /** Puts a configuration in force, beside source and agent as they were. */
  async configure(config: object): Promise<void> {
    await this.guard.configure({ ...base(this.#repository.path), ...config })
  }

  /** Starts the operator. */
  async start(): Promise<void> {
    await startOperator(this.#operator, {
      plane: this.plane,
      kubelet: this.#kubelet,
      supervisor: this.#supervisor,
      logs: this.#logs,
    })
  }

  /** Whether the guard has the newest commit: until then what it declares is nobody's. */
  async isKnown(): Promise<boolean> {
    const head = this.#repository.git('rev-parse', 'HEAD')
    const log = await this.guard.log()
    return log.some(({ msg, revision }) => msg === 'a commit is in force' && revision === head)
  }

  /** The end of the log of one of an operator's processes. */
  async logOf(account: string): Promise<string> {
    return (await readFile(join(this.#logs, `${account}.log`), 'utf8').catch(String))
      .split('\n')
      .slice(-25)
      .join('\n')
  }

  /** Commits files (undefined removes one) and lets the agent bring them in: it applies them, and deletes what went. */
  async roll(message: string, files: Record<string, string | readonly object[] | undefined>): Promise<void> {
    const gone: string[] = []
    for (const [file, content] of Object.entries(files)) {
      const path = `prod/${file}`
      if (content === undefined) {
        gone.push(this.#repository.git('show', `HEAD:${path}`))
        this.#repository.git('rm', '--quiet', path)
      } else this.#repository.write(path, typeof content === 'string' ? content : list(content))
    }
    this.#repository.commit(message)
    await this.#apply(Object.keys(files).filter((file) => files[file] !== undefined))
    for (const text of gone) await this.#kubectl(['delete', '--wait=false', '-f', '-'], text)
  }

  /** `git revert` of the last commit, brought in. */
  async revert(): Promise<void> {
    this.#repository.git('revert', '--no-edit', 'HEAD')
    const changed = this.#repository.git('diff', '--name-only', '--diff-filter=d', 'HEAD~1')
    await this.#apply(changed.split('\n').map((path) => path.replace(/^prod\//, '')))
  }

  async get(path: string): Promise<ApiAnswer> {
    return await this.plane.api('GET', path)
  }

  /** Waits until an object is as it should be; says how it is where it does not come to that. */
  async becomes(
    what: string,
    path: string,
    test: (object: any) => boolean, // eslint-disable-line @typescript-eslint/no-explicit-any
    ms = 60_000,
  ): Promise<void> {
    let seen: unknown
    const ask = async () => {
      const { status, body } = await this.get(path)
      seen =
        body?.metadata === undefined ? body : { ...body, metadata: { ...body.metadata, managedFields: 0 } }
      return status === 200 && test(body)
    }
    await until(what, ask, { ms, seen: () => seen })
  }

  async vanishes(path: string): Promise<void> {
    await until(`${path} is gone`, async () => (await this.get(path)).status === 404, {
      ms: 60_000,
      seen: async () => (await this.get(path)).body,
    })
  }

  async close(): Promise<void> {
    await this.#supervisor.close()
    await this.#kubelet.stop()
    await this.guard.stop()
    await this.plane.stop()
    await rm(this.#logs, { recursive: true, force: true })
    for (const end of this.#ends.reverse()) await end()
  }

  /** What needs a definition or a namespace that comes in the same commit goes in the second time, as CI jobs do it. */
  async #apply(files: readonly string[]): Promise<void> {
    if (files.length === 0) return
    const paths = files.flatMap((file) => ['-f', join(this.#repository.path, 'prod', file)])
    let said = ''
    const apply = async () => {
      const { code, stderr } = await this.plane.kubectl(AGENT, [...APPLY, ...paths], { timeoutMs: 120_000 })
      if (code !== 0 && !/no matches for kind|not found|connection refused/.test(stderr))
        throw new Error(stderr)
      said = stderr
      return code === 0
    }
    await until('what was just defined is served', apply, { ms: 60_000, seen: () => said })
  }

  async #kubectl(args: string[], stdin: string): Promise<void> {
    const { code, stderr } = await this.plane.kubectl(AGENT, args, { stdin })
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
  }
}

function base(repository: string): object {
  return {
    sources: [{ name: 'cluster', repository, ref: { branch: 'main' }, path: 'prod', poll: '1s' }],
    agents: [{ user: AGENT, managers: ['kubectl'] }],
  }
}

function list(items: readonly object[]): string {
  return `${items.map((item) => JSON.stringify(item, undefined, 2)).join('\n---\n')}\n`
}
