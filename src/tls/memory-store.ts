import type { CertificateStore, Stored } from './certificate-store.ts'

/** Keeps the certificates in memory only: for a guard that nobody else shares them with, as in a demo or a test. */
export class MemoryStore implements CertificateStore {
  #stored: Stored | undefined

  async load(): Promise<Stored | undefined> {
    return this.#stored
  }

  async save(text: string, over: string | undefined): Promise<string | false> {
    if (this.#stored?.version !== over) return false
    const version = String(Number(over ?? 0) + 1)
    this.#stored = { text, version }
    return version
  }
}
