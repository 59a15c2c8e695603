/** Sources that the real programs render, in tests. */
import type { TestContext } from 'node:test'
import { Repository } from '../../src/git/repository.ts'
import { loadSource, type LoadedSource } from '../../src/git/source.ts'
import type { SourceSpec } from '../../src/git/source-spec.ts'
import { testRepository } from '../git/test-repository.ts'
import { prepareRenderers } from './prepare-renderers.ts'
import { rendererNames } from './renderers.ts'

const found = await prepareRenderers(rendererNames)

/** Why tests that need the programs are skipped; false where they are not. */
export const skip: string | false = 'cannot' in found ? (found['cannot'] as string) : false

/** Absolute paths of the programs. */
export const programs = found as Record<'kustomize' | 'helm', string>

/** A repository, and a way to load a source from it as the guard does. */
export function rendering(context: Pick<TestContext, 'after'>) {
  const git = testRepository(context)
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'],
  }
  const repository = new Repository({ url: git.path, stateDir: git.stateDir, environment })
  context.after(() => repository.stop())
  return {
    ...git,
    repository,
    /** Writes files by their paths, and commits them. */
    commitFiles(files: Record<string, string>): string {
      for (const [file, content] of Object.entries(files)) git.write(file, content)
      return git.commit()
    },
    load(spec: Partial<SourceSpec> = {}, previous?: LoadedSource): Promise<LoadedSource> {
      const whole: SourceSpec = { name: 'shop', ref: { branch: 'main' }, path: '', renderer: 'auto', ...spec }
      return loadSource(whole, repository, previous)
    },
  }
}

/** `Kind namespace/name` of each manifest, in order. */
export function named({ manifests }: Pick<LoadedSource, 'manifests'>): string[] {
  return manifests.map(
    ({ ref }) => `${ref.kind} ${ref.namespace === '' ? '' : `${ref.namespace}/`}${ref.name}`,
  )
}

/** `file:line` of each manifest, with a `~` where it is approximate. */
export function places({ manifests }: Pick<LoadedSource, 'manifests'>): string[] {
  return manifests.map(
    ({ origin: { file, line, approximate } }) => `${file}:${line}${approximate ? '~' : ''}`,
  )
}

/** `file:line message` of each problem. */
export function told({ problems }: Pick<LoadedSource, 'problems'>): string[] {
  return problems.map(({ file, line, message }) => `${file}:${line} ${message}`)
}
