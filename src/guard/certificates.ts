import { join } from 'node:path'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import type { Environment } from '../config/environment.ts'
import type { CertificateStore } from '../tls/certificate-store.ts'
import { FileStore } from '../tls/file-store.ts'
import { Certificates } from '../tls/rotate.ts'
import { GUARD_NAME } from './settings.ts'
import { SecretStore } from './secret-store.ts'

const NAMESPACES = {
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
}

/** Where a guard keeps its certificates and by which names it is called. */
export interface CertificateOptions {
  api: ClusterApi
  namespace: string
  environment: Environment
  stateDir: string | undefined
  /** Registered instead of the Service. */
  webhookUrl: string | undefined
  onChange: Parameters<typeof Certificates.start>[0]['onChange']
  onError: (error: unknown) => void
}

/** Certificates for the Service in the cluster and, where one is registered, for the host of the URL. */
export async function startCertificates(options: CertificateOptions): Promise<Certificates> {
  const { namespace, webhookUrl, onChange, onError } = options
  const host = webhookUrl === undefined ? undefined : new URL(webhookUrl).hostname.replace(/^\[|\]$/g, '')
  const isIp = host !== undefined && (/^[\d.]+$/.test(host) || host.includes(':'))
  const service = `${GUARD_NAME}.${namespace}.svc`
  return Certificates.start({
    store: await storeOf(options),
    names: {
      dnsNames: [service, ...(host === undefined || isIp ? [] : [host])],
      ips: isIp ? [host] : [],
    },
    onChange,
    onError,
  })
}

/**
 * In the guard's namespace, so that all replicas serve what the one webhook configuration trusts: those outside the cluster, behind
 * one `--webhook-url`, too. Outside, where there is no such namespace or no right to it, in a file.
 */
async function storeOf(options: CertificateOptions): Promise<CertificateStore> {
  const { api, namespace, environment, stateDir, webhookUrl } = options
  const secret = new SecretStore(api, { namespace, name: `${GUARD_NAME}-tls` })
  if (environment.namespace !== undefined && webhookUrl === undefined) return secret
  try {
    await api.get(NAMESPACES, { name: namespace })
    await secret.load()
    return secret
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 403 && error.status !== 404)) throw error
    return new FileStore(join(stateDir ?? join(environment.stateHome, 'gitops-guard'), 'tls'))
  }
}
