/** What a HelmRelease says may differ (`driftDetection.ignore`), as allowances: nobody's drift, and open to accounts of programs, not to people. */
import type { Json } from '../model/json.ts'
import type { Allowance } from '../model/policy.ts'
import { at, listAt, textAt, textsAt } from './reading.ts'

/** Notes say what of it cannot be followed. */
export function fluxAllowances(spec: Json | undefined): { allowances: Allowance[]; notes: string[] } {
  const notes: string[] = []
  const allowances = listAt(spec, 'driftDetection', 'ignore').flatMap((rule, index): Allowance[] => {
    const target = at(rule, 'target')
    const name = textAt(target, 'name')
    const bySelector = textAt(target, 'labelSelector') !== '' || textAt(target, 'annotationSelector') !== ''
    if (bySelector || !/^[\w.-]*$/.test(name)) {
      notes.push(
        `driftDetection.ignore: rule ${index + 1} has a target by labels, annotations or a pattern, and is not followed`,
      )
      return []
    }
    // A place in a list is any: which item that is may change with the list.
    const fields = textsAt(rule, 'paths').map((path) => path.replaceAll(/\/\d+(?=\/|$)/g, '/*'))
    if (fields.length === 0) return []
    const kinds = kindsOf(textAt(target, 'group'), textAt(target, 'kind'))
    const namespace = textAt(target, 'namespace')
    return [
      {
        name: `driftDetection.ignore ${index + 1}`,
        reason: 'the HelmRelease says that this may differ',
        users: ['system:serviceaccount:*'],
        objects: {
          ...(kinds === undefined ? {} : { kinds }),
          ...(name === '' ? {} : { names: [name] }),
          ...(namespace === '' ? {} : { namespaces: [namespace] }),
        },
        fields,
        bookkeeping: true,
      },
    ]
  })
  return { allowances, notes }
}

function kindsOf(group: string, kind: string): string[] | undefined {
  if (group !== '') return [`${group}/${kind || '*'}`]
  return kind === '' ? undefined : [kind, `*/${kind}`]
}
