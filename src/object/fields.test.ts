import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Path, Segment } from '../model/path.ts'
import { compileFields, parseField } from './fields.ts'

const app = { keys: { name: 'app' }, index: 0 }
const dns = { keys: { port: 53, protocol: 'UDP' }, index: 1 }
const covers = (pattern: string, path: Path) => compileFields([pattern]).covers(path)

test('a field covers itself and what is beneath it, and nothing above or beside it', () => {
  assert.equal(covers('/spec/replicas', ['spec', 'replicas']), true)
  assert.equal(covers('/spec', ['spec', 'replicas']), true)
  assert.equal(covers('/spec/replicas', ['spec']), false)
  assert.equal(covers('/spec/replica', ['spec', 'replicas']), false)
  assert.equal(covers('/spec/replicas', ['status', 'replicas']), false)
})

test('a star is one segment or a part of one', () => {
  const annotation = (key: string): Path => ['metadata', 'annotations', key]
  assert.equal(covers('/metadata/annotations/cert-manager.io~1*', annotation('cert-manager.io/issuer')), true)
  assert.equal(covers('/metadata/annotations/cert-manager.io~1*', annotation('cert-manager.iox')), false)
  assert.equal(covers('/metadata/*/a', ['metadata', 'labels', 'a']), true)
  assert.equal(covers('/metadata/*', ['metadata']), false)
  assert.equal(covers('/*/a', ['metadata', 'labels', 'a']), false)
})

test('an item of a set by its value', () => {
  const finalizer: Path = ['metadata', 'finalizers', { value: 'foo.dev/x', index: 0 }]
  assert.equal(covers('/metadata/finalizers/foo.dev~1x', finalizer), true)
  assert.equal(covers('/metadata/finalizers/foo.dev~1*', finalizer), true)
  assert.equal(covers('/metadata/finalizers/0', finalizer), false)
})

test('an item of a keyed list by its keys', () => {
  const image: Path = ['spec', 'containers', app, 'image']
  assert.equal(covers('/spec/containers/[name=app]/image', image), true)
  assert.equal(covers('/spec/containers/[name=a*]/image', image), true)
  assert.equal(covers('/spec/containers/[name=other]/image', image), false)
  assert.equal(covers('/spec/containers/*/image', image), true)
  assert.equal(covers('/spec/containers/[image=app]', image), false)
  assert.equal(covers('/spec/ports/[port=53,protocol=UDP]', ['spec', 'ports', dns]), true)
  assert.equal(covers('/spec/ports/[port=53]', ['spec', 'ports', dns]), true)
  assert.equal(covers('/spec/ports/[port=53,protocol=TCP]', ['spec', 'ports', dns]), false)
  assert.equal(covers('/spec/containers/[name=app]/image', ['spec', 'containers', 0, 'image']), false)
})

test('a whole item is touched by a field inside it, and not covered', () => {
  const { covers: covered, touches } = compileFields(['/spec/containers/*/image'])
  assert.equal(covered(['spec', 'containers', app]), false)
  assert.equal(touches(['spec', 'containers', app]), true)
  assert.equal(touches(['spec', 'containers', app, 'image']), true)
  assert.equal(touches(['spec', 'containers', app, 'image', 'x']), false)
  assert.equal(touches(['spec', 'volumes']), false)
})

test('an invalid field says what would be right', () => {
  const wrong: [string, RegExp][] = [
    ['', /JSON Pointer such as \/spec\/replicas/],
    ['spec.replicas', /JSON Pointer such as \/spec\/replicas: current value is "spec.replicas"/],
    ['/', /a name between its slashes/],
    ['/spec//replicas', /a name between its slashes/],
    ['/spec/replicas/', /a name between its slashes/],
    ['/metadata/labels/a~b', /~ as ~0/],
    ['/spec/containers[name=app]/image', /containers\/\[name=app\]/],
    ['/spec/containers/[name=app/image', /such as \[name=app\]/],
    ['/spec/containers/[app]/image', /such as \[name=app\]/],
    ['/spec/containers/[]/image', /such as \[name=app\]/],
    ['/spec/containers/[=app]', /such as \[name=app\]/],
  ]
  for (const [pattern, message] of wrong) assert.throws(() => parseField(pattern), message, pattern)
})

/** Says the same in the most plain way: every name against every name, a star by trying each length. */
function naive(pattern: string, path: Path): boolean {
  const star = (p: string, t: string): boolean =>
    p === ''
      ? t === ''
      : p[0] === '*'
        ? star(p.slice(1), t) || (t !== '' && star(p, t.slice(1)))
        : t !== '' && p[0] === t[0] && star(p.slice(1), t.slice(1))
  const parts = pattern.slice(1).split('/')
  if (parts.length > path.length) return false
  return parts.every((part, index) => {
    const segment = path[index]!
    const name = part.replaceAll('~1', '/')
    if (name.startsWith('[')) {
      const { keys } = (typeof segment === 'object' ? segment : {}) as { keys?: { [key: string]: unknown } }
      return (
        keys !== undefined &&
        name
          .slice(1, -1)
          .split(',')
          .every((pair) => {
            const [key = '', value = ''] = pair.split('=')
            return key in keys && star(value, String(keys[key]))
          })
      )
    }
    if (typeof segment !== 'object') return star(name, String(segment))
    return star(name, 'value' in segment ? String(segment.value) : String(segment.index))
  })
}

test('covers what a naive matcher covers', () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'a/b')
  const segment: fc.Arbitrary<Segment> = fc.oneof(
    name,
    fc.integer({ min: 0, max: 2 }),
    fc.record({ keys: fc.record({ k: name, n: fc.constantFrom(1, 2) }), index: fc.constant(0) }),
    fc.record({ value: name, index: fc.constant(1) }),
  )
  const part = fc.oneof(
    fc.constantFrom(
      'a',
      'b',
      'ab',
      'a~1b',
      '*',
      'a*',
      '*b',
      '0',
      '1',
      'a~1*',
      '[k=a]',
      '[k=*b]',
      '[n=1]',
      '[k=a*,n=2]',
    ),
  )
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 4 }),
      fc.array(segment, { maxLength: 5 }),
      (parts, path) => {
        const pattern = `/${parts.join('/')}`
        const matcher = compileFields(['/never', pattern])
        assert.equal(matcher.covers(path), naive(pattern, path))
        // Reaching below a path is covering some path that begins with it.
        const longer = naive(`/${parts.slice(0, path.length).join('/')}`, path)
        assert.equal(matcher.touches(path), path.length === 0 || (parts.length >= path.length && longer))
      },
    ),
    { numRuns: 2000 },
  )
})
