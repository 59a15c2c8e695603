import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import type { Discovery } from '../cluster/discovery.ts'
import { groupOf, versionOf } from '../object/identity.ts'
import type { EventWriter } from '../report/event-recorder.ts'

const EVENTS = {
  group: 'events.k8s.io',
  version: 'v1',
  resource: 'events',
  kind: 'Event',
  namespaced: true,
}
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
/** Nothing waits for an Event: one try each. */
const ONCE = { timeoutMs: 10_000, retries: 0 }

/** Writes Events through the API server. */
export function eventWriter(api: ClusterApi, discovery: Pick<Discovery, 'resourceFor'>): EventWriter {
  return {
    async uidOf({ apiVersion, kind, namespace, name }) {
      const resource = discovery.resourceFor(groupOf(apiVersion), kind, versionOf(apiVersion))
      if (resource === undefined) return undefined
      try {
        const { object } = await api.get(resource, { namespace, name }, { ...ONCE, accept: METADATA })
        return String(object.metadata['uid'])
      } catch (error) {
        // Not there, or not the guard's to read: `kubectl describe` finds it by name all the same where it has no uid.
        if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return undefined
        throw error
      }
    },
    async create(event) {
      await api.create(EVENTS, event, ONCE)
    },
    async patch(at, patch) {
      await api.patch(EVENTS, at, patch, { ...ONCE, type: 'application/merge-patch+json' })
    },
  }
}
