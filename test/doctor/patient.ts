import { writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Shop } from '../../src/demo/shop.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { freePort } from '../control-plane/free-port.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { builtCli } from '../e2e/built-cli.ts'
import { GuardRun } from '../e2e/guard-run.ts'
import { until } from '../e2e/until.ts'

export const AGENT = 'system:serviceaccount:ci:deployer'
export const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'

/** A control plane with a healthy guard that enforces; only system:masters, the agent and the guard may do everything. */
export class Patient {
  readonly plane: ControlPlane
  readonly shop: Shop
  readonly guard: GuardRun
  readonly config: string

  private constructor(plane: ControlPlane, shop: Shop, guard: GuardRun, config: string) {
    this.plane = plane
    this.shop = shop
    this.guard = guard
    this.config = config
  }

  static async admit(): Promise<Patient> {
    const plane = await startControlPlane()
    const shop = await Shop.create(join(plane.dir, 'shop'))
    const settings = join(shop.directory, 'prod', 'settings.yaml')
    const [configMap] = (await readFile(settings, 'utf8')).split('---\n')
    await writeFile(settings, configMap!)
    await shop.commit('Keep the token elsewhere')
    await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
    await plane.serviceAccount('gitops-guard', 'gitops-guard', { clusterAdmin: true })
    const config = join(plane.dir, 'config.yaml')
    const guard = new GuardRun({
      config,
      kubeconfig: plane.kubeconfig(GUARD),
      ports: { https: await freePort(), http: await freePort() },
      logFile: join(plane.dir, 'guard.log'),
      env: {},
    })
    const patient = new Patient(plane, shop, guard, config)
    await patient.configure()
    await patient.bring()
    await patient.removeAlice()
    await guard.start()
    const binding =
      '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/gitops-guard-webhooks'
    await until('the guard is registered', async () => (await plane.api('GET', binding)).status === 200)
    return patient
  }

  async configure(more = ''): Promise<void> {
    await writeFile(
      this.config,
      `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
mode: enforce
stateDir: ${join(this.plane.dir, 'state')}
agents:
  - user: ${AGENT}
sources:
  - { name: shop, repository: ${this.shop.directory}, ref: { branch: main }, path: prod }
${more}`,
    )
  }

  /** The agent brings Git in. */
  async bring(): Promise<void> {
    const prod = join(this.shop.directory, 'prod')
    await this.must(AGENT, [
      'apply',
      '--server-side',
      '--field-manager=deployer',
      '-f',
      join(prod, 'namespace.yaml'),
    ])
    await this.must(AGENT, ['apply', '--server-side', '--field-manager=deployer', '-R', '-f', prod])
  }

  async doctor(): Promise<{ code: number; findings: Finding[]; ms: number }> {
    const start = performance.now()
    const args = [await builtCli(), 'doctor', `--config=${this.config}`, '-o', 'json']
    args.push(`--kubeconfig=${this.plane.kubeconfig('admin')}`)
    const { code, stdout, stderr } = await runCommand(process.execPath, args)
    if (stdout === '') throw new Error(`doctor says nothing: ${stderr}`)
    const { findings } = JSON.parse(stdout) as { findings: Finding[] }
    return { code, findings, ms: performance.now() - start }
  }

  async must(user: string, args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.plane.kubectl(user, args)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} as ${user}: ${stderr.trim()}`)
    return stdout
  }

  /** Every control plane for tests lets alice do everything. */
  async removeAlice(): Promise<void> {
    const list = JSON.parse(await this.must('admin', ['get', 'clusterrolebindings', '-o', 'json'])) as {
      items: { metadata: { name: string }; subjects?: { kind: string; name: string }[] }[]
    }
    for (const { metadata, subjects = [] } of list.items)
      if (subjects.some(({ kind, name }) => kind === 'User' && name === 'alice'))
        await this.must('admin', ['delete', 'clusterrolebinding', metadata.name])
  }

  async discharge(): Promise<void> {
    await this.guard.end('SIGKILL')
    await this.plane.stop()
  }
}
