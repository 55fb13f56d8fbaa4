/** How far an import is, on stderr: a bar on a terminal, elsewhere a line every two seconds. */
import cliProgress from 'cli-progress'

export interface Progress {
  /** So many bytes of the file are done. */
  at(step: string, bytes: number): void
  /** A step of which nobody knows how long it takes. */
  during(step: string): void
  end(): void
}

/** `total`: bytes of the file. */
export function startProgress(total: number): Progress {
  const bar = new cliProgress.SingleBar({
    format: (options, { progress }, { step, measured }: { readonly step: string; readonly measured: boolean }) =>
      measured ? `${step} [${cliProgress.Format.BarFormat(progress, options)}] ${Math.floor(progress * 100)}%` : `${step} …`,
    stream: process.stderr,
    noTTYOutput: true,
    barsize: 30,
    hideCursor: true,
  })
  bar.start(total, 0, { step: 'Opening the database', measured: false })
  return {
    at: (step, bytes) => bar.update(bytes, { step, measured: true }),
    during: (step) => bar.update(total, { step, measured: false }),
    end: () => bar.stop(),
  }
}
