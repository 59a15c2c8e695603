import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder of this package, whether it runs from src/ or from dist/: what it ships beside the code is below it. */
export function packageRoot(): string {
  let directory = import.meta.dirname
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) throw new Error(`there is no package.json above ${import.meta.dirname}`)
    directory = parent
  }
  return directory
}
