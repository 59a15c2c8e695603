/** A value that must never be shown. Read anew for each use, so that a rotated one is picked up. */
export interface Secret {
  read(): Promise<string>
}
