import type { Manifest } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import type { CanonicalForms } from '../cluster/canonical.ts'
import type { Forms as KnownForms } from '../policy/snapshot.ts'
import type { Forms } from '../reconcile/forms.ts'

/** Canonical forms as policy (what is known) and reconciler (what can be asked) take them. */
export function knownForms(forms: CanonicalForms): Forms & KnownForms & Pick<CanonicalForms, 'prepare'> {
  return {
    get epoch() {
      return forms.epoch
    },
    prepare: (manifests) => forms.prepare(manifests),
    form: (manifest: Manifest) => forms.form(manifest),
    confirm: (manifest: Manifest, live: KubeObject) => forms.confirm(manifest, live),
    isFixed: (manifest: Manifest, live: KubeObject) => forms.isFixed(manifest, live),
    canonical: (manifest: Manifest) => forms.cached(manifest),
    shape: (manifest: Manifest) => forms.shapeOf(manifest),
  }
}
