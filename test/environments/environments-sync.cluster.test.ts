import { environmentsTest } from './environments-test.ts'

environmentsTest(
  'with no agent: promote by merge, refuse a hotfix by hand in prod, roll back by git revert',
  { sync: true },
)
