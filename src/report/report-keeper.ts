import type { KubeObject } from '../model/json.ts'
import { REPLICA } from './policy-report.ts'

/** The cluster as reports need it. Each may reject. */
export interface ReportWriter {
  /** Those that any replica of the guard wrote. */
  list(): Promise<KubeObject[]>
  /** Creates or replaces. */
  write(report: KubeObject): Promise<void>
  /** Also of one that is gone already. */
  remove(report: KubeObject): Promise<void>
}

/** Writes at a time; what is more comes the next time. */
const BATCH = 50

/**
 * Keeps the reports of this replica as they should be, asking only for what has changed: nothing where nothing has. What it or another replica
 * left behind is found by one list when it starts and when replicas come or go.
 */
export class ReportKeeper {
  readonly #writer: ReportWriter
  /** By place: what was written last. */
  readonly #written = new Map<string, { report: KubeObject; text: string }>()
  #looked: string | undefined

  constructor(writer: ReportWriter) {
    this.#writer = writer
  }

  /**
   * @param wanted all reports of this replica.
   * @param replicas the label values of those that are alive; this one's first.
   * @param cleans whether reports of replicas that are gone are this one's to remove.
   */
  async keep(wanted: readonly KubeObject[], replicas: readonly string[], cleans: boolean): Promise<void> {
    await this.#look(replicas, cleans)
    const places = new Set(wanted.map(placeOf))
    const gone = [...this.#written].filter(([place]) => !places.has(place))
    const changed = wanted.filter(
      (report) => this.#written.get(placeOf(report))?.text !== JSON.stringify(report),
    )
    for (const [place, { report }] of gone.slice(0, BATCH)) {
      await this.#writer.remove(report)
      this.#written.delete(place)
    }
    for (const report of changed.slice(0, BATCH)) {
      await this.#writer.write(report)
      this.#written.set(placeOf(report), { report, text: JSON.stringify(report) })
    }
  }

  /** Removes all that this replica has written. */
  async clear(): Promise<void> {
    for (const [place, { report }] of [...this.#written]) {
      await this.#writer.remove(report)
      this.#written.delete(place)
    }
  }

  async #look(replicas: readonly string[], cleans: boolean): Promise<void> {
    const alive = `${replicas.toSorted().join(' ')} ${cleans}`
    if (alive === this.#looked) return
    for (const report of await this.#writer.list()) {
      const replica = (report.metadata['labels'] as Record<string, unknown> | undefined)?.[REPLICA]
      if (replica === replicas[0]) {
        const place = placeOf(report)
        if (!this.#written.has(place)) this.#written.set(place, { report, text: '' })
      } else if (cleans && !replicas.includes(String(replica))) await this.#writer.remove(report)
    }
    this.#looked = alive
  }
}

function placeOf({ kind, metadata: { namespace, name } }: KubeObject): string {
  return `${kind}/${String(namespace ?? '')}/${String(name)}`
}
