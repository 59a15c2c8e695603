import type { Row } from '../row.ts'
import { paths } from '../stage.ts'

const scale = (what: string, ...more: string[]): Row => ({
  row: 1,
  title: `alice scales ${what}`,
  expect: 'webhook',
  run: (stage) => stage.refused('alice', ['scale', '-n', 'shop', what, '--replicas=7', ...more]),
})

/** The review of a Scale holds no labels of its parent. */
export const scaleRows: readonly Row[] = [
  scale('deployment/web'),
  scale('deployment/api'),
  scale('statefulset/db'),
  scale('widgets.shop.example/front'),
  {
    row: 1,
    title: 'alice scales the ReplicaSet of a declared Deployment',
    expect: 'webhook',
    run: async (stage) => {
      const { stdout } = await stage.must('alice', ['get', 'rs', '-n', 'shop', '-l', 'app=api', '-o', 'name'])
      return stage.refused('alice', ['scale', '-n', 'shop', stdout.trim().split('\n')[0]!, '--replicas=0'])
    },
  },
  {
    row: 1,
    title: 'alice PATCHes the scale subresource with a JSON patch',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        ['PATCH', `${paths.api}/scale`, [{ op: 'replace', path: '/spec/replicas', value: 0 }]],
        { contentType: 'application/json-patch+json' },
      ),
  },
  {
    row: 1,
    title: 'alice PUTs a Scale read earlier, at autoscaling/v1',
    expect: 'webhook',
    run: async (stage) => {
      const { body } = await stage.raw('alice', 'GET', `${paths.db}/scale`)
      return stage.refusedRaw('alice', ['PUT', `${paths.db}/scale`, { ...body, spec: { replicas: 5 } }])
    },
  },
]
