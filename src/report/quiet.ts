import type { Severity } from '../model/violation.ts'

/** Hours of the day in which a target is left alone. */
export interface Quiet {
  /** `22:00`, in `zone`. From after to goes over midnight. */
  from: string
  to: string
  /** An IANA time zone. */
  zone: string
  /** Told at once all the same. */
  except: readonly Severity[]
}

/** Whether it is quiet at a moment, in milliseconds since the epoch: by the wall clock there, whatever summer time does to it. */
export function isQuiet({ from, to, zone }: Pick<Quiet, 'from' | 'to' | 'zone'>, at: number): boolean {
  const clock = clockIn(zone).format(at)
  return from <= to ? from <= clock && clock < to : from <= clock || clock < to
}

/** One takes as long to make as a thousand answers. */
const clocks = new Map<string, Intl.DateTimeFormat>()

function clockIn(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone)
  if (known !== undefined) return known
  const options = { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const clock = new Intl.DateTimeFormat('en-GB', options)
  clocks.set(zone, clock)
  return clock
}
