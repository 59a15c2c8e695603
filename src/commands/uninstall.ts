import { createInterface } from 'node:readline/promises'
import type { ClusterApi } from '../cluster/api.ts'
import { fieldOf } from '../object/json.ts'
import { openCluster } from './context.ts'
import { readDeployManifests } from './install-manifests.ts'
import { Removal, type Removed } from './uninstall-remove.ts'

export interface UninstallOptions {
  kubeconfig?: string
  context?: string
  output: 'text' | 'json'
  yes?: boolean
}

const WORDS: Record<Removed['action'], string> = {
  removed: 'removed',
  absent: 'is not there',
  'stepped-down': 'opened: the running guard has stepped down',
  unanswered: 'opened: no running guard answers',
  down: 'not opened: the guard is down',
}

/**
 * `gitops-guard uninstall`: takes everything out that `install` or `kubectl apply -k deploy/` put in, with the guard running,
 * down or half gone. What Git declares stays as it is. Can be run again.
 */
export async function uninstall(options: UninstallOptions): Promise<number> {
  const { connection, api, discovery } = await openCluster(options)
  try {
    const say = options.output === 'text'
    const removed: Removed[] = []
    const removal = new Removal(api, discovery, {
      installation: readDeployManifests(),
      namespace: 'gitops-guard',
      by: await whoAmI(api),
      said: (one) => {
        removed.push(one)
        if (say) console.log(`  ${one.object} ${WORDS[one.action]}`)
      },
    })
    const exceptions = await removal.exceptions()
    if (exceptions.length > 0)
      console.error(`warning: with the guard go these BreakGlass objects: ${exceptions.join(', ')}`)
    if (options.yes !== true && !(await confirmed(`${connection.name}, ${connection.server}`))) return 2
    await removal.run()
    if (say) console.log('GitOps Guard is gone from this cluster. What it guarded stays as it is.')
    else console.log(JSON.stringify({ objects: removed, exceptions }, null, 2))
    return 0
  } finally {
    connection.close()
  }
}

async function confirmed(cluster: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('nobody can be asked here: say --yes to uninstall')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`Take GitOps Guard out of ${cluster}? Type yes: `)
  terminal.close()
  return answer.trim().toLowerCase() === 'yes'
}

/** For the exception's reason; '' where the API server does not say. */
async function whoAmI(api: ClusterApi): Promise<string> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  try {
    const { object } = await api.review('/apis/authentication.k8s.io/v1/selfsubjectreviews', review)
    return String(fieldOf(fieldOf(object['status'], 'userInfo'), 'username') ?? '')
  } catch {
    return ''
  }
}
