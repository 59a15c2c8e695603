import type { ControlPlane } from '../control-plane/control-plane.ts'
import type { TestRepository } from '../git/test-repository.ts'
import { fileOf, type RaceShop } from './race-shop.ts'

/** An agent without progress: a CI job that runs kubectl with the token of a service account. */
export const CI = 'system:serviceaccount:ci:deployer'

/** How the job brings an object in, by the last part of its name. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  ssa: ['apply', '--server-side', '--force-conflicts', '--field-manager=deployer'],
  csa: ['apply'],
  replace: ['replace'],
}

export class CiAgent {
  readonly #plane: ControlPlane
  readonly #shop: RaceShop
  readonly #repository: TestRepository
  #brought = new Set<string>()

  constructor(plane: ControlPlane, shop: RaceShop, repository: TestRepository) {
    this.#plane = plane
    this.#shop = shop
    this.#repository = repository
  }

  /** Applies what a commit holds, and deletes what it no longer does. */
  async bring(commit: string): Promise<void> {
    const held = new Map<string, string>()
    for (const object of this.#shop.objects.keys()) {
      const path = fileOf(object)
      if (this.#repository.git('ls-tree', '--name-only', commit, path) !== '')
        held.set(object, this.#repository.git('show', `${commit}:${path}`))
    }
    for (const way of Object.keys(WAYS)) {
      const mine = [...held].filter(([object]) => object.endsWith(`-${way}`))
      const [there, fresh] = [true, false].map((known) =>
        mine.filter(([object]) => (way === 'replace' ? this.#brought.has(object) === known : known)),
      )
      await this.#kubectl(WAYS[way]!, there!)
      // Replace needs something to replace.
      await this.#kubectl(['create'], fresh!)
    }
    const gone = [...this.#brought].filter((object) => !held.has(object))
    if (gone.length > 0) await this.#run(['delete', '-n', 'shop', '--ignore-not-found', ...gone])
    this.#brought = new Set(held.keys())
  }

  async #kubectl(args: readonly string[], objects: readonly (readonly [string, string])[]): Promise<void> {
    if (objects.length === 0) return
    await this.#run([...args, '-f', '-'], objects.map(([, text]) => text).join('\n---\n'))
  }

  async #run(args: readonly string[], stdin = ''): Promise<void> {
    // A conflict with alice's write, or with its repair, is tried again, as jobs are.
    for (let tries = 1; ; tries++) {
      const { code, stderr } = await this.#plane.kubectl(CI, [...args], { stdin })
      if (code === 0) return
      if (tries === 5 || !/conflict|modified|AlreadyExists|NotFound/i.test(stderr))
        throw new Error(`${args.join(' ')}: ${stderr}`)
      if (/AlreadyExists/.test(stderr) && args[0] === 'create')
        return this.#run(['replace', '-f', '-'], stdin)
    }
  }
}
