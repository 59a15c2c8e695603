import { findGo } from './find-go.ts'
import { runCommand } from './run-command.ts'

/** Modules of which only files are taken: what Go's checksum database says of them, pinned. */
const SUMS: Readonly<Record<string, string>> = {
  'github.com/fluxcd/source-controller@v1.7.2': 'h1:PQLzvgHNEYsstl8uATBZg/70b/i0tj63e0IqnYDeJyg=',
  'github.com/openreports/reports-api@v0.2.1': 'h1:g9KS3yle9Y1elmww4TK9EkD1rl6inIaiIJPX6e+u680=',
}

/**
 * The folder in Go's module cache that holds a module's files (CRDs, manifests), downloaded if need be. Give the folder of a go.mod
 * that requires it, or `module@version` of one that is pinned here.
 */
export async function moduleFolder(module: string, goMod?: string): Promise<string> {
  const go = await findGo()
  const args = ['mod', 'download', '-json', module]
  const { code, stdout, stderr } = await runCommand(go.command, args, {
    env: { ...go.env, GOFLAGS: '-mod=readonly' },
    cwd: goMod ?? '/',
    timeoutMs: 5 * 60_000,
  })
  if (code !== 0) throw new Error(`cannot get the files of ${module}: ${stderr || stdout}`)
  const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string }
  const wanted = SUMS[module]
  if (goMod === undefined && Sum !== wanted)
    throw new Error(`${module} must have the sum ${wanted}: current value is ${Sum}`)
  return Dir
}
