import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { readinessOf } from './readiness.ts'

function object(apiVersion: string, kind: string, spec: JsonObject, status?: JsonObject): KubeObject {
  return { apiVersion, kind, metadata: { name: 'x', generation: 2 }, spec, ...(status && { status }) }
}

const condition = (type: string, status: string, reason = '', message = '') => ({
  type,
  status,
  reason,
  message,
})
const rolledOut = {
  observedGeneration: 2,
  replicas: 3,
  updatedReplicas: 3,
  availableReplicas: 3,
  readyReplicas: 3,
}

type Row = [what: string, object: KubeObject, expected: 'ready' | RegExp, failed?: boolean]

const rows: Row[] = [
  ['a Deployment that is rolled out', object('apps/v1', 'Deployment', { replicas: 3 }, rolledOut), 'ready'],
  [
    'a Deployment of nothing',
    object('apps/v1', 'Deployment', { replicas: 0 }, { observedGeneration: 2 }),
    'ready',
  ],
  ['a new Deployment', object('apps/v1', 'Deployment', { replicas: 3 }), /not seen it yet/],
  [
    'a Deployment whose newest form was not seen',
    object('apps/v1', 'Deployment', { replicas: 3 }, { ...rolledOut, observedGeneration: 1 }),
    /newest form/,
  ],
  [
    'a Deployment half way',
    object('apps/v1', 'Deployment', { replicas: 3 }, { ...rolledOut, updatedReplicas: 1 }),
    /1 of 3 replicas are of the newest form/,
  ],
  [
    'a Deployment with old Pods',
    object('apps/v1', 'Deployment', { replicas: 3 }, { ...rolledOut, replicas: 4 }),
    /1 replicas of an older form/,
  ],
  [
    'a Deployment whose Pods do not start',
    object('apps/v1', 'Deployment', { replicas: 3 }, { ...rolledOut, availableReplicas: 1 }),
    /1 of 3 replicas are available/,
  ],
  [
    'a Deployment that gave up',
    object(
      'apps/v1',
      'Deployment',
      { replicas: 3 },
      {
        ...rolledOut,
        conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out')],
      },
    ),
    /ProgressDeadlineExceeded: timed out/,
    true,
  ],
  ['a StatefulSet that is rolled out', object('apps/v1', 'StatefulSet', { replicas: 3 }, rolledOut), 'ready'],
  [
    'a StatefulSet half way',
    object('apps/v1', 'StatefulSet', { replicas: 3 }, { ...rolledOut, updatedReplicas: 2 }),
    /2 of 3/,
  ],
  [
    'a StatefulSet up to its partition',
    object(
      'apps/v1',
      'StatefulSet',
      { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
      { ...rolledOut, updatedReplicas: 1 },
    ),
    'ready',
  ],
  [
    'a StatefulSet that waits for its Pods to be deleted',
    object(
      'apps/v1',
      'StatefulSet',
      { replicas: 3, updateStrategy: { type: 'OnDelete' } },
      { observedGeneration: 2 },
    ),
    'ready',
  ],
  [
    'a DaemonSet on all nodes',
    object(
      'apps/v1',
      'DaemonSet',
      {},
      { observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
    ),
    'ready',
  ],
  [
    'a DaemonSet on some nodes',
    object(
      'apps/v1',
      'DaemonSet',
      {},
      { observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 },
    ),
    /1 of 2 Pods/,
  ],
  ['a Job that runs', object('batch/v1', 'Job', {}, { startTime: '2026-01-01T00:00:00Z' }), 'ready'],
  ['a Job that has not started', object('batch/v1', 'Job', {}), /not started/],
  [
    'a Job that completed',
    object('batch/v1', 'Job', {}, { conditions: [condition('Complete', 'True')] }),
    'ready',
  ],
  [
    'a Job that failed',
    object(
      'batch/v1',
      'Job',
      {},
      { startTime: 'x', conditions: [condition('Failed', 'True', 'BackoffLimitExceeded')] },
    ),
    /BackoffLimitExceeded/,
    true,
  ],
  [
    'a Pod that is ready',
    object('v1', 'Pod', {}, { phase: 'Running', conditions: [condition('Ready', 'True')] }),
    'ready',
  ],
  ['a Pod that failed', object('v1', 'Pod', {}, { phase: 'Failed' }), /failed/, true],
  ['a claim that is bound', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Bound' }), 'ready'],
  ['a claim that waits', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Pending' }), /Pending/],
  ['a Namespace', object('v1', 'Namespace', {}, { phase: 'Active' }), 'ready'],
  [
    'a definition that is served',
    object(
      'apiextensions.k8s.io/v1',
      'CustomResourceDefinition',
      {},
      { conditions: [condition('NamesAccepted', 'True'), condition('Established', 'True')] },
    ),
    'ready',
  ],
  [
    'a definition whose names are taken',
    object(
      'apiextensions.k8s.io/v1',
      'CustomResourceDefinition',
      {},
      { conditions: [condition('NamesAccepted', 'False', 'PluralConflict', 'taken')] },
    ),
    /PluralConflict/,
    true,
  ],
  [
    'a new definition',
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}),
    /not Established yet/,
  ],
  [
    'an APIService that answers',
    object('apiregistration.k8s.io/v1', 'APIService', {}, { conditions: [condition('Available', 'True')] }),
    'ready',
  ],
  [
    'an APIService that does not',
    object(
      'apiregistration.k8s.io/v1',
      'APIService',
      {},
      { conditions: [condition('Available', 'False', 'ServiceNotFound')] },
    ),
    /ServiceNotFound/,
  ],
  [
    'a custom resource that says so',
    object('x.dev/v1', 'Widget', {}, { conditions: [condition('Ready', 'True')] }),
    'ready',
  ],
  [
    'a custom resource that says not',
    object('x.dev/v1', 'Widget', {}, { conditions: [condition('Ready', 'False', 'Waiting', 'for parts')] }),
    /Waiting: for parts/,
  ],
  [
    'a custom resource that is stuck',
    object('x.dev/v1', 'Widget', {}, { conditions: [condition('Stalled', 'True', 'Invalid')] }),
    /Invalid/,
    true,
  ],
  ['a custom resource that says nothing', object('x.dev/v1', 'Widget', {}), 'ready'],
  ['a ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }, 'ready'],
  [
    'what is being deleted',
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', deletionTimestamp: 'now' } },
    /being deleted/,
  ],
]

describe('readinessOf', () => {
  for (const [what, given, expected, failed = false] of rows) {
    it(`call ${what} ${expected === 'ready' ? 'ready' : failed ? 'failed' : 'not ready'}`, () => {
      const found = readinessOf(given)
      if (expected === 'ready') return assert.deepEqual(found, { ready: true })
      assert.ok(!found.ready)
      assert.match(found.why, expected)
      assert.equal(found.failed, failed)
    })
  }
})
