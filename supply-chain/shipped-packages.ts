export interface Lockfile {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; devOptional?: boolean }>
}

export interface ShippedPackage {
  name: string
  version: string
  licence: string | undefined
}

/** What may be shipped, by the lockfile: everything but what only development takes. */
export function shippedPackages({ packages }: Lockfile): ShippedPackage[] {
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path, { version = '', license }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      licence: license,
    }))
}
