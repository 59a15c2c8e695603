import { accountUser } from '../actors.ts'

/**
 * Agents that the guard knows: who they are, what they leave on objects, what tells them what to do, and what switches
 * them off. Facts with where each was read; the repositories are those of the projects.
 */
export interface AgentPreset {
  name: AgentPresetName
  title: string
  /** Accounts that write Git's state. Exact; a `*` only where the agent makes up the names of its accounts. */
  users: readonly string[]
  /** Where the agent runs, where it is installed as its project says. */
  namespaces: readonly string[]
  /** Nothing but the agent runs there: what is in these namespaces is guarded as the agent's own. */
  dedicated?: true
  /** Field managers it writes under, where it uses no others: for attribution, never for permission. */
  managers?: readonly string[]
  /** Labels and annotations that it writes on what it brings in. */
  stamps: { labels: readonly string[]; annotations: readonly string[] }
  /** Kinds that tell it what to do: `group/Kind`, `*` as in selectors. */
  inputs: readonly string[]
  /** Other accounts of the same product that write its inputs as their job, and the inputs they write. */
  companions: readonly { users: readonly string[]; kinds: readonly string[]; reason: string }[]
  /** Labels and annotations that make it leave an object alone, or treat it otherwise than Git says. */
  switches: readonly { key: string; reason: string }[]
  /** Fields of its inputs that ask it to look again, and change nothing of what it does. */
  nudges: readonly string[]
  /** Where all this was read. */
  sources: readonly string[]
}

export type AgentPresetName =
  'flux' | 'argocd' | 'argocd-remote' | 'flagger' | 'tekton' | 'jenkins-x' | 'gitkube' | 'config-sync'

const none = { labels: [], annotations: [] } as const

