import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { ResourceInfo } from '../model/identity.ts'
import type { KubeObject } from '../model/json.ts'
import type { Violation } from '../model/violation.ts'
import type { Finding, Status } from '../reconcile/events.ts'
import { labelOf, MANAGED_BY, policyReports, type ReportEntry } from '../report/policy-report.ts'
import { RecentDenials } from '../report/recent-denials.ts'
import { ReportKeeper, type ReportWriter } from '../report/report-keeper.ts'
import { reasonOf } from './violations.ts'

export interface PolicyReportingOptions {
  api: ClusterApi
  discovery: Pick<Discovery, 'resourceFor'>
  /** The name of this replica. */
  replica: string
  /** The replicas that are there; none where this one is alone. */
  members(): readonly string[]
  owns(key: string): boolean
  onError(error: unknown): void
}

const API_GROUPS = [
  { group: 'openreports.io', version: 'v1alpha1', report: 'Report', clusterReport: 'ClusterReport' },
  {
    group: 'wgpolicyk8s.io',
    version: 'v1alpha2',
    report: 'PolicyReport',
    clusterReport: 'ClusterPolicyReport',
  },
]
/** Nobody waits for a report: a server that is busy, or that has served the kind for a moment only, is asked again. */
const PATIENT = { timeoutMs: 10_000 }
/** Milliseconds for the reports of this replica to be removed when it ends. */
const FAREWELL = 3000

interface Served {
  report: ResourceInfo
  clusterReport: ResourceInfo
}

/** Of a core, what reports are made from. */
export interface ReportedCore {
  reconciler: {
    statuses(): Iterable<{ ref: Finding['ref']; status: Status }>
    findingOf(ref: Finding['ref']): Finding | undefined
  }
  settings: { config: { policyReports: boolean } }
}

/** What stands and what was tried, as reports in the cluster: where it is asked for and one of the kinds is served. */
export class PolicyReporting {
  readonly #options: PolicyReportingOptions
  readonly #denials = new RecentDenials()
  #keeping: { served: Served; keeper: ReportKeeper } | undefined
  #under: Promise<unknown> | undefined
  #said = ''

  constructor(options: PolicyReportingOptions) {
    this.#options = options
  }

  /** Costs a look into a map; nobody's review waits for a report. */
  accept(violation: Violation): void {
    this.#denials.accept(violation)
  }

  /** Brings the reports up to date; one at a time. */
  look({ reconciler, settings: { config } }: ReportedCore): void {
    if (!config.policyReports && this.#keeping === undefined) return
    const entries = config.policyReports
      ? [...driftEntries(reconciler), ...this.#denials.entries(Date.now())]
      : []
    this.#under ??= this.#keep(entries)
      .then(
        () => (this.#said = ''),
        (error: unknown) => this.#failed(error),
      )
      .finally(() => (this.#under = undefined))
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#under
  }

  /** Removes the reports of this replica: nobody would keep them. */
  async stop(): Promise<void> {
    await this.#under
    if (this.#keeping === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, FAREWELL)
    const removed = this.#keeping.keeper.clear().catch((error: unknown) => this.#failed(error))
    await Promise.race([removed, promise])
    clearTimeout(timer)
  }

  async #keep(entries: readonly ReportEntry[]): Promise<void> {
    const { replica, members, owns } = this.#options
    const served = this.#served()
    if (served === undefined) return void (this.#keeping = undefined)
    if (this.#keeping?.served.report.group !== served.report.group) {
      this.#keeping = { served, keeper: new ReportKeeper(this.#writer(served)) }
    }
    const { group, version, kind } = served.report
    const kinds = {
      apiVersion: `${group}/${version}`,
      report: kind,
      clusterReport: served.clusterReport.kind,
    }
    const alive = [replica, ...members().filter((other) => other !== replica)].map(labelOf)
    await this.#keeping.keeper.keep(policyReports(entries, kinds, replica), alive, owns('policy-reports'))
  }

  /** The same is said once. */
  #failed(error: unknown): void {
    const said = error instanceof Error ? error.message : String(error)
    if (said !== this.#said) this.#options.onError(error)
    this.#said = said
  }

  #served(): Served | undefined {
    for (const { group, version, report: kind, clusterReport: clusterKind } of API_GROUPS) {
      const report = this.#options.discovery.resourceFor(group, kind, version)
      const clusterReport = this.#options.discovery.resourceFor(group, clusterKind, version)
      if (report !== undefined && clusterReport !== undefined) return { report, clusterReport }
    }
    return undefined
  }

  #writer({ report, clusterReport }: Served): ReportWriter {
    const { api } = this.#options
    const resourceOf = ({ kind }: KubeObject) => (kind === report.kind ? report : clusterReport)
    return {
      async list() {
        const query = { labelSelector: `${MANAGED_BY}=gitops-guard` }
        const lists = [report, clusterReport].map(async (resource) => {
          const { object } = await api.list(resource, undefined, { ...PATIENT, query })
          return object.items.map((item) => ({ ...(item as KubeObject), kind: resource.kind }))
        })
        return (await Promise.all(lists)).flat()
      },
      async write(object) {
        await api.apply(resourceOf(object), object, { ...PATIENT, force: true })
      },
      async remove(object) {
        const { namespace, name } = object.metadata
        const at = { namespace: typeof namespace === 'string' ? namespace : '', name: String(name) }
        await api.delete(resourceOf(object), at, PATIENT).catch((error: unknown) => {
          if (!(error instanceof ApiError) || error.status !== 404) throw error
        })
      },
    }
  }
}

function driftEntries(reconciler: ReportedCore['reconciler']): ReportEntry[] {
  return [...reconciler.statuses()].flatMap(({ ref, status }) => {
    const finding = status === 'inSync' ? undefined : reconciler.findingOf(ref)
    return finding === undefined ? [] : [entryOf(finding, status)]
  })
}

function entryOf(finding: Finding, status: Status): ReportEntry {
  const { ref, apiVersion, source, drift, id, actor, changes, origin, remedy, seenAt } = finding
  const { kind, namespace, name } = ref
  return {
    source,
    object: { apiVersion, kind, namespace, name },
    rule: drift,
    result: 'fail',
    severity: status === 'unrepairable' || status === 'fight' ? 'critical' : 'medium',
    message: reasonOf(finding),
    time: seenAt,
    properties: {
      event: 'drift',
      id,
      remedy,
      actor: actor.username,
      fields: String(changes.length),
      ...(origin === undefined ? {} : { file: `${origin.file}:${origin.line}`, revision: origin.revision }),
    },
  }
}
