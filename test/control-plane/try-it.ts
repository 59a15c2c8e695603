import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.ts'

const CHECKOUT = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')
const CLI = join(CHECKOUT, 'dist/cli.js')

/** What a person pastes into a shell to try a control plane by hand: kubectl and gitops-guard on the path, two kubeconfigs. */
export async function tryIt(plane: ControlPlane): Promise<{ exports: string }> {
  const bin = join(plane.dir, 'bin')
  await mkdir(bin, { recursive: true })
  await symlink(plane.binaries.kubectl, join(bin, 'kubectl'))
  for (const name of ['gitops-guard', 'kubectl-guard']) {
    // With the Node of this project: another may be too old.
    await writeFile(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`)
    await chmod(join(bin, name), 0o755)
  }
  const [admin, alice] = [plane.kubeconfig('admin'), plane.kubeconfig('alice')]
  return {
    exports: `export PATH=${bin}:$PATH ADMIN=${admin} ALICE=${alice} KUBECONFIG=${admin} CHECKOUT=${CHECKOUT}`,
  }
}
