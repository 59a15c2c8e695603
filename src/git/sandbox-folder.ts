/** A private folder on disk that holds what a program may read, and is removed afterwards. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

export class SandboxFolder {
  /** Absolute. Holds `repository/` and `tmp/`. */
  readonly path: string
  private readonly made = new Set<string>()

  private constructor(path: string) {
    this.path = path
  }

  static async make(): Promise<SandboxFolder> {
    const path = await mkdtemp(join(tmpdir(), 'gitops-guard-render-'))
    await chmod(path, 0o700)
    await mkdir(join(path, 'repository'))
    await mkdir(join(path, 'tmp'))
    // The place for the program itself, where the folder is its whole world.
    await writeFile(join(path, 'program'), '')
    return new SandboxFolder(path)
  }

  /** `file` as the repository names it: no `..` in it. */
  async write(file: string, content: Buffer | string): Promise<void> {
    await writeFile(await this.place(file), content)
  }

  /** A link at `file` to another place of the repository, which the caller has resolved: no link is on the way to it. */
  async link(file: string, target: string): Promise<void> {
    const from = dirname(file)
    await symlink(relative(from, target) || '.', await this.place(file))
  }

  async folder(path: string): Promise<void> {
    await this.ensure(join(this.path, 'repository', path))
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 })
  }

  private async place(file: string): Promise<string> {
    if (file.split('/').includes('..') || file.includes('\0')) throw new Error(`${file} leaves the folder`)
    const place = join(this.path, 'repository', file)
    await this.ensure(dirname(place))
    return place
  }

  private async ensure(folder: string): Promise<void> {
    if (this.made.has(folder)) return
    await mkdir(folder, { recursive: true })
    this.made.add(folder)
  }
}
