/**
 * Metrics in Prometheus' text format. Each metric is declared beside the thing it measures, through one of the three calls
 * here, which fix its name space and its registry; this file declares only what belongs to the process itself.
 */
import { monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type MetricName = `rapport_${string}`

export interface Metrics {
  /** Declared a second time, under the same name, it is the same counter. */
  counter<Label extends string = never>(name: MetricName, help: string, labels?: readonly Label[]): Counter<Label>
  /** With `read`, the value is asked for when metrics are collected. */
  gauge<Label extends string = never>(
    name: MetricName,
    help: string,
    labels?: readonly Label[],
    read?: (gauge: Gauge<Label>) => void,
  ): Gauge<Label>
  histogram<Label extends string = never>(
    name: MetricName,
    help: string,
    buckets: readonly number[],
    labels?: readonly Label[],
  ): Histogram<Label>
  /** All metrics as the text of an answer, and its content type. */
  render(): Promise<string>
  readonly contentType: string
  /** Adds what the runtime says of the process. Call once; the answer ends it. */
  observeProcess(): () => void
}

const DELAY_RESOLUTION_MILLISECONDS = 10
const DELAY_QUANTILES = [0.5, 0.99, 1] as const

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const metrics: Metrics = {
    counter: <Label extends string>(name: MetricName, help: string, labels: readonly Label[] = []) =>
      (registry.getSingleMetric(name) as Counter<Label> | undefined) ??
      new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = [], read) =>
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(read && {
          collect() {
            read(this)
          },
        }),
      }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }),
    render: () => registry.metrics(),
    contentType: registry.contentType,
    observeProcess() {
      collectDefaultMetrics({ register: registry })
      const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MILLISECONDS })
      delay.enable()
      metrics.gauge(
        'rapport_event_loop_delay_seconds',
        'How late the event loop was since the last collection',
        ['quantile'],
        (gauge) => {
          for (const quantile of DELAY_QUANTILES) gauge.set({ quantile: String(quantile) }, delaySeconds(delay, quantile))
          delay.reset()
        },
      )
      return () => {
        delay.disable()
        registry.clear()
      }
    },
  }
  return metrics
}

/** The sampling interval is part of what the histogram counts, and is taken off. */
function delaySeconds(delay: Pick<RecordableHistogram, 'count' | 'max' | 'percentile'>, quantile: number): number {
  if (delay.count === 0) return 0
  const nanoseconds = quantile === 1 ? delay.max : delay.percentile(quantile * 100)
  return Math.max(0, nanoseconds / 1e9 - DELAY_RESOLUTION_MILLISECONDS / 1e3)
}
