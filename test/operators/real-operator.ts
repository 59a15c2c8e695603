import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { findProgram } from '../control-plane/find-program.ts'
import type { GoProgram } from '../control-plane/go-program.ts'
import { kubeconfig } from '../control-plane/kubeconfig.ts'
import { moduleFolder } from '../control-plane/module-folder.ts'
import type { Supervisor } from '../control-plane/supervisor.ts'
import { operatorProgram, type OperatorName } from './operators.ts'
import type { StandInKubelet } from './stand-in-kubelet.ts'

/** One process of an operator. */
export interface OperatorProcess {
  /** Of the operator's namespace: its real identity, with the rights that its manifests give. */
  account: string
  /** Arguments, and variables of the environment as `NAME=value`. */
  command(kubeconfig: string): Promise<{ args: string[]; env?: string[] }>
}

/** An operator as its project installs it. */
export interface RealOperator {
  name: string
  /** How it is built. */
  program(): GoProgram
  /** The guard's preset for it. */
  preset: string
  namespace: string
  /** YAML that installs it, by file name; the order is that of the names. */
  manifests(): Promise<Record<string, string>>
  processes: readonly OperatorProcess[]
}

/** Where an operator runs, and where its logs go. */
export interface OperatorPlace {
  plane: ControlPlane
  kubelet: StandInKubelet
  supervisor: Supervisor
  logs: string
}

/** Starts every process of an operator with the token of the Pod that it would run in. Its Deployments must be there. */
export async function startOperator(
  { program, namespace, processes }: RealOperator,
  { plane, kubelet, supervisor, logs }: OperatorPlace,
): Promise<void> {
  const binary = await findProgram(program())
  for (const { account, command } of processes) {
    const token = await kubelet.token(namespace, account)
    const file = join(logs, `${account}.kubeconfig`)
    const ca = Buffer.from(plane.caData, 'base64').toString()
    await writeFile(file, kubeconfig({ url: plane.url, ca, user: account, login: { token } }))
    const { args, env = [] } = await command(file)
    await supervisor.start(account, {
      command: 'env',
      args: [...env, binary, ...args],
      log: join(logs, `${account}.log`),
    })
  }
}

/** The texts of an operator's own files: those of a folder of its module, or those that are named. */
export async function operatorFiles(
  name: OperatorName,
  folder: string,
  names?: readonly string[],
): Promise<string[]> {
  return await filesOf(operatorProgram(name), folder, names)
}

/** The same of any program. */
export async function filesOf(
  { module, directory }: GoProgram,
  folder: string,
  names?: readonly string[],
): Promise<string[]> {
  const path = join(await moduleFolder(module, directory), folder)
  const files = names ?? (await readdir(path)).filter((file) => file.endsWith('.yaml')).toSorted()
  return await Promise.all(files.map((file) => readFile(join(path, file), 'utf8')))
}
