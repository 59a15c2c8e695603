import { connect, createServer, type AddressInfo, type Server } from 'node:net'

/** One address for several ports of this machine, as a Service has: a port that refuses is passed over. */
export class LoadBalancer {
  readonly #server: Server
  #next = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(ports: readonly number[]): Promise<LoadBalancer> {
    const server = createServer()
    const balancer = new LoadBalancer(server)
    server.on('connection', (client) => {
      const first = balancer.#next++
      const reach = (tries: number) => {
        if (tries === ports.length) return client.destroy()
        const backend = connect(ports[(first + tries) % ports.length]!, '127.0.0.1')
        const refused = () => reach(tries + 1)
        backend.once('error', refused)
        backend.once('connect', () => {
          backend.off('error', refused)
          backend.on('error', () => client.destroy())
          client.on('error', () => backend.destroy())
          client.on('close', () => backend.destroy())
          backend.on('close', () => client.destroy())
          client.pipe(backend)
          backend.pipe(client)
        })
      }
      client.on('error', () => undefined)
      reach(0)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    return balancer
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
  }
}
