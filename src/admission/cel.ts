/** A CEL string. Names come from outside; JSON's escapes are CEL's too. */
export function celString(text: string): string {
  return JSON.stringify(text.toWellFormed())
}

/** A CEL list of strings, sorted, so that the same set gives the same expression. */
export function celList(texts: Iterable<string>): string {
  return `[${[...new Set(texts)].toSorted().map(celString).join(', ')}]`
}

/** `a || b`; false when there is none. */
export function celAny(expressions: readonly string[]): string {
  if (expressions.length === 0) return 'false'
  return expressions.length === 1 ? expressions[0]! : expressions.map((each) => `(${each})`).join(' || ')
}

/** What requests are told apart by. Each is read so that its absence is no error: an error refuses everybody. */
export const cel = {
  user: "request.userInfo.?username.orValue('')",
  groups: 'request.userInfo.?groups.orValue([])',
  namespace: "request.?namespace.orValue('')",
  subresource: "request.?subResource.orValue('')",
  /** `group/resource`; the core group's begin with `/`. */
  resource: "request.resource.group + '/' + request.resource.resource",
  /** `group/Kind` of the body. */
  kind: "request.kind.group + '/' + request.kind.kind",
  serviceAccount: "request.userInfo.?username.orValue('').startsWith('system:serviceaccount:')",
} as const
