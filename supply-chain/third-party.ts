import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

/**
 * The text that goes along with the bundle: each package of which it holds code, with its version, licence and the texts that it
 * brings (licences and notices).
 * @param root where node_modules is
 */
export async function thirdParty({ outputs }: Pick<Metafile, 'outputs'>, root: string): Promise<string> {
  const inputs = Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0),
  )
  // The innermost, where packages bring packages of their own.
  const folders = inputs.map(([path]) => /^(?:[\w-]+:)?(?:.*\/)?(node_modules\/.*)$/.exec(path)?.[1])
  const found = folders.flatMap(
    (path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)(?:\/|$)/.exec(path ?? '')?.[1] ?? [],
  )
  const texts = await Promise.all([...new Set(found)].toSorted().map((folder) => entryOf(join(root, folder))))
  return `GitOps Guard holds code of these packages:\n\n${texts.join('\n')}`
}

interface Manifest {
  name: string
  version: string
  license?: string
  homepage?: string
  repository?: string | { url?: string }
}

async function entryOf(folder: string): Promise<string> {
  const { name, version, license, homepage, repository } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as Manifest
  const place = homepage ?? (typeof repository === 'string' ? repository : repository?.url)
  const files = (await readdir(folder))
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .toSorted()
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  const heading = [`${name} ${version}`, `Licence: ${license}`, ...(place === undefined ? [] : [place])]
  return `${'='.repeat(80)}\n${heading.join('\n')}\n\n${texts.map((text) => `${text.trim()}\n`).join('\n')}`
}
