/** Paths of jq that are simple, as patterns of fields. */

/**
 * `.spec.replicas`, `.metadata.annotations["a/b"]`, `.webhooks[]?.clientConfig.caBundle`, `.spec.containers[] | select(.name == "web") | .image`.
 * Undefined for anything else.
 */
export function fieldOfJq(expression: string): string | undefined {
  let rest = expression.trim()
  let field = ''
  while (rest !== '') {
    const step = STEPS.map(([pattern, make]) => ({ found: pattern.exec(rest), make })).find(
      ({ found }) => found,
    )
    if (step?.found == null) return undefined
    field += step.make(step.found.slice(1))
    rest = rest.slice(step.found[0].length)
  }
  return field === '' ? undefined : field
}

const key = (text: string) => `/${text.replaceAll('~', '~0').replaceAll('/', '~1')}`
const NAME = String.raw`[A-Za-z_]\w*`
const TEXT = String.raw`"((?:[^"\\])*)"`

const STEPS: readonly (readonly [RegExp, (found: readonly string[]) => string])[] = [
  [
    new RegExp(String.raw`^\.?\[\]\??\s*\|\s*select\(\s*\.(${NAME})\s*==\s*${TEXT}\s*\)\s*(?:\|\s*(?=\.)|$)`),
    ([name = '', value = '']) => `/[${name}=${value}]`,
  ],
  [new RegExp(String.raw`^\.?\[${TEXT}\]\??`), ([text = '']) => key(text)],
  [/^\.?\[(?:\d+)?\]\??/, () => '/*'],
  [new RegExp(String.raw`^\.${TEXT}\??`), ([text = '']) => key(text)],
  [new RegExp(String.raw`^\.(${NAME})\??`), ([name = '']) => key(name)],
  [/^\s*\|\s*(?=\.)/, () => ''],
]
