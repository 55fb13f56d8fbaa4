/** Measurements as a table for people, with every figure beside the yardstick's. */
import type { Measurement } from './measure.ts'
import type { Percentiles } from './messages.ts'
import type { Scenario } from './scenarios.ts'
import { median } from './statistics.ts'

const HEADER = [
  'server',
  'server CPU',
  'database CPU',
  'sum',
  'range',
  'ratio',
  'p50/p99 ms',
  'ack p50/p99 ms',
  'RSS MB',
  'checked',
]

interface Row {
  readonly target: string
  readonly sum: number | undefined
  readonly cells: readonly string[]
}

/** One table per scenario; `yardstick` is the target that ratios refer to. CPU is in microseconds per delivered update. */
export function formatScenario(scenario: Scenario, measurements: readonly Measurement[], yardstick: string | undefined): string {
  const own = measurements.filter((one) => one.scenario === scenario.name)
  const rows = [...new Set(own.map((one) => one.target))].map((target) => summarise(own.filter((one) => one.target === target)))
  const base = rows.find((row) => row.target === yardstick)?.sum
  const body = rows.map(({ target, sum, cells }) => {
    const ratio = sum === undefined || base === undefined ? '–' : (sum / base).toFixed(2)
    return [target, ...cells.slice(0, 4), ratio, ...cells.slice(4)]
  })
  return `${scenario.name}: ${scenario.title}\nCPU in µs per delivered update, median of runs\n\n${formatTable([HEADER, ...body])}\n`
}

function summarise(runs: readonly Measurement[]): Row {
  const sums = runs.flatMap((run) => (run.serverCpu === undefined ? [] : [run.serverCpu + (run.databaseCpu ?? 0)]))
  const sum = median(sums)
  const deliveries = runs.reduce((total, run) => total + run.result.deliveries, 0)
  const faults = runs.reduce((total, run) => total + run.result.faults.length, 0)
  return {
    target: runs[0]?.target ?? '',
    sum,
    cells: [
      number(median(runs.flatMap((run) => run.serverCpu ?? []))),
      number(median(runs.flatMap((run) => run.databaseCpu ?? []))),
      number(sum),
      sums.length === 0 ? '–' : `${number(Math.min(...sums))}–${number(Math.max(...sums))}`,
      times(runs.map((run) => run.result.latency)),
      times(runs.flatMap((run) => run.result.acknowledgement ?? [])),
      (Math.max(...runs.map((run) => run.resident)) / 1e6).toFixed(0),
      faults === 0 ? `${deliveries.toLocaleString('en-GB')} ok` : `${faults} FAULTS`,
    ],
  }
}

function times(runs: readonly Percentiles[]): string {
  if (runs.length === 0) return '–'
  return `${number(median(runs.map((run) => run.p50)))} / ${number(median(runs.map((run) => run.p99)))}`
}

/** Three significant digits are more than two noisy cores can tell apart. */
function number(value: number | undefined): string {
  if (value === undefined) return '–'
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** Markdown, padded so that it reads well in a terminal too. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}
