import { Argocd } from './argocd.ts'
import { raceWithAgent } from './race-with-agent.ts'

raceWithAgent({
  title: 'undo every edit of alice and no write of Argo CD that races with the guard',
  preset: 'argocd',
  user: 'system:serviceaccount:argocd:argocd-application-controller',
  manager: 'argocd-controller',
  install: (plane, shop) => Argocd.install(plane, shop),
})
