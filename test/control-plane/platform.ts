/** This machine as Go and Kubernetes name it, e.g. `linux-amd64`. */
export function platform(os: string = process.platform, arch: string = process.arch): string {
  const names: Record<string, string> = { win32: 'windows', x64: 'amd64', ppc64: 'ppc64le' }
  return `${names[os] ?? os}-${names[arch] ?? arch}`
}
