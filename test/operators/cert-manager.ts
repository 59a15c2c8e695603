import { join } from 'node:path'
import { findProgram } from '../control-plane/find-program.ts'
import { freePort } from '../control-plane/free-port.ts'
import { moduleFolder } from '../control-plane/module-folder.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { rendererProgram } from '../renderers/renderers.ts'
import { operatorProgram } from './operators.ts'
import type { OperatorProcess, RealOperator } from './real-operator.ts'

/** cert-manager as its chart installs it, with its webhook at a port of this machine. */
export async function certManager(): Promise<RealOperator> {
  const port = await freePort()
  const process = (program: string, account: string, more: string[] = []): OperatorProcess => ({
    account,
    command: (kubeconfig) => Promise.resolve({ args: [program, `--kubeconfig=${kubeconfig}`, ...more] }),
  })
  return {
    name: 'cert-manager',
    program: () => operatorProgram('cert-manager'),
    preset: 'cert-manager',
    namespace: 'cert-manager',
    manifests: async () => ({ 'cert-manager.yaml': await chart(`localhost:${port}`) }),
    processes: [
      process('webhook', 'cert-manager-webhook', [`--port=${port}`]),
      process('cainjector', 'cert-manager-cainjector'),
      process('controller', 'cert-manager'),
    ],
  }
}

async function chart(webhook: string): Promise<string> {
  const { module, directory } = operatorProgram('cert-manager')
  const folder = join(await moduleFolder(module, directory), 'deploy/charts/cert-manager')
  const values = { 'crds.enabled': 'true', 'webhook.url.host': webhook, 'startupapicheck.enabled': 'false' }
  const { code, stdout, stderr } = await runCommand(await findProgram(rendererProgram('helm')), [
    'template',
    'cert-manager',
    folder,
    '--namespace=cert-manager',
    ...Object.entries(values).map(([name, value]) => `--set=${name}=${value}`),
  ])
  if (code !== 0) throw new Error(`cannot render the chart of cert-manager: ${stderr}`)
  return stdout
}
