import type { Json } from '../model/json.ts'
import type { Path } from '../model/path.ts'
import { fieldOf } from './json.ts'

type Items = readonly Json[]

/** Keyed lists whose order means something all the same, by the field's name: when, each with its reason. */
const ORDERED: { readonly [field: string]: (items: Items) => boolean } = {
  // Init containers run one after the other.
  initContainers: () => true,
  // The kubelet starts containers in their order, and a postStart hook holds back those that follow.
  containers: (items) => items.some((item) => fieldOf(fieldOf(item, 'lifecycle'), 'postStart') !== undefined),
  // $(NAME) is replaced only where NAME stands before it.
  env: (items) => refersToAnother(items),
  // Mutating webhooks of a configuration are called in their order, and each sees what those before made of the object.
  webhooks: (items) => items.some((item) => fieldOf(item, 'reinvocationPolicy') !== undefined),
  // Variables of an admission policy may use those before them.
  variables: (items) => items.some((item) => text(item, 'expression').includes('variables.')),
}

/** Whether the order of the keyed list at a path counts. */
export function orderCounts(path: Path, items: Items): boolean {
  const field = path.at(-1)
  return typeof field === 'string' && Object.hasOwn(ORDERED, field) && ORDERED[field]!(items)
}

/** Lists that their schema calls atomic though their order means nothing, by group, kind and field. */
const UNORDERED: { readonly [place: string]: true } = {
  // Every metric proposes a number of replicas and the highest wins; conversion between versions reorders them.
  'autoscaling/HorizontalPodAutoscaler spec metrics': true,
}

/** Whether the order of a list means nothing although its schema gives no keys. `kind` is `group/Kind`. */
export function orderIsMeaningless(kind: string, path: Path): boolean {
  return path.length === 2 && Object.hasOwn(UNORDERED, `${kind} ${path.join(' ')}`)
}

const REFERENCE = /\$\(([^)]+)\)/g

function refersToAnother(env: Items): boolean {
  const names = new Set(env.map((item) => text(item, 'name')))
  return env.some((item) => {
    // $$ is an escaped dollar: what follows it is no reference.
    const value = text(item, 'value').replaceAll('$$', '')
    return [...value.matchAll(REFERENCE)].some(([, name]) => name !== text(item, 'name') && names.has(name!))
  })
}

function text(item: Json, field: string): string {
  const value = fieldOf(item, field)
  return typeof value === 'string' ? value : ''
}
