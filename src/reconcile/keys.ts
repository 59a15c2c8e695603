import type { ObjectRef } from '../model/identity.ts'

/** The identity that `refKey` made this text of. */
export function refOfKey(key: string): ObjectRef {
  const [group = '', kind = '', namespace = '', name = ''] = key.split('\n')
  return { group, kind, namespace, name }
}
