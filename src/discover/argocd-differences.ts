/** What an Application ignores, as allowances: nobody's drift, and open to accounts of programs, not to people. */
import type { Json } from '../model/json.ts'
import type { Allowance } from '../model/policy.ts'
import { fieldOfJq } from './jq-path.ts'
import { listAt, textAt, textsAt } from './reading.ts'

/** Notes say what of it cannot be followed. */
export function argocdAllowances(ignored: readonly Json[]): { allowances: Allowance[]; notes: string[] } {
  const notes: string[] = []
  const allowances = ignored.flatMap((one, index): Allowance[] => {
    const kind = [textAt(one, 'group'), textAt(one, 'kind')].filter((part) => part !== '').join('/')
    const fields = textsAt(one, 'jsonPointers').map((pointer) =>
      // A place in a list is any: which item that is may change with the list.
      pointer.replaceAll(/\/\d+(?=\/|$)/g, '/*'),
    )
    for (const expression of textsAt(one, 'jqPathExpressions')) {
      const field = fieldOfJq(expression)
      if (field === undefined)
        notes.push(`ignoreDifferences: ${expression.slice(0, 200)} is no simple path, and not followed`)
      else fields.push(field)
    }
    if (listAt(one, 'managedFieldsManagers').length > 0)
      notes.push(
        `ignoreDifferences: managedFieldsManagers of ${kind} are not followed: allow their fields instead`,
      )
    if (fields.length === 0) return []
    const only = (field: string) => (textAt(one, field) === '' ? undefined : [textAt(one, field)])
    const [names, namespaces] = [only('name'), only('namespace')]
    return [
      {
        name: `ignoreDifferences ${index + 1}`,
        reason: 'the Application says that this may differ',
        users: ['system:serviceaccount:*'],
        objects: {
          kinds: [kind],
          ...(names === undefined ? {} : { names }),
          ...(namespaces === undefined ? {} : { namespaces }),
        },
        fields,
        bookkeeping: true,
      },
    ]
  })
  return { allowances, notes }
}
