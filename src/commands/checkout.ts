import { resolve } from 'node:path'
import { simpleGit } from 'simple-git'
import type { SourceSettings } from '../guard/settings.ts'

/**
 * The same sources, read from a checkout as it is committed there (such as a pull request's) instead of from their
 * repositories. Its commit needs no signature: nothing is done with it but compare.
 *
 * @throws Error where the folder is no Git checkout, with what to do.
 */
export async function fromCheckout(
  sources: readonly SourceSettings[],
  folder: string,
): Promise<SourceSettings[]> {
  const { root, commit } = await headOf(resolve(folder))
  return sources.map(({ input, ...source }) => ({
    ...source,
    input: {
      ...input,
      url: root,
      auth: undefined,
      spec: { ...input.spec, verify: undefined, ref: { commit } },
    },
  }))
}

async function headOf(folder: string): Promise<{ root: string; commit: string }> {
  try {
    const git = simpleGit(folder)
    const root = (await git.revparse(['--show-toplevel'])).trim()
    return { root, commit: (await git.revparse(['HEAD'])).trim() }
  } catch (error) {
    throw new Error(`${folder} is no Git checkout with a commit: name the folder that holds it`, {
      cause: error,
    })
  }
}
