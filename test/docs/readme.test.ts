import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { presetNames } from '../../src/commands/context.ts'
import { parseConfig } from '../../src/config/load.ts'

const root = new URL('../../', import.meta.url).pathname
const readme = await readFile(`${root}README.md`, 'utf8')
const run = promisify(execFile)

test('the configuration in the README is one that the guard takes', () => {
  const [, text] = /```yaml\n([^]*?)```/.exec(readme) ?? []
  const config = parseConfig(text!, 'README.md', { presets: presetNames, environment: {} })
  assert.deepEqual([config.sources[0]!.name, config.mode], ['shop', 'enforce'])
})

test('the commands that the README names are there', async () => {
  const { stdout } = await run(process.execPath, [`${root}src/cli.ts`, '--help'])
  const named = [...readme.matchAll(/^\| `(?:gitops-guard|kubectl guard) ([a-z-]+)/gm)].map(
    (match) => match[1]!,
  )
  assert.ok(named.length >= 6)
  for (const name of named) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
})

test('the links of the README and the docs lead somewhere', async () => {
  const pages = ['README.md', 'CHANGELOG.md', 'deploy/README.md', ...globSync('docs/**/*.md', { cwd: root })]
  let links = 0
  for (const page of pages) {
    const text = await readFile(`${root}${page}`, 'utf8')
    for (const [, link] of text.matchAll(/(?:\]\(|^\[[^\]]+\]: )(?!https?:|mailto:)([^)#\s]+)/gm)) {
      links++
      assert.ok(existsSync(new URL(link!, `file://${root}${page}`)), `${page} links to ${link}`)
    }
  }
  assert.ok(links > 10)
})

test('the make targets that the README names are there', async () => {
  const makefile = await readFile(`${root}Makefile`, 'utf8')
  for (const [, target] of readme.matchAll(/\bmake ([a-z-]+)/g))
    assert.match(makefile, new RegExp(`^${target}:`, 'm'))
})
