import { packageRoot } from '../commands/package-root.ts'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../test/control-plane/run-command.ts'

/** The Git repository of a small shop, on this machine. */
export class Shop {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(directory: string): Promise<Shop> {
    const shop = new Shop(directory)
    await mkdir(directory, { recursive: true })
    await shop.git('init', '--quiet', '--initial-branch=main')
    await cp(join(packageRoot(), 'src/demo/shop'), join(directory, 'prod'), { recursive: true })
    await shop.commit('Open the shop')
    return shop
  }

  /** Edits a manifest and commits it, as a merged pull request would; returns the commit. */
  async change(file: string, from: string, to: string, subject: string): Promise<string> {
    const path = join(this.directory, 'prod', file)
    const text = await readFile(path, 'utf8')
    if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`)
    await writeFile(path, text.replace(from, to))
    return this.commit(subject)
  }

  async commit(subject: string): Promise<string> {
    await this.git('add', '--all')
    await this.git('-c', 'user.name=Dana', '-c', 'user.email=dana@shop.example', 'commit', '-qm', subject)
    return (await this.git('rev-parse', '--short', 'HEAD')).trim()
  }

  async git(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runCommand('git', args, { cwd: this.directory })
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr.trim()}`)
    return stdout
  }
}
