#!/usr/bin/env node
/** `gitops-guard`, also found by kubectl as `kubectl guard`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { fail } from './commands/fail.ts'
import { packageRoot } from './commands/package-root.ts'

/** Options that every command has. */
export interface GlobalOptions {
  config: string
  kubeconfig?: string
  context?: string
  output: 'text' | 'json'
}

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(
    `gitops-guard: needs Node.js 24 or newer: this is ${process.versions.node}. In a checkout: npm run guard -- ..., which brings its own`,
  )
  process.exit(2)
}

const program = new Command('gitops-guard')
  .description('Makes Git the only way to change a Kubernetes cluster.')
  .version('0.1.0')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .addHelpText(
    'after',
    `
Exit codes: 0 done (diff: no drift), 1 diff found drift or doctor something to do, 2 an error.
Try it: gitops-guard demo`,
  )

/** Adds a command; its module is loaded when it runs, so that --help is quick. */
function command(name: string, description: string, formats = ['text', 'json']): Command {
  return program
    .command(name)
    .description(description)
    .option('--config <file>', 'the configuration', '/etc/gitops-guard/config.yaml')
    .option(
      '--kubeconfig <file>',
      'how to reach the cluster (default: KUBECONFIG, ~/.kube/config, in-cluster)',
    )
    .option('--context <name>', "the kubeconfig's context")
    .addOption(new Option('-o, --output <format>', 'how to print').choices(formats).default('text'))
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
}

/** Runs a command's module; its result is the exit code, an error becomes a clear line and 2. */
function runs<Arguments extends unknown[]>(load: () => Promise<(...args: Arguments) => Promise<number>>) {
  return async (...args: Arguments) => {
    try {
      process.exitCode = await (await load())(...args)
    } catch (error) {
      process.exitCode = fail(error)
    }
  }
}

command('serve', 'run the guard: answer reviews, watch, heal and report')
  .option('--https-port <port>', 'where the API server calls (/validate)', '9443')
  .option('--http-port <port>', '/healthz, /readyz, /metrics and POST /git', '8080')
  .option('--webhook-url <url>', 'register this URL instead of a Service: for a guard outside the cluster')
  .option('--replica <name>', 'identity of this replica (default: POD_NAME, else the host name)')
  .action(runs(async () => (await import('./commands/serve.ts')).serve))

command('diff', 'compare the cluster with Git and print what differs; never writes', [
  'text',
  'json',
  'markdown',
])
  .option('--source <name...>', 'only these sources')
  .option('--checkout <dir>', "read the sources from this checkout, such as a pull request's, at its HEAD")
  .action(runs(async () => (await import('./commands/diff.ts')).diff))

command('render', 'print what the sources declare')
  .option('--source <name...>', 'only these sources')
  .option('--show-secrets', "print Secrets' values")
  .action(runs(async () => (await import('./commands/render.ts')).render))

command('explain', 'say who may change an object and why, or what would happen if someone did')
  .argument('<object>', 'kind/name, such as deploy/web')
  .option('-n, --namespace <name>', 'its namespace', 'default')
  .option('--as <user>', 'who would change it')
  .option('--as-group <group...>', 'with these groups')
  .option('--verb <verb>', 'patch, update, delete, create or scale', 'patch')
  .option('--set <pointer=value...>', 'the change: a JSON Pointer and a JSON value')
  .action(runs(async () => (await import('./commands/explain.ts')).explain))

command('break-glass', 'open an expiring exception to change objects by hand')
  .argument('[objects...]', 'kind/name, such as deploy/web; none means everything in the namespace')
  .option('-n, --namespace <name>', 'the namespace', 'default')
  .requiredOption('--reason <text>', 'why: an incident number is a good start')
  .option('--for <duration>', 'how long, such as 30m', '30m')
  .option('--renew <name>', 'keep this exception open for longer')
  .action(runs(async () => (await import('./commands/break-glass.ts')).breakGlass))

command('install', 'put the guard into a cluster, with the rights that its sources need')
  .option('--image <name>', 'the image to run')
  .option('--dry-run', 'print the manifests instead of applying them')
  .option('--replicas <n>', 'how many replicas')
  .option('--all-kinds', 'rights over every kind, instead of those that the sources declare')
  .option('--static-manifests <dir>', 'write admission manifests for an API server that you own')
  .action(runs(async () => (await import('./commands/install.ts')).install))

command('uninstall', 'take the guard and its configuration out of a cluster; works while the guard is down')
  .option('--yes', 'do not ask')
  .action(runs(async () => (await import('./commands/uninstall.ts')).uninstall))

command('status', 'what a running guard knows: sources, objects by status, watches, chat')
  .option('--url <url>', 'where it serves HTTP (default: through the API server)')
  .action(runs(async () => (await import('./commands/status.ts')).status))

command('violations', 'what was refused, let through or found lately, by whom, and where Git holds it', [
  'text',
  'wide',
  'json',
])
  .argument('[object]', 'only of this one: kind/name, such as deploy/web')
  .option('--since <duration>', 'how far back, such as 30m or 7d', '24h')
  .option('-n, --namespace <name>', 'only of this namespace')
  .option('--source <name>', 'only of this source')
  .option('--user <name>', 'only of this actor: the whole name, such as system:serviceaccount:ops:scaler')
  .option(
    '--event <name...>',
    'only these: denied, warned, audited, drift, repaired, unrepairable, break-glass, trouble, resolved',
  )
  .option('--limit <n>', 'how many at most, the newest', '500')
  .option('--url <url>', 'where the guard serves HTTP (default: every replica, through the API server)')
  .option('--token-file <file>', 'a token for --url, where that is not this machine')
  .option('--state-dir <dir>', "read the guard's state directory instead")
  .action(runs(async () => (await import('./commands/violations.ts')).violations))

command('dead-letters', 'messages that a chat would not take, and sending them again')
  .option('--send <id>', 'try this one again, or all; with --url')
  .option('--url <url>', 'where the guard serves HTTP (default: every replica, through the API server)')
  .option('--token-file <file>', 'a token for --url, where that is not this machine')
  .action(runs(async () => (await import('./commands/dead-letters.ts')).deadLetters))

command('suggest', 'propose allowances for what service accounts were seen writing in audit mode')
  .option('--url <url>', 'where the guard serves HTTP (default: every replica, through the API server)')
  .option('--state-dir <dir>', "read the guard's state directory instead")
  .action(runs(async () => (await import('./commands/suggest.ts')).suggest))

command(
  'doctor',
  'what is wrong, or could be walked around, in a cluster with this configuration; never writes',
)
  .option('--guard-user <name>', "the guard's username (default: its service account in deploy/)")
  .action(runs(async () => (await import('./commands/doctor.ts')).doctor))

program
  .command('demo')
  .description('the main job as a story in the terminal, on a control plane of its own')
  .option('--keep', 'leave it running afterwards')
  .action(runs(loadDemo))

/** The demo brings a control plane of its own, which only a checkout holds. */
async function loadDemo() {
  const file = join(packageRoot(), 'src', 'demo', 'demo.ts')
  if (!existsSync(file))
    throw new Error('the demo needs a checkout of the project: clone it and run make demo')
  return ((await import(file)) as { demo(options: { keep?: boolean }): Promise<number> }).demo
}

await program.parseAsync()
