import { execFile } from 'node:child_process'

export interface AuditOptions {
  registry?: string
  /** Milliseconds for the registry to answer. */
  patience?: number
}

export interface AuditResult {
  ok: boolean
  text: string
}

/** Milliseconds. */
const PATIENCE = 10_000

/** Asks the registry what is known against the shipped packages; where it could not be asked, the text says why. */
export function audit({ registry, patience = PATIENCE }: AuditOptions = {}): Promise<AuditResult> {
  const words = ['audit', '--omit=dev', '--json', '--fetch-retries=0', `--fetch-timeout=${patience}`]
  if (registry !== undefined) words.push('--registry', registry)
  return new Promise((resolve) => {
    execFile(
      'npm',
      words,
      { timeout: patience, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout) => {
        resolve(error?.killed ? notAsked(`no answer in ${patience / 1000} s`) : auditResult(stdout))
      },
    )
  })
}

/**
 * Not ok where something shipped has a known weakness that is high or critical.
 *
 * @param json what npm prints
 */
export function auditResult(json: string): AuditResult {
  const report = readReport(json)
  if (report?.vulnerabilities === undefined) return notAsked(report?.message ?? 'npm gives no answer')
  const found = Object.values(report.vulnerabilities)
  if (found.length === 0) return { ok: true, text: 'audit: nothing is known against the shipped packages' }
  const grave = found.filter(({ severity }) => ['high', 'critical'].includes(severity))
  const lines = found.map(({ name, severity, range }) => `  ${name} ${range}: ${severity}`)
  return {
    ok: grave.length === 0,
    text: ['audit: weaknesses are known (npm audit says more)', ...lines].join('\n'),
  }
}

interface Report {
  /** Why there is no report. */
  message?: string
  vulnerabilities?: Record<string, { name: string; severity: string; range: string }>
}

function readReport(json: string): Report | undefined {
  try {
    return JSON.parse(json) as Report
  } catch {
    return undefined
  }
}

function notAsked(why: string): AuditResult {
  return { ok: true, text: `audit: the registry could not be asked (${why.split('\n')[0]}): not checked` }
}
