import { readFile } from 'node:fs/promises'
import { AdmissionServer, type ServerCertificate } from '../admission/server.ts'
import type { ClientAuthority } from '../admission/client-authority.ts'
import type { GuardConfig } from '../config/types.ts'
import type { Change } from '../model/change.ts'
import type { Verdict } from '../model/verdict.ts'
import { isBreakGlass } from '../policy/guard-objects.ts'
import { judge } from '../policy/judge.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { AuditIntake } from './audit-intake.ts'
import type { Core } from './core.ts'
import type { Exceptions } from './exceptions.ts'
import type { Teller } from './tell.ts'
import { whenBlind } from './when-blind.ts'
import type { Writers } from './writers.ts'

export interface GuardAdmissionOptions {
  /** The one in force; undefined before the cluster was reached. */
  core(): Core | undefined
  certificate: ServerCertificate
  clientCA: GuardConfig['clientCA']
  kindOf(group: string, resource: string): string | undefined
  audit: AuditIntake
  exceptions: Exceptions
  writers: Writers
  teller: Teller
  logger: Logger
  /** How long a stopping server goes on with the connections that it has, in milliseconds. */
  drain?: number | undefined
}

/**
 * The server that the API server asks, with what a verdict means to the rest of the guard.
 *
 * @throws Error where the file of the clients' authority cannot be read.
 */
export async function admissionServer(options: GuardAdmissionOptions): Promise<AdmissionServer> {
  const { core, certificate, clientCA, kindOf, audit, logger, drain } = options
  return new AdmissionServer({
    certificate,
    kindOf,
    // Never asked before it is ready.
    judge: (change) => judge(change, core()!.policy),
    ready: () => core()?.complete === true,
    whenBlind: ({ actor }) => whenBlind(actor, core()),
    onError: (error, change) => logger.error({ err: error, id: change.id }, 'a review could not be judged'),
    onTlsError: (error) => logger.warn({ err: error }, 'TLS'),
    onVerdict: (change, verdict, ms) => judged(change, verdict, ms, options),
    audit: (body, authorization) => audit.take(body, authorization),
    ...(clientCA === undefined ? {} : { clientAuthority: await clientAuthority(clientCA) }),
    ...(drain === undefined ? {} : { limits: { drain } }),
  })
}

async function clientAuthority({
  file,
  names,
}: NonNullable<GuardConfig['clientCA']>): Promise<ClientAuthority> {
  const ca = await readFile(file, 'utf8')
  return { ca, ...(names === undefined ? {} : { names }) }
}

/** Safe when it returns: the answer goes out after it. */
function judged(
  change: Change,
  verdict: Verdict,
  ms: number,
  { core, exceptions, writers, teller }: GuardAdmissionOptions,
): void {
  const running = core()
  // Before Git was read everything is refused unjudged: nothing is known that it could be about.
  if (running === undefined) return
  const { policy } = running
  if (verdict.decision !== 'deny' && isBreakGlass(change.ref)) exceptions.reviewed(change)
  writers.judged(change, verdict, policy)
  teller.judged(change, verdict, ms, policy)
}
