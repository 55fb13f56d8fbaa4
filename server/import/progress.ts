/** How far an import is, on stderr: a bar on a terminal; elsewhere a line at each step, at its end, and now and then between. */
import type { Clock } from '@rapport/shared/clock.ts'
import cliProgress from 'cli-progress'

export interface Progress {
  /** So many bytes of the file are done. */
  at(step: string, bytes: number): void
  /** A step of which nobody knows how long it takes. */
  during(step: string): void
  end(): void
}

/** `total`: bytes of the file. */
export function startProgress(total: number, clock: Clock): Progress {
  return process.stderr.isTTY ? startBar(total) : startLines(total, clock)
}

function startBar(total: number): Progress {
  const bar = new cliProgress.SingleBar({
    format: (options, { progress }, { step, measured }: { readonly step: string; readonly measured: boolean }) =>
      measured ? `${step} [${cliProgress.Format.BarFormat(progress, options)}] ${Math.floor(progress * 100)}%` : `${step} …`,
    stream: process.stderr,
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

/** Milliseconds between lines of one step. */
const LINE_EVERY = 2_000

function startLines(total: number, clock: Clock): Progress {
  let current = ''
  let percent = 0
  let toldAt = 0
  const tell = (line: string): void => {
    toldAt = clock.elapsed()
    process.stderr.write(`${line}\n`)
  }
  return {
    at(step, bytes) {
      const before = step === current ? percent : -1
      percent = total === 0 ? 100 : Math.min(100, Math.floor((bytes / total) * 100))
      current = step
      const ended = percent === 100 && before < 100
      if (before === -1 || ended || clock.elapsed() - toldAt > LINE_EVERY) tell(`${step} ${percent}%`)
    },
    during: (step) => tell(`${step} …`),
    end: () => undefined,
  }
}
