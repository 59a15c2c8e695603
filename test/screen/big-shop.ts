import type { ObjectRef } from '../../src/model/identity.ts'
import type { Violation, ViolationEvent } from '../../src/model/violation.ts'
import { refKey } from '../../src/object/identity.ts'
import type { GuardFacts, ObjectDetail, ObjectFacts } from '../../src/screen/facts.ts'

const REVISION = 'a71d0a9be4f20c1d5e6f708192a3b4c5d6e7f809'
const EVIL = '<img src=x onerror="document.title=1">'

const KINDS: [group: string, kind: string][] = [
  ['apps', 'Deployment'],
  ['', 'Service'],
  ['', 'ConfigMap'],
  ['networking.k8s.io', 'Ingress'],
]

/** What a guard of a big shop would give the screen: as many objects as asked for, a few of them not as Git says. */
export class BigShop implements GuardFacts {
  readonly #objects = new Map<string, ObjectFacts>()
  revision = REVISION
  degraded = false

  constructor(count: number) {
    for (let n = 0; n < count; n++) {
      const [group, kind] = KINDS[n % KINDS.length]!
      const ref = { group, kind, namespace: `team-${n % 40}`, name: `${kind.toLowerCase()}-${n}` }
      this.#put(
        ref,
        n === 500 ? 'unrepairable' : n % 997 === 3 ? 'modified' : n % 1500 === 7 ? 'pending' : 'inSync',
      )
    }
    this.#put({ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }, 'modified')
    this.#put({ group: '', kind: 'Secret', namespace: 'shop', name: EVIL }, 'missing')
  }

  setStatus(ref: ObjectRef, status: string): void {
    this.#put(ref, status)
  }

  overview() {
    const objects: Record<string, number> = {}
    for (const { status } of this.#objects.values()) objects[status] = (objects[status] ?? 0) + 1
    const now = Date.now()
    const source = {
      repository: 'https://github.com/example/shop.git',
      ref: 'branch main',
      path: 'clusters/prod',
      mode: 'enforce' as const,
      heal: 'revert' as const,
      problems: [],
      problemCount: 0,
      committedAt: new Date(now - 3 * 3600_000).toISOString(),
      fetchedAt: new Date(now - 12_000).toISOString(),
    }
    return {
      ready: true,
      degraded: this.degraded,
      conditions: [
        { name: 'git', ok: true },
        ...(this.degraded
          ? [{ name: 'git/till', ok: false, reason: 'the server does not answer (since 09:12)' }]
          : []),
      ],
      sources: [
        { ...source, name: 'shop', revision: this.revision, objects: this.#objects.size },
        {
          ...source,
          name: 'till',
          path: 'till',
          mode: 'audit' as const,
          heal: 'alert' as const,
          revision: '5d21c77aa0b1c2d3e4f5061728394a5b6c7d8e9f',
          objects: 214,
          problemCount: 1,
          problems: [
            { file: 'till/queue.yaml', line: 12, message: `unknown kind Queue.example.dev ${EVIL}` },
          ],
          ...(this.degraded ? { lastError: 'the server does not answer' } : {}),
        },
      ],
      objects,
      waiting: this.degraded ? { slack: 3 } : {},
      exceptions: this.degraded
        ? [
            {
              namespace: 'shop',
              name: 'inc-42',
              openedBy: 'alice@example.com',
              reason: 'INC-42: till hangs',
              until: new Date(now + 1_200_000).toISOString(),
            },
          ]
        : [],
      queue: 0,
    }
  }

  objects() {
    return this.#objects.values()
  }

  object(ref: ObjectRef): ObjectDetail | undefined {
    const found = this.#objects.get(refKey(ref))
    if (found === undefined) return undefined
    return {
      ...found,
      apiVersion: 'apps/v1',
      repository: 'https://github.com/example/shop.git',
      origin: { file: 'clusters/prod/web.yaml', line: 21, revision: REVISION, approximate: false },
      ...(found.status === 'inSync'
        ? {}
        : {
            finding: {
              drift: 'modified',
              remedy: 'alert',
              reason: 'Deployment shop/web differs from what Git says: heal is alert',
              actor: { username: 'alice@example.com', authenticated: true },
              seenAt: new Date(Date.now() - 240_000).toISOString(),
              changes: [
                {
                  path: '/spec/template/spec/containers/0/image',
                  op: 'replace',
                  desired: 'ghcr.io/stefanprodan/podinfo:6.9.0',
                  live: `evil.example/podinfo:latest`,
                },
                { path: '/metadata/labels/owner', op: 'add', live: EVIL },
              ],
            },
          }),
    }
  }

  progress(source: string) {
    if (source !== 'shop') return Promise.resolve(undefined)
    return Promise.resolve({ state: 'applied' as const, revision: REVISION })
  }

  #put(ref: ObjectRef, status: string): void {
    this.#objects.set(refKey(ref), { ref, status, source: ref.namespace === 'shop' ? 'shop' : 'till' })
  }
}

const PEOPLE = ['alice@example.com', 'bob@example.com', 'system:serviceaccount:ops:scaler', EVIL]
const EVENTS: ViolationEvent[] = ['denied', 'denied', 'repaired', 'drift', 'warned', 'audited', 'break-glass']

/** As a busy day brings them, the newest last. */
export function busyDay(count: number): Violation[] {
  return Array.from({ length: count }, (_, n) => {
    const hours = 23 * (1 - n / count) * (0.7 + 0.3 * Math.abs(Math.sin(n)))
    const event = EVENTS[(n * 7 + (n >> 3)) % EVENTS.length]!
    return {
      id: `id-${n}`,
      time: new Date(Date.now() - hours * 3600_000).toISOString(),
      event,
      verdict: 'deny',
      rule: 'declared',
      reason: `Git declares it: change clusters/prod/web.yaml:21 instead ${n % 50 === 0 ? EVIL : ''}`,
      operation: 'UPDATE',
      subresource: '',
      actor: { username: PEOPLE[((n * n) % 7) % 4]!, groups: [], authenticated: event !== 'drift' },
      object: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'shop',
        name: n % 3 === 0 ? 'web' : `web-${n % 11}`,
      },
      source: 'shop',
      changes: [{ path: '/spec/replicas', op: 'replace', desired: 2, live: n % 9 }],
      remedy: 'none',
    }
  })
}
