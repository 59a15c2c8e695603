import fc from 'fast-check'
import type { Violation } from '../../model/violation.ts'
import { VIOLATION_EVENTS } from '../violation-filter.ts'

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '<!here> @everyone <@123> <users/all> [a](http://evil.example) https://evil.example',
    '<script>alert(1)</script> &lt; " \' ]( \\](',
    '&&&&'.repeat(1000),
    '`'.repeat(5000),
    '```\n```',
    'x'.repeat(9000),
    '\u202e\u0000\u001b[2J',
    '🦆'.repeat(3000),
    '"'.repeat(3000),
    'a\n'.repeat(2000),
    '漢字'.repeat(2000),
    '@everyone <!channel> [x](javascript:alert(1)) @room',
  ),
)

/** Violations that hold whatever people and clients may write into them. */
export const anyViolation: fc.Arbitrary<Violation> = fc.record({
  id: text,
  time: fc.constantFrom('2026-11-24T10:00:00.000Z', '2026-11-24T10:00:01.000Z'),
  event: fc.constantFrom(...VIOLATION_EVENTS),
  verdict: fc.constantFrom('deny', 'warn', 'allow'),
  rule: text,
  reason: text,
  operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
  subresource: fc.constantFrom('', 'scale', 'exec', 'status'),
  actor: fc.record({ username: text, groups: fc.constant([]), authenticated: fc.boolean() }),
  object: fc.record({ apiVersion: fc.constant('v1'), kind: text, namespace: text, name: text }),
  source: text,
  origin: fc.record({ file: text, line: fc.nat(9), revision: text }),
  changes: fc.array(
    fc.record({
      path: text.map((it) => `/${it}`),
      op: fc.constantFrom('add', 'remove', 'replace'),
      desired: fc.jsonValue(),
      live: text,
    }),
    { maxLength: 60 },
  ),
  owners: fc.array(fc.oneof(text, fc.constant('@org/shop')), { maxLength: 3 }),
  remedy: fc.constantFrom('none', 'wait', 'alert', 'nudge', 'repair'),
})
