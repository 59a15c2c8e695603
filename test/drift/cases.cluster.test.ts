import { after, before, describe, it } from 'node:test'
import { allCases } from './cases/all.ts'
import { check, runCases, type Outcome } from './run-cases.ts'
import type { DriftCase } from './drift-case.ts'
import { Stage } from './stage.ts'

/** Allowances that some cases are about. */
const CONFIG = `allow:
  - preset: cert-manager
  - name: finalizer-of-foo
    actors: { users: ["system:serviceaccount:foo:operator"] }
    objects: { kinds: [ConfigMap] }
    fields: ["/metadata/finalizers/foo.dev~1protect", "/metadata/annotations/foo.dev~1note"]
`

describe('drift, and what is none, on a real API server', () => {
  let stage: Stage
  let outcomes: Map<DriftCase, Outcome>

  before(async () => {
    stage = await Stage.start()
    outcomes = await runCases(stage, allCases, CONFIG)
  })
  after(() => stage.stop())

  for (const one of allCases) it(`row ${one.row}: ${one.name}`, () => check(one, outcomes.get(one)!))
})
