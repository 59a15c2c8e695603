/** What a store holds: the text and which version of it that is. */
export interface Stored {
  text: string
  version: string
}

/** Keeps the certificates between restarts and shares them between replicas. */
export interface CertificateStore {
  /** Undefined when nothing was saved yet. */
  load(): Promise<Stored | undefined>
  /**
   * Saves over the version that was loaded, or where there was none (undefined); gives the new version. False when
   * somebody else saved first: nothing was written then.
   */
  save(text: string, over: string | undefined): Promise<string | false>
}
