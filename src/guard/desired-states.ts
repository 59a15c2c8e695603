import type { DesiredState } from '../model/desired.ts'
import type { Namespaced } from '../git/scope.ts'
import { indexDesired, type DesiredIndex, type Forms } from '../policy/snapshot.ts'
import type { DesiredChange } from '../reconcile/desired-change.ts'
import { desiredChange, placeState } from './desired.ts'
import type { SourceSettings } from './settings.ts'

/** What all sources declare now, indexed; made anew when a source's commit or what discovery knows changes. */
export class DesiredStates {
  #sources: readonly SourceSettings[]
  readonly #namespaced: Namespaced
  readonly #forms: Forms
  /** As Git has them. */
  readonly #raw = new Map<string, DesiredState>()
  /** With the namespaces that discovery gives them. */
  readonly #placed = new Map<string, DesiredState>()
  #index: DesiredIndex

  constructor(sources: readonly SourceSettings[], namespaced: Namespaced, forms: Forms) {
    this.#sources = sources
    this.#namespaced = namespaced
    this.#forms = forms
    this.#index = this.#indexed()
  }

  get index(): DesiredIndex {
    return this.#index
  }

  /** Undefined before the source was read. */
  stateOf(source: string): DesiredState | undefined {
    return this.#placed.get(source)
  }

  /** Other sources, or others of these settings. What a source declared that is no longer there is dropped. */
  setSources(sources: readonly SourceSettings[]): DesiredChange[] {
    this.#sources = sources
    const names = new Set(sources.map(({ policy }) => policy.name))
    const changes: DesiredChange[] = []
    for (const [name, state] of this.#placed) {
      if (names.has(name)) continue
      this.#raw.delete(name)
      this.#placed.delete(name)
      changes.push(desiredChange(state, { ...state, manifests: [] }))
    }
    changes.push(...this.replace())
    return changes
  }

  /** Puts a source's commit in force. */
  accept(state: DesiredState): DesiredChange {
    this.#raw.set(state.source, state)
    const change = this.#place(state)
    this.#index = this.#indexed()
    return change
  }

  /** Places everything again: discovery knows other kinds now. Only what moved is in the changes. */
  replace(): DesiredChange[] {
    const changes = [...this.#raw.values()].map((state) => this.#place(state))
    this.#index = this.#indexed()
    return changes.filter(({ added, changed, removed }) => added.length + changed.length + removed.length > 0)
  }

  #place(state: DesiredState): DesiredChange {
    const namespace = this.#sources.find(({ policy }) => policy.name === state.source)?.namespace
    const placed = placeState(state, namespace, this.#namespaced)
    const change = desiredChange(this.#placed.get(state.source), placed)
    this.#placed.set(state.source, placed)
    return change
  }

  #indexed(): DesiredIndex {
    const sources = this.#sources.map(({ policy, namespace }) => {
      const state = this.#placed.get(policy.name)
      return {
        policy,
        ...(namespace === undefined ? {} : { namespace }),
        ...(state === undefined ? {} : { state }),
      }
    })
    return indexDesired(sources, this.#forms)
  }
}
