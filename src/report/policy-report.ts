/** What stands and what was refused, as results of a PolicyReport or an OpenReport: both have the same fields. */
import { createHash } from 'node:crypto'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { escapeText } from '../object/text.ts'

export type Result = 'fail' | 'warn' | 'skip'

/** One thing that is not as Git says, or was tried. */
export interface ReportEntry {
  source: string
  object: { apiVersion: string; kind: string; namespace: string; name: string }
  rule: string
  result: Result
  severity: 'critical' | 'medium' | 'info'
  message: string
  /** Milliseconds since the epoch. */
  time: number
  properties: Readonly<Record<string, string>>
}

/** Which of the two is served, and what its kinds are called. */
export interface ReportKinds {
  apiVersion: string
  report: string
  clusterReport: string
}

/** The newest of so many are shown in a report; the summary counts all. */
const RESULTS = 100
/** So many reports at most: those of the namespaces that come first. */
const REPORTS = 1000
export const MANAGED_BY = 'app.kubernetes.io/managed-by'
export const REPLICA = 'gitops-guard.dev/replica'

/** One report for each namespace and source that has entries, of this replica. The same entries give the same reports. */
export function policyReports(
  entries: Iterable<ReportEntry>,
  { apiVersion, report, clusterReport }: ReportKinds,
  replica: string,
): KubeObject[] {
  const groups = Map.groupBy(entries, ({ source, object }) => `${object.namespace}\n${source}`)
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, REPORTS)
    .map(([, all]) => {
      const { source, object } = all[0]!
      const { namespace } = object
      const newest = all.toSorted((a, b) => b.time - a.time || (idOf(a) < idOf(b) ? -1 : 1))
      return {
        apiVersion,
        kind: namespace === '' ? clusterReport : report,
        metadata: {
          name: `gitops-guard-${hashOf(`${replica}\n${source}`)}`,
          ...(namespace === '' ? {} : { namespace }),
          labels: { [MANAGED_BY]: 'gitops-guard', [REPLICA]: labelOf(replica) },
          annotations: { 'gitops-guard.dev/source': escapeText(source, 200) },
        },
        summary: summaryOf(all),
        results: newest.slice(0, RESULTS).map(resultOf),
      }
    })
}

/** The value of the label of a replica's reports: its name where that may be one. */
export function labelOf(replica: string): string {
  return /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(replica) ? replica : hashOf(replica)
}

function summaryOf(entries: readonly ReportEntry[]): JsonObject {
  const count = (wanted: Result) => entries.filter(({ result }) => result === wanted).length
  return { pass: 0, fail: count('fail'), warn: count('warn'), error: 0, skip: count('skip') }
}

function resultOf({ object, rule, result, severity, message, time, properties }: ReportEntry): JsonObject {
  const { apiVersion, kind, namespace, name } = object
  const shown = Object.entries(properties).map(([key, value]) => [key, escapeText(value, 300)])
  return {
    source: 'gitops-guard',
    policy: 'git',
    rule: escapeText(rule, 100),
    category: 'GitOps',
    result,
    severity,
    scored: false,
    message: escapeText(message, 500),
    timestamp: { seconds: Math.floor(time / 1000), nanos: 0 },
    resources: [{ apiVersion, kind, name, ...(namespace === '' ? {} : { namespace }) }],
    properties: Object.fromEntries(shown) as JsonObject,
  }
}

function idOf({ object, rule }: ReportEntry): string {
  return `${object.apiVersion}/${object.kind}/${object.name}/${rule}`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
