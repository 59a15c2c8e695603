import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../judge.ts'
import { account, change, edited, object, person, policyOf } from '../testing.ts'

const cluster = { namespace: '' }
const role = (name: string, labels: Record<string, string>, fields = {}) =>
  object('rbac.authorization.k8s.io/v1', 'ClusterRole', name, fields, { ...cluster, labels })
const declared = role(
  'auditor',
  {},
  {
    aggregationRule: {
      clusterRoleSelectors: [
        { matchLabels: { 'to-auditor': 'true' } },
        { matchExpressions: [{ key: 'team', operator: 'In', values: ['shop'] }] },
      ],
    },
  },
)
const policy = policyOf([{ objects: [declared] }])
const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
const asked = (labels: Record<string, string>, actor = person()) =>
  judge(change('CREATE', actor, undefined, role('hers', labels, { rules })), policy)

test('deny a person a role whose rules a declared one would take up', () => {
  assert.deepEqual(
    [asked({ 'to-auditor': 'true' }).rule, asked({ 'to-auditor': 'true' }).decision],
    ['aggregated-role', 'deny'],
  )
  assert.equal(asked({ team: 'shop' }).decision, 'deny')
})
test('allow a role with other labels, and one of an operator', () => {
  assert.equal(asked({ 'to-auditor': 'no' }).decision, 'allow')
  assert.equal(asked({ 'to-auditor': 'true' }, account('ops', 'operator')).decision, 'allow')
})
test('deny to label a role so, and to change the rules of one that is', () => {
  const before = role('hers', {}, { rules })
  const labelled = role('hers', { 'to-auditor': 'true' }, { rules })
  assert.equal(judge(change('UPDATE', person(), before, labelled), policy).decision, 'deny')
  const changed = edited(labelled, (copy) => void (copy['rules'] = []))
  assert.equal(judge(change('UPDATE', person(), labelled, changed), policy).decision, 'deny')
  assert.equal(judge(change('UPDATE', person(), labelled, labelled), policy).decision, 'allow')
})
