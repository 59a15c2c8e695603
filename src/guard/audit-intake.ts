import { DecodeError } from '../admission/decode-error.ts'
import type { Policy } from '../model/policy.ts'
import type { Ledger } from '../reconcile/ledger.ts'
import { sameToken } from '../screen/same-token.ts'
import { readAuditEvents, type AuditedWrite } from './audit.ts'

export interface AuditIntakeOptions {
  /** What the audit webhook must bear; undefined: nothing. @throws where it cannot be read. */
  token(): Promise<string | undefined>
  policy(): Policy
  kindOf(group: string, resource: string): string | undefined
  ledger: Ledger
  /** Somebody wrote in the name of an identity that the guard trusts. */
  onPosed(write: AuditedWrite): void
}

/** Takes what the API server's audit webhook sends: who wrote what goes into the ledger. */
export class AuditIntake {
  readonly #options: AuditIntakeOptions

  constructor(options: AuditIntakeOptions) {
    this.#options = options
  }

  /** @throws DecodeError without the token. @throws Error for a body that is no EventList. */
  async take(body: Buffer, authorization: string | undefined): Promise<void> {
    const { ledger, policy, kindOf, onPosed } = this.#options
    const token = await this.#options.token()
    if (token !== undefined && !sameToken(authorization ?? '', `Bearer ${token}`)) {
      throw new DecodeError(401, 'the audit webhook needs the token of the configuration')
    }
    const writes = readAuditEvents(body, {
      policy: policy(),
      kindOf,
      known: (ref, path, value) => ledger.writerOf(ref, path, value) !== undefined,
    })
    for (const write of writes) {
      ledger.record(write)
      if (write.posedAs !== undefined) onPosed(write)
    }
  }
}
