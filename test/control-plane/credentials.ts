import { writeFile } from 'node:fs/promises'
import { files } from './arguments.ts'
import { createAuthority, createKey, type Authority, type Credential } from './certificates.ts'

/** What the users and components of one control plane prove themselves with. */
export interface Credentials {
  authority: Authority
  admin: Credential
  alice: Credential
  controllerManager: Credential
}

/** Makes all certificates and keys of a control plane, and writes those that its processes read. */
export async function writeCredentials(directory: string): Promise<Credentials> {
  const [authority, serviceAccountKey] = await Promise.all([createAuthority(), createKey()])
  const [server, admin, alice, controllerManager] = await Promise.all([
    authority.issue({
      commonName: 'kube-apiserver',
      dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
      ips: ['127.0.0.1', '10.0.0.1'],
    }),
    authority.issue({ commonName: 'admin', organizations: ['system:masters'] }),
    authority.issue({ commonName: 'alice', organizations: ['developers'] }),
    authority.issue({ commonName: 'system:kube-controller-manager' }),
  ])
  const paths = files(directory)
  const contents: [string, string][] = [
    [paths.ca, authority.certificate],
    [paths.caKey, authority.key],
    [paths.serverCertificate, server.certificate],
    [paths.serverKey, server.key],
    [paths.serviceAccountKey, serviceAccountKey.privateKey],
    [paths.serviceAccountPublicKey, serviceAccountKey.publicKey],
  ]
  await Promise.all(contents.map(([path, text]) => writeFile(path, text, { mode: 0o600 })))
  return { authority, admin, alice, controllerManager }
}
