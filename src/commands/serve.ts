import { hostname } from 'node:os'
import { processEnvironment } from '../config/environment.ts'
import { formatProblem } from '../config/problem.ts'
import { watchConfig } from '../config/watch.ts'
import { startGuard, type Guard } from '../guard.ts'
import { settingsOf } from '../guard/settings.ts'
import { createLogger } from '../telemetry/logger.ts'
import { keepHeapSmall } from '../telemetry/small-heap.ts'
import { connectTo, presetNames, type CommonOptions } from './context.ts'

export interface ServeOptions extends CommonOptions {
  httpsPort: string
  httpPort: string
  webhookUrl?: string
  replica?: string
}

/** `gitops-guard serve`: runs the guard until SIGTERM or SIGINT. */
export async function serve(options: ServeOptions): Promise<number> {
  keepHeapSmall()
  const environment = processEnvironment()
  const { logLevel, color } = environment
  const logger = createLogger({ level: logLevel, pretty: process.stdout.isTTY === true, color })
  const replica = options.replica ?? environment.replica ?? hostname()
  const started = Promise.withResolvers<Guard>()
  // Without a guard there is nobody to tell.
  started.promise.catch(() => undefined)
  const tell = (task: (guard: Guard) => void | Promise<void>) =>
    void started.promise
      .then(task)
      .catch((error: unknown) => logger.error({ err: error }, 'the new configuration cannot be put in force'))
  const watched = await watchConfig(
    options.config,
    {
      onConfig: (config) => tell((guard) => guard.reconfigure(settingsOf(config))),
      onInvalid: (problems) => {
        const text = problems.map(formatProblem).join('\n')
        logger.error(`the configuration is invalid, the last good one stays in force:\n${text}`)
        tell((guard) => guard.configInvalid(text))
      },
    },
    { presets: presetNames, environment: environment.variables },
  )
  const connection = connectTo(options)
  try {
    const guard = await startGuard({
      settings: settingsOf(watched.config),
      connection,
      environment: { ...environment, replica },
      logger,
      ports: { https: portOf(options.httpsPort), http: portOf(options.httpPort) },
      ...(options.webhookUrl === undefined ? {} : { webhookUrl: options.webhookUrl }),
    })
    started.resolve(guard)
    const signal = await new Promise<string>((resolve) => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name))
    })
    logger.info({ signal }, 'stopping')
    watched.stop()
    await guard.stop()
    return 0
  } finally {
    watched.stop()
    connection.close()
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`${text} is no port`)
  return port
}
