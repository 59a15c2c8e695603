import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'

/** What Flux's source-controller would write into `status.artifact` of a GitRepository. */
export interface Artifact {
  url: string
  path: string
  revision: string
  digest: string
  size: number
  lastUpdateTime: string
}

/** Serves commits of one repository as Flux's source-controller does: a gzipped tar each. */
export class ArtifactServer {
  readonly #server = createServer((request, response) => {
    const archive = this.#archives.get(request.url ?? '')
    response.writeHead(archive === undefined ? 404 : 200, { 'content-type': 'application/gzip' }).end(archive)
  })
  readonly #archives = new Map<string, Buffer>()
  readonly #repository: string

  private constructor(repository: string) {
    this.#repository = repository
  }

  /** @param repository the work tree, on this machine. */
  static async start(repository: string): Promise<ArtifactServer> {
    const server = new ArtifactServer(repository)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  /** Packs a commit of a branch; it can be fetched when this resolves. */
  async pack(branch: string, commit: string): Promise<Artifact> {
    // Of the tree: of a commit it would begin with a global header, which Flux's tar reader does not take.
    const args = ['archive', '--format=tar.gz', `${commit}^{tree}`]
    const { stdout } = await promisify(execFile)('git', args, {
      cwd: this.#repository,
      encoding: 'buffer',
      maxBuffer: 64 << 20,
    })
    const path = `gitrepository/flux-system/shop/${commit}.tar.gz`
    this.#archives.set(`/${path}`, stdout)
    const { port } = this.#server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}/${path}`,
      path,
      revision: `${branch}@sha1:${commit}`,
      digest: `sha256:${createHash('sha256').update(stdout).digest('hex')}`,
      size: stdout.length,
      lastUpdateTime: new Date().toISOString(),
    }
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
