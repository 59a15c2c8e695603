import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ownersIn, ownersOfFile, parseCodeowners } from './codeowners.ts'

const owner = (text: string, file: string) => ownersOfFile(parseCodeowners(text), file).join(' ')

describe('CODEOWNERS', () => {
  test('the last line that names a file wins, and may take its owner away', () => {
    const text =
      '* @all\n/apps/ @org/apps dana@shop.example # theirs\n\n# nothing\n/apps/web.yaml @web\n/apps/free\n'
    assert.equal(owner(text, 'README.md'), '@all')
    assert.equal(owner(text, 'apps/api.yaml'), '@org/apps dana@shop.example')
    assert.equal(owner(text, 'apps/web.yaml'), '@web')
    assert.equal(owner(text, 'apps/free'), '')
  })

  // As the documentation of GitHub explains them, one by one.
  for (const [pattern, file, wanted] of [
    ['*', 'a/b/c', true],
    ['*.js', 'a/b.js', true],
    ['*.js', 'a/b.ts', false],
    ['/build/logs/', 'build/logs/x/y', true],
    ['/build/logs/', 'a/build/logs/x', false],
    ['docs/*', 'docs/start.md', true],
    ['docs/*', 'docs/build/trouble.md', false],
    ['apps/', 'a/apps/x', true],
    ['apps/', 'apps', false],
    ['/docs/', 'docs/a/b', true],
    ['**/logs', 'build/logs/x', true],
    ['**/logs', 'logs/x', true],
    ['/clusters/**/web.yaml', 'clusters/web.yaml', true],
    ['/clusters/**/web.yaml', 'clusters/a/b/web.yaml', true],
    ['/clusters/**', 'clusters/a/b', true],
    ['/clusters/**', 'cluster', false],
    ['/clusters/prod', 'clusters/prod/a.yaml', true],
    ['web.yaml', 'a/b/web.yaml', true],
    ['/a\\ b.yaml', 'a b.yaml', true],
  ] as const)
    test(`${pattern} ${wanted ? 'names' : 'does not name'} ${file}`, () =>
      assert.equal(owner(`${pattern} @x`, file), wanted ? '@x' : ''))

  test('a section of GitLab gives its owners to lines without', () => {
    const text = '[Shop] @shop\n/shop/\n/shop/pay.yaml @pay\n^[Docs][2]\n/docs/\n'
    assert.equal(owner(text, 'shop/a.yaml'), '@shop')
    assert.equal(owner(text, 'shop/pay.yaml'), '@pay')
    assert.equal(owner(text, 'docs/a'), '')
  })

  test('only what looks like an owner is one, ten at most', () => {
    assert.deepEqual(ownersIn('@org/shop, <!channel> @here:x @dana\u202e @@maintainer eve@evil.example'), [
      '@org/shop',
      '@@maintainer',
      'eve@evil.example',
    ])
    assert.equal(ownersIn(Array.from({ length: 50 }, (_, index) => `@u${index}`).join(' ')).length, 10)
  })

  test('whatever a file holds is read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, file) => {
        for (const name of ownersOfFile(parseCodeowners(text), file)) assert.match(name, /^[\w@./+-]+$/)
      }),
    )
    const started = performance.now()
    owner(`${'**/a/'.repeat(2000)}b @x`, 'a/'.repeat(2000))
    assert.ok(performance.now() - started < 20_000)
  })
})
