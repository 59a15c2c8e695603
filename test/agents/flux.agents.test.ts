/** The real Flux kustomize-controller under `enforce`; the test stands in for its source-controller. */
import { Flux } from './flux.ts'
import { tellStory, type StoryOptions } from './story.ts'

const INPUTS = ['patch', '-n', 'flux-system', '--type=merge']

const story: Omit<StoryOptions, 'title'> = {
  preset: 'flux',
  install: (plane, shop) => Flux.install(plane, shop),
  attempts: {
    "writes under Flux's field manager": [
      'patch',
      '-n',
      'shop',
      'configmap/settings',
      '--type=merge',
      '--field-manager=kustomize-controller',
      '-p={"data":{"message":"hacked"}}',
    ],
    'suspends the Kustomization': [...INPUTS, 'kustomization/shop', '-p={"spec":{"suspend":true}}'],
    'points Flux at another repository': [
      ...INPUTS,
      'gitrepository/shop',
      '-p={"spec":{"url":"https://evil.example/shop.git"}}',
    ],
    'switches Flux off for an object': [
      'annotate',
      '-n',
      'shop',
      'configmap/settings',
      'kustomize.toolkit.fluxcd.io/reconcile=disabled',
    ],
  },
}

tellStory({ title: 'Flux under enforce', ...story })
tellStory({ title: 'Flux under enforce, its sources discovered', discover: { flux: {} }, ...story })
