import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { configMap, deployment, namespace } from '../agents/shop-manifests.ts'
import type { TestRepository } from '../git/test-repository.ts'
import type { Random } from './random.ts'

/** A repository whose every commit changes, adds or removes some of its objects; each says of which commit it is. */
export class RaceShop {
  /** `configmaps/NAME` and `deployments/NAME`; true where Git holds it now. */
  readonly objects = new Map<string, boolean>()
  commits = 0
  readonly #commits = new Map<string, number>()
  readonly #repository: TestRepository
  readonly #random: Random

  /** @param names of objects: those that begin with `web` are Deployments, the others ConfigMaps. */
  constructor(repository: TestRepository, random: Random, names: readonly string[]) {
    this.#repository = repository
    this.#random = random
    for (const name of names)
      this.objects.set(`${name.startsWith('web') ? 'deployments' : 'configmaps'}/${name}`, false)
  }

  /** The first commit: everything. */
  open(): string {
    this.#repository.write('prod/00-namespace.yaml', namespace('shop'))
    return this.#commit([...this.objects.keys()].map((object) => ({ object, keep: true })))
  }

  /** One more commit; returns its hash. */
  change(): string {
    const count = this.#random.whole(1, 4)
    const changes = Array.from({ length: count }, () => {
      const object = this.#random.pick([...this.objects.keys()])
      return { object, keep: this.objects.get(object) !== true || this.#random.next() > 0.15 }
    })
    return this.#commit(changes)
  }

  /** The number of the commit that changed an object last. */
  commitOf(object: string): number {
    return this.#commits.get(object) ?? 0
  }

  #commit(changes: { object: string; keep: boolean }[]): string {
    const number = String(++this.commits)
    for (const { object, keep } of changes) {
      this.objects.set(object, keep)
      const [resource = '', name = ''] = object.split('/')
      this.#commits.set(object, this.commits)
      if (!keep) rmSync(join(this.#repository.path, fileOf(object)), { force: true })
      else if (resource === 'configmaps')
        this.#write(
          object,
          configMap(name, { version: number, note: 'fine' }, { labels: { commit: number } }),
        )
      else
        this.#write(
          object,
          deployment(name, { image: `podinfo:${number}`, env: { NOTE: 'fine' }, labels: { commit: number } }),
        )
    }
    return this.#repository.commit(`Commit ${number}`)
  }

  #write(object: string, text: string): void {
    this.#repository.write(fileOf(object), text)
  }
}

/** The manifest file of an object, from the repository's root. */
export function fileOf(object: string): string {
  return `prod/${object.replace('/', '-')}.yaml`
}
