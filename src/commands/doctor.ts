import { diagnose } from '../doctor/diagnose.ts'
import type { Finding, Severity } from '../doctor/finding.ts'
import { escapeText } from '../object/text.ts'
import { openCluster, readAllSettings, type CommonOptions } from './context.ts'
import { gatherFacts } from './doctor-facts.ts'
import { GUARD } from './install-policies.ts'

export interface DoctorOptions extends CommonOptions {
  guardUser?: string
}

/**
 * `gitops-guard doctor`: looks at a cluster and a configuration and says what is wrong or could be walked around. Writes
 * nothing: what it tries are dry-runs. 1 where there is something to do.
 */
export async function doctor(options: DoctorOptions): Promise<number> {
  const settings = await readAllSettings(options)
  const { api, discovery, connection } = await openCluster(options)
  try {
    await discovery.readCustomKinds().catch(() => undefined)
    const facts = await gatherFacts(settings, {
      api,
      discovery,
      guardUser: options.guardUser ?? GUARD.username,
    })
    const findings = diagnose(facts)
    if (options.output === 'json') console.log(JSON.stringify({ findings: findings.map(clean) }, null, 2))
    else print(findings)
    return findings.some(({ severity }) => severity !== 'info') ? 1 : 0
  } finally {
    connection.close()
  }
}

const MOST = 2000

function clean({ check, severity, subject, what, why, remedy }: Finding): Finding {
  const [a, b, c, d] = [subject, what, why, remedy].map((text) => escapeText(text, MOST)) as [
    string,
    string,
    string,
    string,
  ]
  return { check, severity, subject: a, what: b, why: c, remedy: d }
}

function print(findings: readonly Finding[]): void {
  for (const { severity, subject, what, why, remedy, check } of findings.map(clean)) {
    console.log(`${severity.toUpperCase()}  ${subject} ${what}  [${check}]`)
    console.log(`  why:    ${why}`)
    console.log(`  remedy: ${remedy}\n`)
  }
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length
  if (findings.length === 0) console.log('nothing found: the guard is as this configuration wants it')
  else console.log(`${count('critical')} critical, ${count('warning')} warnings, ${count('info')} to know`)
}
