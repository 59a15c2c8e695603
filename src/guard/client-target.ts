import type { ClientTarget } from '../admission/configuration.ts'
import { GUARD_NAME } from './settings.ts'

/** Where the API server calls the guard: its Service, or a URL (with or without the path) outside the cluster. */
export function clientTarget(namespace: string, webhookUrl: string | undefined): ClientTarget {
  if (webhookUrl === undefined) return { service: { namespace, name: GUARD_NAME, port: 443 } }
  const url = new URL(webhookUrl)
  if (url.pathname === '/') url.pathname = '/validate'
  return { url: url.href }
}
