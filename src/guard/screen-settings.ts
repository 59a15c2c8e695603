import type { ClusterApi } from '../cluster/api.ts'
import type { ScreenSettings } from '../screen/screen.ts'
import { reviewToken } from './review-token.ts'
import type { Settings } from './settings.ts'
import type { ViewToken } from './view-token.ts'

/** What the configuration says of the screen, and who may see it. */
export function screenSettings(
  { config }: Settings,
  { api, viewToken }: { api: ClusterApi; viewToken: ViewToken },
): ScreenSettings {
  const { enabled, name = '', loopback, trustedProxy, environments } = config.dashboard
  return {
    dashboard: enabled,
    name,
    environments,
    access: {
      loopback,
      ...(trustedProxy === undefined ? {} : { trustedProxy }),
      isViewToken: (token) => viewToken.matches(token),
      review: (token) => reviewToken(api, token),
    },
  }
}
