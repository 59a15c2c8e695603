import type { Actor } from '../model/actor.ts'
import type { Policy } from '../model/policy.ts'
import { controllerManager, nodeGroup, nodePrefix, systemControllers } from './system-controllers.ts'

const accountPrefix = 'system:serviceaccount:'

/** A service account's namespace and name, from its username. */
export function serviceAccount(username: string): { namespace: string; name: string } | undefined {
  if (!username.startsWith(accountPrefix)) return undefined
  const rest = username.slice(accountPrefix.length)
  const colon = rest.indexOf(':')
  return colon <= 0 ? undefined : { namespace: rest.slice(0, colon), name: rest.slice(colon + 1) }
}

export function accountUser(namespace: string, name: string): string {
  return `${accountPrefix}${namespace}:${name}`
}

/** A kubelet: both its name and its group, which only a node's certificate brings together. */
export function isNode(actor: Actor): boolean {
  return actor.username.startsWith(nodePrefix) && actor.groups.includes(nodeGroup)
}

const systemUsers = new Map(
  systemControllers.flatMap((controller) => controller.users.map((user) => [user, controller] as const)),
)
const kubelet = systemControllers.find(({ name }) => name === 'kubelet')!
const apart = ['kube-scheduler', 'kube-apiserver', 'kubelet']
const everyController = systemControllers.filter(({ name }) => !apart.includes(name))

/** The system controllers that an actor acts as; none for anybody else. */
export function controllersOf(actor: Actor, policy: Policy): readonly (typeof systemControllers)[number][] {
  if (!actor.authenticated) return []
  if (isNode(actor)) return [kubelet]
  if (actor.username === controllerManager && policy.sharedControllerIdentity) return everyController
  const controller = systemUsers.get(actor.username)
  return controller === undefined ? [] : [controller]
}

export function isSystem(actor: Actor, policy: Policy): boolean {
  return controllersOf(actor, policy).length > 0
}

/** Whether a username is one of the control plane's or a node's: such identities are never handed out by people. */
export function isSystemUser(username: string): boolean {
  return username.startsWith(nodePrefix) || systemUsers.has(username)
}

/** Anybody who is neither a service account nor part of the control plane. */
export function isPerson(actor: Actor, policy: Policy): boolean {
  return serviceAccount(actor.username) === undefined && !isSystem(actor, policy)
}
