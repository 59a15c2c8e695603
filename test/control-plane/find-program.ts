import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import { withDirectoryLock } from './directory-lock.ts'
import { goBuild } from './go-build.ts'
import { programFile, type GoProgram } from './go-program.ts'
import type { Progress } from './progress.ts'

/** The executable of a program: from the cache, else built from its pinned Go module, once. */
export async function findProgram(
  program: GoProgram,
  progress: Progress = sayProgressOf(program),
): Promise<string> {
  const file = programFile(program)
  if (await isExecutable(file)) return file
  await withDirectoryLock(`${dirname(file)}.lock`, progress, async () => {
    if (await isExecutable(file)) return
    const { name, version, main, directory, stamps, usualSeconds } = program
    const flags = ['-s', '-w', ...stamps.map((stamp) => `-X ${stamp}`)]
    await goBuild({ what: `${name} ${version}`, main, directory, flags, file, usualSeconds, progress })
  })
  return file
}

/** Whether the cache has it. */
export function isBuilt(program: GoProgram): Promise<boolean> {
  return isExecutable(programFile(program))
}

function sayProgressOf({ family }: GoProgram): Progress {
  return (line) => process.stderr.write(`${family}: ${line}\n`)
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
