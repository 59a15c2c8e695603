import { formatRef } from '../object/identity.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'

/** Sources that cannot be read or used, kinds that are not there, Secrets in plain text. */
export function checkGit({ git, missingKinds, plainSecrets }: Facts): Finding[] {
  return [
    ...git.flatMap(({ source, error, problems }): Finding[] => {
      const subject = `source ${source}`
      if (error !== undefined)
        return [
          {
            check: 'source',
            severity: 'critical',
            subject,
            what: `cannot be read: ${error}`,
            why: 'what it declares is not guarded; a guard that runs keeps the last commit that it could read',
            remedy:
              'see that the repository, the ref and the credentials are right: gitops-guard render --source shows what is read',
          },
        ]
      if (problems.length === 0) return []
      const [first] = problems
      const more = problems.length > 1 ? ` and ${problems.length - 1} more` : ''
      return [
        {
          check: 'manifests',
          severity: 'warning',
          subject,
          what: `holds manifests that cannot be used: ${first!.file}:${first!.line}: ${first!.message}${more}`,
          why: 'the objects that they declare are not guarded',
          remedy: 'mend them in Git: gitops-guard render lists all',
        },
      ]
    }),
    ...missingKinds.map((kind): Finding => ({
      check: 'kind-missing',
      severity: 'warning',
      subject: kind,
      what: 'is declared in Git, and the API server does not serve it',
      why: 'its objects cannot be made or compared',
      remedy: 'bring its CustomResourceDefinition in, best through Git, or remove the objects from Git',
    })),
    ...plainSecrets.map(({ ref, file, line }): Finding => ({
      check: 'secret-in-git',
      severity: 'warning',
      subject: formatRef(ref),
      what: `has its values in plain text in Git: ${file}:${line}`,
      why: 'everybody who may read the repository may read them, in its history for ever',
      remedy:
        'keep the values elsewhere (External Secrets, Sealed Secrets, SOPS), and change them, as the old ones are known',
    })),
  ]
}
