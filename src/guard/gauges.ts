import type { Metrics } from '../telemetry/metrics.ts'
import type { Core } from './core.ts'

/** Brings into the metrics what is known of watches and sources, when they are asked for. */
export class Gauges {
  readonly #metrics: Metrics
  #watches = new Map<string, { group: string; kind: string }>()
  #sources = new Set<string>()

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  read(core: Core): void {
    this.#readWatches(core)
    this.#readSources(core)
  }

  #readWatches(core: Core): void {
    const now = Date.now()
    const seen = new Map<string, { group: string; kind: string }>()
    for (const { group, kind, phase, synced, staleForMs } of core.watches.states()) {
      seen.set(`${group}/${kind}`, { group, kind })
      this.#metrics.watch({
        group,
        kind,
        live: synced && phase === 'watching',
        freshAt: now - staleForMs,
      })
    }
    for (const [key, { group, kind }] of this.#watches)
      if (!seen.has(key)) this.#metrics.watchEnded(group, kind)
    this.#watches = seen
  }

  #readSources(core: Core): void {
    const seen = new Set<string>()
    for (const [source, { revision, fetchedAt, since }] of core.sourceStatuses()) {
      const state = core.stateOf(source)
      if (revision === undefined || state === undefined) continue
      seen.add(source)
      // A guard that was started while Git could not be reached knows only since when it asks in vain.
      this.#metrics.source({
        source,
        revision,
        committedAt: state.committedAt,
        askedAt: fetchedAt ?? since,
      })
    }
    for (const source of this.#sources) if (!seen.has(source)) this.#metrics.sourceEnded(source)
    this.#sources = seen
  }
}
