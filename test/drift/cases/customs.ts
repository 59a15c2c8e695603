import { at, edit, json, merge, remove, type DriftCase } from '../drift-case.ts'

const crd = (schema: string, more = '', rest = '') => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.$NS.example }
spec:
  group: $NS.example
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: ${schema.replaceAll('\n', ' ')} } } }
${more}${rest}`

const widget = (spec: string, version = 'v1') => `apiVersion: $NS.example/${version}
kind: Widget
metadata: { name: w }
spec: ${spec}
`

const full = `{ type: object, properties: {
  size: { type: integer, default: 3 },
  mode: { type: string, enum: [fast, slow], default: fast },
  memory: { anyOf: [{ type: integer }, { type: string }], x-kubernetes-int-or-string: true, pattern: '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$' },
  port: { x-kubernetes-int-or-string: true },
  ratio: { type: number },
  big: { type: integer, format: int64 },
  maybe: { type: string, nullable: true },
  items: { type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name, kind], items: { type: object, required: [name, kind], properties: { name: { type: string }, kind: { type: string, default: a }, value: { type: string } } } },
  tags: { type: array, x-kubernetes-list-type: set, items: { type: string } },
  steps: { type: array, items: { type: string } },
  nested: { type: object, default: {}, properties: { active: { type: boolean, default: true } } },
  map: { type: object, additionalProperties: { type: string } },
  free: { type: object, x-kubernetes-preserve-unknown-fields: true },
  template: { type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true } } }`

const free = '{ type: object, x-kubernetes-preserve-unknown-fields: true }'
const good = widget(
  '{ memory: 1000m, port: http, ratio: 1.50, big: 9007199254740993, items: [{ name: x, kind: b, value: "1" }, { name: x, kind: c }], tags: [one, two], steps: [a, b], map: { k: v }, free: { anything: [1, { a: null }], __proto__: x, constructor: { y: 1 } }, template: { apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { a: 1 } } }',
)
const two = `    - name: v2
      served: true
      storage: false
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { a: { type: string } } } } } }
`

const definition = (name: string) =>
  crd('{ type: object, properties: { a: { type: string, default: x } } }').replaceAll('widgets', name)

/** Custom resources, and the definitions of their kinds. */
export const customCases: readonly DriftCase[] = [
  {
    row: 4,
    name: 'accept a custom resource with defaults, exact integers and free fields',
    setup: crd(full),
    git: good,
  },
  {
    row: 1,
    name: 'accept a quantity of a custom resource in other words',
    setup: crd(full),
    git: widget('{ memory: "0.5" }'),
    live: merge({ spec: { memory: '500m' } }),
  },
  {
    row: 19,
    name: 'find a quantity that differs',
    setup: crd(full),
    git: widget('{ memory: 1Gi }'),
    live: merge({ spec: { memory: '1G' } }),
    drift: ['replace /spec/memory'],
  },
  {
    row: 19,
    name: 'find an int-or-string that changed its type',
    setup: crd(full),
    git: widget('{ port: "80" }'),
    live: merge({ spec: { port: 80 } }),
    drift: ['replace /spec/port'],
  },
  {
    row: 19,
    name: 'find the last digit of an integer over 2^53',
    setup: crd(full),
    git: widget('{ big: 9007199254740993 }'),
    live: ({ stage, path }) =>
      stage.must('PATCH', path, '{"spec":{"big":9007199254740992}}', 'application/merge-patch+json'),
    drift: ['replace /spec/big'],
  },
  {
    row: 19,
    name: 'find the last digit in a field without schema',
    setup: crd(free),
    git: widget('{ big: 9007199254740993 }'),
    live: ({ stage, path }) =>
      stage.must('PATCH', path, '{"spec":{"big":9007199254740992}}', 'application/merge-patch+json'),
    drift: ['replace /spec/big'],
  },
  {
    row: 21,
    name: 'find a default that a person changed',
    setup: crd(full),
    git: good,
    live: merge({ spec: { size: 9, nested: { active: false } } }),
    drift: ['replace /spec/size', 'replace /spec/nested/active'],
  },
  {
    row: 19,
    name: 'find an item of a list with two keys changed',
    setup: crd(full),
    git: good,
    live: json([{ op: 'replace', path: '/spec/items/0/value', value: '2' }]),
    drift: ['replace /spec/items/0/value'],
  },
  {
    row: 19,
    name: 'find an item with another second key',
    setup: crd(full),
    git: good,
    live: json([{ op: 'add', path: '/spec/items/-', value: { name: 'x', kind: 'd' } }]),
    drift: ['add /spec/items/2'],
  },
  {
    row: 8,
    name: 'accept items of a keyed list in another order',
    setup: crd(full),
    git: good,
    live: edit((o) => void (at(o, 'spec', 'items') as never[]).reverse()),
  },
  {
    row: 8,
    name: 'accept a set in another order',
    setup: crd(full),
    git: good,
    live: edit((o) => void (at(o, 'spec', 'tags') as never[]).reverse()),
  },
  {
    row: 20,
    name: 'find a member added to a set',
    setup: crd(full),
    git: good,
    live: json([{ op: 'add', path: '/spec/tags/0', value: 'zero' }]),
    drift: ['add /spec/tags/0'],
  },
  {
    row: 23,
    name: 'find steps in another order',
    setup: crd(full),
    git: good,
    live: json([{ op: 'replace', path: '/spec/steps', value: ['b', 'a'] }]),
    drift: ['replace /spec/steps/0', 'replace /spec/steps/1'],
  },
  {
    row: 20,
    name: 'find a step put in between',
    setup: crd(full),
    git: good,
    live: json([{ op: 'add', path: '/spec/steps/1', value: 'between' }]),
    drift: ['add /spec/steps/1'],
  },
  {
    row: 20,
    name: 'find a key added to a map',
    setup: crd(full),
    git: good,
    live: merge({ spec: { map: { rogue: 'x' } } }),
    drift: ['add /spec/map/rogue'],
  },
  {
    row: 19,
    name: 'find a change deep in a free field',
    setup: crd(full),
    git: good,
    live: json([{ op: 'replace', path: '/spec/free/anything/0', value: 2 }]),
    drift: ['replace /spec/free/anything/0'],
  },
  {
    row: 20,
    name: 'find __proto__ added in a free field',
    setup: crd(full),
    git: widget('{ free: { a: 1 } }'),
    live: ({ stage, path }) =>
      stage.must(
        'PATCH',
        path,
        '[{"op":"add","path":"/spec/free/__proto__","value":{"polluted":true}}]',
        'application/json-patch+json',
      ),
    drift: ['add /spec/free/__proto__/polluted'],
  },
  {
    row: 19,
    name: 'find a change in an embedded resource',
    setup: crd(full),
    git: good,
    live: json([{ op: 'replace', path: '/spec/template/spec/a', value: 2 }]),
    drift: ['replace /spec/template/spec/a'],
  },
  {
    row: 20,
    name: 'find an annotation put on an embedded resource',
    setup: crd(full),
    git: good,
    live: json([{ op: 'add', path: '/spec/template/metadata/annotations', value: { a: 'b' } }]),
    drift: ['add /spec/template/metadata/annotations/a'],
  },
  {
    row: 3,
    name: 'accept nulls where the schema allows them, and where it does not',
    setup: crd(full),
    git: widget('{ maybe: null, mode: null, map: null, size: 1 }'),
    agent: 'create',
  },
  {
    row: 19,
    name: 'find a value where Git says null',
    setup: crd(full),
    git: widget('{ maybe: null, size: 1 }'),
    agent: 'create',
    live: merge({ spec: { maybe: 'x' } }),
    drift: ['replace /spec/maybe'],
  },
  {
    row: 3,
    name: 'accept empty maps and lists',
    setup: crd(full),
    git: widget('{ map: {}, items: [], tags: [], free: {} }'),
  },
  {
    row: 19,
    name: 'find an empty map that went',
    setup: crd(full),
    git: widget('{ map: {}, size: 1 }'),
    live: merge({ spec: { map: null } }),
    drift: ['remove /spec/map'],
  },
  { row: 1, name: 'accept a number with zeros at its end', setup: crd(full), git: widget('{ ratio: 2.0 }') },
  {
    row: 30,
    name: 'say that a field of a custom resource is unattainable',
    setup: crd(full),
    git: widget('{ size: 1, unknown: 2 }'),
    agent: { text: widget('{ size: 1 }') },
    first: 'unattainable',
  },
  {
    row: 29,
    name: 'say that a custom resource is invalid',
    setup: crd(full),
    git: widget('{ size: many }'),
    first: 'invalid',
  },
  {
    row: 2,
    name: 'accept a custom resource without a structural spec',
    setup: crd(free),
    git: widget('{ a: { b: [1, two, { c: 0x10 }] }, yes: on, e: 1e3, oct: 0644 }'),
  },
  {
    row: 19,
    name: 'find an addition without a schema',
    setup: crd(free),
    git: widget('{ list: [{ name: a }, { name: b }] }'),
    live: json([{ op: 'add', path: '/spec/list/1/rogue', value: 1 }]),
    drift: ['add /spec/list/1/rogue'],
  },
  {
    row: 19,
    name: 'find a removal without a schema',
    setup: crd(free),
    git: widget('{ list: [a, b, c] }'),
    live: json([{ op: 'remove', path: '/spec/list/0' }]),
    drift: ['remove /spec/list/0'],
  },
  {
    row: 14,
    name: 'accept a status of a custom resource',
    setup: crd(free),
    git: widget('{ a: 1 }') + 'status: { phase: Old }\n',
    agent: { text: widget('{ a: 1 }') },
  },
  {
    row: 7,
    name: 'accept a version that is not the stored one',
    setup: crd('{ type: object, properties: { a: { type: string }, hidden: { type: string } } }', two),
    git: widget('{ a: x }', 'v2'),
  },
  {
    row: 19,
    name: 'find a field that the declared version cannot show',
    setup: crd('{ type: object, properties: { a: { type: string }, hidden: { type: string } } }', two),
    git: widget('{ a: x }', 'v2'),
    live: async ({ stage, namespace }) =>
      stage.must(
        'PATCH',
        `/apis/${namespace}.example/v1/namespaces/${namespace}/widgets/w`,
        { spec: { hidden: 'rogue' } },
        'application/merge-patch+json',
      ),
    drift: ['add /spec/hidden'],
  },
  {
    row: 20,
    name: 'find a finalizer on a custom resource',
    setup: crd(free),
    git: widget('{ a: 1 }'),
    live: merge({ metadata: { finalizers: ['x.dev/y'] } }),
    drift: ['add /metadata/finalizers/0'],
  },
  {
    row: 19,
    name: 'find a deleted custom resource',
    setup: crd(free),
    git: widget('{ a: 1 }'),
    live: remove,
    status: 'missing',
  },
  { row: 2, name: 'accept a definition with its defaults', git: definition('gadgets') },
  {
    row: 2,
    name: 'accept a definition and its resource in one source',
    git: `${definition('gizmos').replace('kind: Widget', 'kind: Gizmo')}---\napiVersion: $NS.example/v1\nkind: Gizmo\nmetadata: { name: g }\nspec: { a: z }\n`,
  },
  {
    row: 19,
    name: 'find a schema that was loosened',
    git: definition('gadgets'),
    live: json([
      {
        op: 'add',
        path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-preserve-unknown-fields',
        value: true,
      },
    ]),
    drift: [
      'add /spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-preserve-unknown-fields',
    ],
  },
  {
    row: 20,
    name: 'find a version that was added',
    git: definition('gadgets'),
    live: json([
      {
        op: 'add',
        path: '/spec/versions/-',
        value: { name: 'v9', served: true, storage: false, schema: { openAPIV3Schema: { type: 'object' } } },
      },
    ]),
    drift: ['add /spec/versions/1'],
  },
  {
    row: 20,
    name: 'find short names that were added',
    git: definition('gadgets'),
    live: merge({ spec: { names: { shortNames: ['po'] } } }),
    drift: ['add /spec/names/shortNames'],
  },
  {
    row: 20,
    name: 'find a conversion webhook that was put in',
    git: definition('gadgets'),
    live: merge({
      spec: {
        conversion: {
          strategy: 'Webhook',
          webhook: {
            conversionReviewVersions: ['v1'],
            clientConfig: { service: { namespace: 'default', name: 'evil' } },
          },
        },
      },
    }),
    drift: [
      'replace /spec/conversion/strategy',
      'add /spec/conversion/webhook/clientConfig/service/name',
      'add /spec/conversion/webhook/clientConfig/service/namespace',
      'add /spec/conversion/webhook/clientConfig/service/port',
      'add /spec/conversion/webhook/conversionReviewVersions',
    ],
  },
]
