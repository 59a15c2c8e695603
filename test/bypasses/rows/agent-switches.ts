import type { Row } from '../row.ts'
import { paths } from '../stage.ts'

const off = (annotation: string): Row => ({
  row: 11,
  title: `alice annotates ${annotation}`,
  expect: 'webhook',
  run: (stage) => stage.refused('alice', ['annotate', '-n', 'shop', 'deployment/web', annotation]),
})

/** Annotations by which an agent leaves an object alone. */
export const agentSwitchRows: readonly Row[] = [
  off('kustomize.toolkit.fluxcd.io/reconcile=disabled'),
  off('kustomize.toolkit.fluxcd.io/ssa=Ignore'),
  off('argocd.argoproj.io/compare-options=IgnoreExtraneous'),
  off('argocd.argoproj.io/sync-options=Prune=false'),
  off('argocd.argoproj.io/hook=Skip'),
  {
    row: 11,
    title: 'one of them past the webhook goes again',
    expect: 'watcher',
    run: (stage) =>
      stage.pastAdmission(
        () =>
          stage.raw(
            'alice',
            'PATCH',
            paths.web,
            { metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } } },
            { contentType: 'application/merge-patch+json' },
          ),
        async () => {
          const { body } = await stage.raw('admin', 'GET', paths.web)
          return body?.metadata?.annotations?.['kustomize.toolkit.fluxcd.io/reconcile'] === undefined
        },
      ),
  },
]
