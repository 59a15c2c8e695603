/**
 * `gitops-guard demo`: the main job as a story, on a control plane of its own with real kubectl and real Git. Each line
 * is true: what is printed is what came back.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../test/control-plane/free-port.ts'
import { startControlPlane, type ControlPlane } from '../../test/control-plane/control-plane.ts'
import type { CommandResult } from '../../test/control-plane/run-command.ts'
import { packageRoot } from '../commands/package-root.ts'
import { ChatWindow } from './chat-window.ts'
import { GuardProcess } from './guard-process.ts'
import { Intruder } from './intruder.ts'
import { Shop } from './shop.ts'
import { bold, dim, green, heading, output, red, say, table, typed } from './terminal.ts'

const AGENT = 'system:serviceaccount:ci:deployer'
const GUARD = 'system:serviceaccount:gitops-guard:gitops-guard'

/** One line of the closing table. */
interface Outcome {
  who: string
  what: string
  result: string
  ms: string
  ok: boolean
}

/** Runs the story; the exit code is 0 when every line of it came true. */
export async function demo(options: { keep?: boolean } = {}): Promise<number> {
  const started = performance.now()
  const outcomes: Outcome[] = []
  const note = (who: string, what: string, ok: boolean, result: string, ms = '') =>
    outcomes.push({ who, what, ok, result, ms })

  heading('A cluster, a Git repository, an agent')
  const plane = await startControlPlane()
  const chat = await ChatWindow.open()
  let guard: GuardProcess | undefined
  try {
    say(
      `A control plane ${plane.version} (etcd, kube-apiserver, kube-controller-manager) is up ${after(started)}.`,
    )
    const shop = await Shop.create(join(plane.dir, 'shop'))
    say(`The shop's repository holds ${(await shop.git('ls-files')).trim().split('\n').join(', ')}.`)
    await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
    typed('agent', `kubectl apply --server-side -R -f prod/   ${dim(`(as ${AGENT})`)}`)
    expectOk(await apply(plane, shop))
    say('The agent has brought Git into the cluster.')

    heading('The guard starts')
    guard = await startGuard(plane, shop, chat)
    const memory = Math.round((await guard.memory()).now)
    say(`It has read Git, compared every object and registered its webhook: ready, ${memory} MiB resident.`)

    heading('alice, who may do anything by RBAC, changes things by hand')
    for (const attempt of ATTEMPTS) {
      typed('alice', attempt.shown)
      const result = await plane.kubectl('alice', attempt.args, { env: attempt.env ?? {} })
      output(result.code === 0 ? green(result.stdout) : red(result.stderr))
      const refused = result.code !== 0 && /denied the request/.test(result.stderr)
      note('alice', attempt.what, refused, refused ? 'refused' : 'WENT THROUGH', `${result.ms}`)
    }
    await showChat(chat)

    heading('A commit goes through')
    const commit = await shop.change('podinfo.yaml', 'podinfo:6.9.0', 'podinfo:6.9.1', 'Podinfo 6.9.1')
    say(`Dana's pull request is merged as ${commit}: podinfo 6.9.1.`)
    typed('agent', 'kubectl apply --server-side -R -f prod/')
    const applied = await apply(plane, shop)
    expectOk(applied)
    const image = await imageOf(plane)
    say(`The Deployment runs ${image}.`)
    note('agent', 'applies a commit', image.endsWith(':6.9.1'), 'applied', `${applied.ms}`)

    heading('An administrator takes the webhook away')
    const intruder = new Intruder(plane)
    for (const intrusion of intruder.intrusions()) {
      say(`\n${bold('admin')} deletes the guarding policy and the webhook, and ${intrusion.what}.`)
      const { tries, healedMs, webhookMs } = await intruder.run(intrusion)
      const slipped = tries === 1 ? 'at the first try' : `at try ${tries}: the webhook was back before`
      say(`  The write slipped through ${slipped}.`)
      say(`  ${green(`Git's state is back after ${healedMs.toFixed(0)} ms`)}, the webhook ${webhookMs}.`)
      note('admin', `${intrusion.what}, without the webhook`, true, 'put back', healedMs.toFixed(0))
    }
    const image2 = await imageOf(plane)
    note('', 'the cluster is what Git says', image2.endsWith(':6.9.1'), image2, '')
    await showChat(chat)

    heading(`What happened, in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    table([
      ['who', 'what', 'outcome', 'ms'],
      ...outcomes.map(({ who, what, result, ms, ok }) => [who, what, `${ok ? '✓' : '✗'} ${result}`, ms]),
    ])
    if (options.keep) await keepRunning(plane)
    return outcomes.every((outcome) => outcome.ok) ? 0 : 1
  } finally {
    // First the control plane: a guard that is asked to stop waits for those who still call it.
    await plane.stop()
    await guard?.end()
    chat.close()
  }
}

const DEPLOYMENT = ['-n', 'shop', 'deployment/web']

const ATTEMPTS: { what: string; shown: string; args: string[]; env?: Record<string, string> }[] = [
  {
    what: 'sets an image',
    shown: 'kubectl -n shop set image deployment/web podinfo=evil.example/podinfo:latest',
    args: ['set', 'image', ...DEPLOYMENT, 'podinfo=evil.example/podinfo:latest'],
  },
  {
    what: 'scales',
    shown: 'kubectl -n shop scale deployment/web --replicas=9',
    args: ['scale', ...DEPLOYMENT, '--replicas=9'],
  },
  {
    what: 'edits',
    shown: 'kubectl -n shop edit service/web   # port 80 → 8080',
    args: ['edit', '-n', 'shop', 'service/web'],
    env: { KUBE_EDITOR: "sed -i 's/port: 80$/port: 8080/'" },
  },
  {
    what: 'deletes',
    shown: 'kubectl -n shop delete configmap/web',
    args: ['delete', '-n', 'shop', 'configmap/web', '--wait=false'],
  },
  {
    what: 'labels',
    shown: 'kubectl label namespace/shop owner=alice',
    args: ['label', 'namespace/shop', 'owner=alice'],
  },
]

async function startGuard(plane: ControlPlane, shop: Shop, chat: ChatWindow): Promise<GuardProcess> {
  const kubeconfig = await plane.serviceAccount('gitops-guard', 'gitops-guard')
  const deploy = join(packageRoot(), 'deploy')
  const rights = ['namespace', 'break-glass', 'rights', 'guarded-kinds'].map((name) =>
    join(deploy, `${name}.yaml`),
  )
  expectOk(await plane.kubectl('admin', ['apply', ...rights.flatMap((file) => ['-f', file])]))
  const directory = join(plane.dir, 'guard')
  await mkdir(directory)
  const config = join(directory, 'config.yaml')
  const text = configuration(shop, directory)
  await writeFile(config, text)
  output(dim(text))
  typed(GUARD, `gitops-guard serve --config config.yaml`)
  const guard = new GuardProcess({
    config,
    kubeconfig,
    ports: { https: await freePort(), http: await freePort() },
    logFile: join(directory, 'guard.log'),
    env: { SLACK_URL: chat.url },
  })
  guard.launchFrom(join(packageRoot(), 'dist', 'cli.js'))
  await guard.ready()
  return guard
}

function configuration(shop: Shop, directory: string): string {
  return `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
mode: enforce
stateDir: ${join(directory, 'state')}
sources:
  - name: shop
    repository: ${shop.directory}
    ref: { branch: main }
    path: prod
    poll: 1s
agents:
  - user: ${AGENT}
notify:
  - slack: { url: { env: SLACK_URL } }
`
}

/** The agent of the demo: a CI job that applies what it checked out, with a token of its own. */
function apply(plane: ControlPlane, shop: Shop): Promise<CommandResult> {
  const files = join(shop.directory, 'prod')
  // Namespaces first: kubectl applies in the order of the files.
  const order = ['namespace.yaml', 'settings.yaml', 'podinfo.yaml', 'autoscaling.yaml']
  const args = ['apply', '--server-side', '--field-manager=deployer']
  return plane.kubectl(AGENT, [...args, ...order.flatMap((file) => ['-f', join(files, file)])])
}

async function imageOf(plane: ControlPlane): Promise<string> {
  const { body } = await plane.api('GET', '/apis/apps/v1/namespaces/shop/deployments/web')
  return body.spec.template.spec.containers[0].image as string
}

function expectOk({ code, stdout, stderr }: CommandResult): void {
  if (code !== 0) throw new Error(`kubectl ended with ${code}: ${stderr}`)
  output(dim(stdout))
}

async function showChat(chat: ChatWindow): Promise<void> {
  say(`\n${bold('#prod')} ${dim('(the chat, as it shows the messages)')}`)
  for (const lines of await chat.news(15_000)) {
    say('')
    for (const line of lines) say(`  ${dim('│')} ${line}`)
  }
}

async function keepRunning(plane: ControlPlane): Promise<void> {
  heading('It keeps running: try by hand in another terminal (Ctrl-C here ends it)')
  say(`export KUBECONFIG=${plane.kubeconfig('alice')}   # a developer with cluster-admin rights`)
  say(`export KUBECONFIG=${plane.kubeconfig(AGENT)}   # the agent`)
  say(dim(`kubectl of the same build: ${plane.binaries.kubectl}`))
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => undefined, 60_000)
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        clearInterval(timer)
        resolve()
      })
  })
}

const after = (started: number) => `after ${((performance.now() - started) / 1000).toFixed(1)} s`
