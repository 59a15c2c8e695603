import { Flux } from './flux.ts'
import { raceWithAgent } from './race-with-agent.ts'

raceWithAgent({
  title: 'undo every edit of alice and no write of Flux that races with the guard',
  preset: 'flux',
  user: 'system:serviceaccount:flux-system:kustomize-controller',
  manager: 'kustomize-controller',
  install: (plane, shop) => Flux.install(plane, shop),
})
