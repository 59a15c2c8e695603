import type { Violation } from '../../model/violation.ts'

/** A violation for tests. */
export function someViolation(over: Partial<Violation> = {}): Violation {
  return {
    id: 'a1b2c3d4e5f6',
    time: '2026-11-24T10:00:00.000Z',
    event: 'denied',
    verdict: 'deny',
    rule: 'declared-object',
    reason: 'Git declares Deployment shop/web.\nChange clusters/prod/web.yaml, line 12, instead.',
    operation: 'UPDATE',
    subresource: '',
    actor: { username: 'alice', groups: ['developers'], authenticated: true },
    object: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
    source: 'shop',
    origin: {
      file: 'clusters/prod/web.yaml',
      line: 12,
      revision: '0123456789abcdef0123456789abcdef01234567',
    },
    changes: [{ path: '/spec/replicas', op: 'replace', desired: 2, live: 9 }],
    remedy: 'none',
    ...over,
  }
}

/** As many violations as wanted, each of an object of its own, with ids `v0`, `v1`, ... */
export function manyViolations(
  count: number,
  over: (index: number) => Partial<Violation> = () => ({}),
): Violation[] {
  return Array.from({ length: count }, (_, index) =>
    someViolation({
      id: `v${index}`,
      object: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: `web-${index}` },
      ...over(index),
    }),
  )
}