const presets: readonly AgentPreset[] = [
  {
    name: 'flux',
    title: 'Flux',
    users: [
      accountUser('flux-system', 'kustomize-controller'),
      accountUser('flux-system', 'helm-controller'),
    ],
    namespaces: ['flux-system'],
    dedicated: true,
    managers: ['kustomize-controller', 'helm-controller'],
    stamps: {
      labels: [
        'kustomize.toolkit.fluxcd.io/name',
        'kustomize.toolkit.fluxcd.io/namespace',
        'helm.toolkit.fluxcd.io/name',
        'helm.toolkit.fluxcd.io/namespace',
      ],
      annotations: [],
    },
    inputs: [
      'kustomize.toolkit.fluxcd.io/*',
      'source.toolkit.fluxcd.io/*',
      'source.extensions.fluxcd.io/*',
      'helm.toolkit.fluxcd.io/*',
      'image.toolkit.fluxcd.io/*',
      'notification.toolkit.fluxcd.io/Receiver',
    ],
    companions: [
      {
        users: [
          accountUser('flux-system', 'source-controller'),
          accountUser('flux-system', 'source-watcher'),
          accountUser('flux-system', 'notification-controller'),
          accountUser('flux-system', 'image-reflector-controller'),
          accountUser('flux-system', 'image-automation-controller'),
        ],
        kinds: [
          'source.toolkit.fluxcd.io/*',
          'source.extensions.fluxcd.io/*',
          'image.toolkit.fluxcd.io/*',
          'notification.toolkit.fluxcd.io/*',
          'kustomize.toolkit.fluxcd.io/*',
          'helm.toolkit.fluxcd.io/*',
        ],
        reason: 'put their finalizers on what they reconcile, and annotate it when a receiver is called',
      },
    ],
    switches: [
      {
        key: 'kustomize.toolkit.fluxcd.io/reconcile',
        reason: 'disabled: the object is neither applied nor pruned',
      },
      {
        key: 'kustomize.toolkit.fluxcd.io/ssa',
        reason: 'Ignore, Merge, IfNotPresent: additions stay, or all does',
      },
      { key: 'kustomize.toolkit.fluxcd.io/prune', reason: 'disabled: the object stays when Git drops it' },
      { key: 'kustomize.toolkit.fluxcd.io/force', reason: 'enabled: the object is made anew' },
      {
        key: 'helm.toolkit.fluxcd.io/driftDetection',
        reason: 'disabled: drift of a release is not looked for',
      },
    ],
    nudges: [
      '/metadata/annotations/reconcile.fluxcd.io~1requestedAt',
      '/metadata/annotations/reconcile.fluxcd.io~1forceAt',
      '/metadata/annotations/reconcile.fluxcd.io~1resetAt',
    ],
    sources: [
      'fluxcd/kustomize-controller@v1.10.1: api/v1, internal/controller/kustomization_controller.go, main.go',
      'fluxcd/helm-controller@v1.6.0-21-g0f61a86: api/v2/helmrelease_types.go, api/v2/annotations.go',
      'fluxcd/pkg: apis/meta@v1.23.0 annotations.go, ssa@v0.61.0 manager.go (owner labels)',
      'fluxcd/flux2@v2.9.0-36-gda2d22d3: manifests/bases, manifests/rbac/controller.yaml, pkg/manifestgen/install/options.go',
      'fluxcd/notification-controller@v1.9.0-37-g2e46958: internal/server/receiver_handlers.go',
    ],
  },
  {
    name: 'argocd',
    title: 'Argo CD',
    // Never argocd-server, which acts for people.
    users: [accountUser('argocd', 'argocd-application-controller')],
    namespaces: ['argocd'],
    dedicated: true,
    // 'kubectl-client-side-apply' is what it migrates from when a sync goes over to server-side apply.
    managers: ['argocd-controller', 'argocd-application-controller', 'kubectl-client-side-apply'],
    stamps: {
      labels: ['app.kubernetes.io/instance', 'argocd.argoproj.io/instance'],
      annotations: ['argocd.argoproj.io/tracking-id', 'argocd.argoproj.io/installation-id'],
    },
    inputs: ['argoproj.io/Application', 'argoproj.io/AppProject', 'argoproj.io/ApplicationSet'],
    companions: [
      {
        users: [accountUser('argocd', 'argocd-applicationset-controller')],
        kinds: ['argoproj.io/Application', 'argoproj.io/ApplicationSet'],
        reason: 'makes the Applications of an ApplicationSet',
      },
      {
        users: [accountUser('argocd', 'argocd-notifications-controller')],
        kinds: ['argoproj.io/Application'],
        reason: 'notes on an Application what it has told people',
      },
      {
        users: [accountUser('argocd', 'argocd-server')],
        kinds: ['Secret/argocd-secret'],
        reason: 'keeps its keys and the accounts of its own users there',
      },
    ],
    switches: [
      { key: 'argocd.argoproj.io/compare-options', reason: 'IgnoreExtraneous: no longer out of sync' },
      { key: 'argocd.argoproj.io/ignore-differences', reason: 'changes of the fields it names are not seen' },
      { key: 'argocd.argoproj.io/sync-options', reason: 'Prune=false, Delete=false, Replace and others' },
      { key: 'argocd.argoproj.io/skip-reconcile', reason: 'true: the Application is not reconciled' },
      { key: 'argocd.argoproj.io/hook', reason: 'Skip, or a phase: no longer part of what is compared' },
      { key: 'argocd.argoproj.io/hook-delete-policy', reason: 'the object is deleted around a sync' },
      { key: 'argocd.argoproj.io/ignore-resource-updates', reason: 'true: its changes are not noticed' },
      {
        key: 'argocd.argoproj.io/tracking-id',
        reason: 'the object belongs to another Application, or to none',
      },
    ],
    nudges: [
      '/metadata/annotations/argocd.argoproj.io~1refresh',
      '/metadata/annotations/argocd.argoproj.io~1refresh-timestamp',
      '/metadata/annotations/argocd.argoproj.io~1hydrate',
      '/metadata/annotations/argocd.argoproj.io~1hydrate-timestamp',
      '/metadata/annotations/argocd.argoproj.io~1application-set-refresh',
    ],
    sources: [
      'argoproj/argo-cd@v3.6.1: common/common.go, pkg/apis/application/v1alpha1/application_annotations.go, util/argo/diff/ignore.go, docs/user-guide/sync-options.md',
      'argoproj/argo-cd@v3.6.1: manifests/install.yaml, manifests/base (roles), manifests/cluster-rbac',
      'argoproj/gitops-engine@b89b0871b414: pkg/sync/common/types.go',
    ],
  },
  {
    name: 'flagger',
    title: 'Flagger',
    users: [accountUser('flagger-system', 'flagger'), accountUser('istio-system', 'flagger')],
    namespaces: ['flagger-system', 'istio-system'],
    managers: ['flagger'],
    stamps: none,
    inputs: ['flagger.app/Canary', 'flagger.app/MetricTemplate', 'flagger.app/AlertProvider'],
    companions: [],
    switches: [],
    nudges: [],
    sources: [
      'fluxcd/flagger@v1.41.0: pkg/apis/flagger/v1beta1, pkg/canary, charts/flagger, kustomize',
      'left out: the namespaces of other meshes (appmesh-system, projectcontour and so on)',
    ],
  },
  {
    name: 'tekton',
    title: 'Tekton',
    // The account of the TaskRun that deploys is named per pipeline: `agents: [{ user: ... }]` beside this preset.
    users: [],
    namespaces: [],
    stamps: none,
    inputs: [],
    companions: [],
    switches: [],
    nudges: [],
    sources: ['tektoncd/pipeline: docs/taskruns.md (spec.serviceAccountName; nothing else here to confirm)'],
  },
  {
    name: 'jenkins-x',
    title: 'Jenkins X',
    users: [accountUser('jx-git-operator', 'jx-boot-job'), accountUser('jx', 'tekton-bot')],
    namespaces: ['jx-git-operator'],
    // The label gitops.jenkins-x.io/pipeline, by which it prunes, is written into Git before it applies: no stamp.
    stamps: none,
    inputs: [],
    companions: [],
    switches: [],
    nudges: [],
    sources: [
      'jenkins-x/jx-git-operator@v0.2.4: charts/jx-git-operator/templates/boot-sa.yaml, pkg/launcher/job',
      'jenkins-x-charts/jxboot-helmfile-resources@03438ce: charts/jxboot-helmfile-resources/templates/build-bot-serviceaccount.yaml (tekton-bot)',
      'jenkins-x.io/v3/admin/setup/upgrades/cluster (namespace jx-git-operator; the README of the operator installs it as jxgo)',
    ],
  },
  {
    name: 'gitkube',
    title: 'Gitkube',
    // Not told apart by field managers: it runs kubectl, or Helm 2, whose Tiller has an account of its own.
    users: [accountUser('kube-system', 'gitkube')],
    namespaces: [],
    stamps: none,
    inputs: ['gitkube.sh/Remote'],
    companions: [],
    switches: [],
    nudges: [],
    sources: [
      'hasura/gitkube@v2020.03.0: manifests/gitkube-setup.yaml, pkg/apis/gitkube.sh, build/gitkubed/pre_receive.sh',
    ],
  },
  {
    name: 'config-sync',
    title: 'Config Sync',
    users: [
      accountUser('config-management-system', 'root-reconciler'),
      accountUser('config-management-system', 'root-reconciler-*'),
      accountUser('config-management-system', 'ns-reconciler-*'),
    ],
    namespaces: ['config-management-system'],
    dedicated: true,
    managers: ['configsync.gke.io'],
    stamps: {
      labels: [
        'app.kubernetes.io/managed-by',
        'configsync.gke.io/declared-version',
        'applyset.kubernetes.io/part-of',
      ],
      annotations: [
        'configmanagement.gke.io/managed',
        'configmanagement.gke.io/source-path',
        'configmanagement.gke.io/token',
        'configmanagement.gke.io/cluster-name',
        'configsync.gke.io/declared-fields',
        'configsync.gke.io/git-context',
        'configsync.gke.io/manager',
        'configsync.gke.io/resource-id',
        'config.k8s.io/owning-inventory',
      ],
    },
    inputs: [
      'configsync.gke.io/RootSync',
      'configsync.gke.io/RepoSync',
      'configmanagement.gke.io/*',
      'kpt.dev/ResourceGroup',
    ],
    companions: [
      {
        users: [
          accountUser('config-management-system', 'reconciler-manager'),
          accountUser('resource-group-system', 'resource-group-sa'),
        ],
        kinds: ['configsync.gke.io/*', 'configmanagement.gke.io/*', 'kpt.dev/ResourceGroup'],
        reason: 'run the reconcilers of each sync',
      },
    ],
    switches: [
      { key: 'configmanagement.gke.io/managed', reason: 'disabled: the object is let go' },
      { key: 'client.lifecycle.config.k8s.io/mutation', reason: 'ignore: changes of it stay' },
      { key: 'client.lifecycle.config.k8s.io/deletion', reason: 'detach: it stays when Git drops it' },
      { key: 'cli-utils.sigs.k8s.io/on-remove', reason: 'keep: it stays when Git drops it' },
      { key: 'configsync.gke.io/manager', reason: 'another reconciler owns it' },
    ],
    nudges: [],
    sources: [
      'GoogleContainerTools/kpt-config-sync@v1.22.0-29-gbd5fadf: pkg/metadata, pkg/core/names.go, pkg/api/configsync/register.go, pkg/applier/applier.go, manifests',
      'sigs.k8s.io/cli-utils, as fluxcd/cli-utils@v0.36.0-flux.15 has it: pkg/common/common.go',
      'docs.cloud.google.com/kubernetes-engine/config-sync/docs/reference/labels-and-annotations (declared-version)',
    ],
  },
]

/**
 * Argo CD that runs in another cluster: what it does here comes as one account, the syncs and what people do in its UI
 * alike. So it is a preset of its own: where Argo CD runs in the cluster itself, that account is nobody's.
 */
function remote({ managers, stamps, switches }: AgentPreset): AgentPreset {
  return {
    name: 'argocd-remote',
    title: 'Argo CD of another cluster',
    users: [accountUser('kube-system', 'argocd-manager')],
    managers: managers!,
    stamps,
    switches,
    namespaces: [],
    inputs: [],
    companions: [],
    nudges: [],
    sources: ['argoproj/argo-cd@v3.6.1: util/clusterauth/clusterauth.go (argocd-manager)'],
  }
}

export const agentPresets: readonly AgentPreset[] = presets.flatMap((preset) =>
  preset.name === 'argocd' ? [preset, remote(preset)] : [preset],
)

/** The preset of an agent that was configured by one, by its name. */
export function agentPreset(name: string): AgentPreset | undefined {
  return agentPresets.find((preset) => preset.name === name)
}
