/** Where the programs that render are: a configured folder, the PATH, or a checkout's cache. */
import { access, constants, readdir } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

export type RendererProgram = 'kustomize' | 'helm'

/** The variable that names the folder in which the guard looks first. */
export const RENDERERS_VARIABLE = 'GITOPS_GUARD_RENDERERS'

/** The executable of a renderer, absolute, or what to do to have one. */
export async function findRenderer(
  name: RendererProgram,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ program: string } | { missing: string }> {
  const configured = environment[RENDERERS_VARIABLE]
  const folders = [
    ...(configured ? [configured] : []),
    ...(environment['PATH'] ?? '').split(delimiter),
    ...(await cached(name, environment)),
  ]
  for (const folder of folders.filter(isAbsolute)) {
    const program = join(folder, process.platform === 'win32' ? `${name}.exe` : name)
    if (await isExecutable(program)) return { program }
  }
  return {
    missing: `${name} is needed to read this source and was not found: install it on the PATH, or name its folder in ${RENDERERS_VARIABLE}. Its objects are not guarded`,
  }
}

/** What `test/renderers/` built in the cache of this user, the newest name first. */
async function cached(
  name: RendererProgram,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string[]> {
  const { XDG_CACHE_HOME: cache, HOME: home } = environment
  if (!cache && !home) return []
  const folder = join(cache || join(home ?? '', '.cache'), 'gitops-guard', 'renderers')
  const entries = await readdir(folder).catch(() => [])
  return entries
    .filter((entry) => entry.startsWith(`${name}-v`) && !entry.endsWith('.lock'))
    .toSorted()
    .toReversed()
    .map((entry) => join(folder, entry))
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
