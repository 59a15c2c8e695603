import type { Json } from '../model/json.ts'
import { fieldOf } from './json.ts'

/** Keyed lists whose order means something all the same, by the field's name, each with its reason. */
const ORDERED: { readonly [field: string]: (items: readonly Json[]) => boolean } = {
  // Init containers run one after the other.
  initContainers: () => true,
  // A value may refer to an entry before it: $(NAME).
  env: (items) => items.some((item) => String(fieldOf(item, 'value') ?? '').includes('$(')),
  // Webhooks of a configuration are called in their order, and each sees what those before made of the object.
  webhooks: () => true,
}

/** Whether the order of a keyed list counts. */
export function orderCounts(field: string, items: readonly Json[]): boolean {
  return Object.hasOwn(ORDERED, field) && ORDERED[field]!(items)
}
