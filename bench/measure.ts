/**
 * One run: a fresh server, a fresh driver, one scenario. The meters are read here, in a third process, exactly when the driver
 * stops before and after its measured part.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { processCpuMicroseconds, residentBytes } from '../test/support/process-cpu.ts'
import type { DriverMessage, DriverResult, Job, RunnerMessage } from './messages.ts'
import type { Scenario } from './scenarios.ts'
import type { RunningServer, Target } from './targets.ts'

const RESIDENT_EVERY = 200
const RUN_LIMIT = 180_000

export interface Measurement {
  readonly target: string
  readonly scenario: string
  /** CPU microseconds per delivery; `undefined` where it cannot be read. */
  readonly serverCpu: number | undefined
  readonly databaseCpu: number | undefined
  /** Highest resident memory of the server seen during the measured part, bytes. */
  readonly resident: number
  readonly result: DriverResult
}

export async function measure(target: Target, scenario: Scenario): Promise<Measurement> {
  const server = await target.start()
  try {
    return await drive(target, scenario, server)
  } finally {
    await server.stop()
  }
}

function drive(target: Target, scenario: Scenario, server: RunningServer): Promise<Measurement> {
  const { address, token, pid } = server
  const driver = fork(fileURLToPath(new URL('driver.ts', import.meta.url)))
  const tell = (message: RunnerMessage): boolean => driver.send(message)
  let serverCpu: number | undefined
  let databaseCpu: number | undefined
  let resident = 0
  const sampling = { timer: undefined as NodeJS.Timeout | undefined }

  /** Reads both meters; the second reading subtracts the first. */
  function readMeters(sign: 1 | -1): void {
    const server = processCpuMicroseconds(pid)
    const database = databaseCpuOf()
    serverCpu = server === undefined ? undefined : (serverCpu ?? 0) + sign * server
    databaseCpu = database === undefined ? undefined : (databaseCpu ?? 0) + sign * database
  }
  const databaseCpuOf = (): number | undefined => server.databaseCpu()
  const sampleResident = (): void => {
    resident = Math.max(resident, residentBytes(pid) ?? 0)
  }

  return new Promise<Measurement>((resolve, reject) => {
    const limit = setTimeout(() => fail(new Error('the driver took too long')), RUN_LIMIT)
    const finish = (): void => {
      clearTimeout(limit)
      clearInterval(sampling.timer)
    }
    const fail = (error: Error): void => {
      finish()
      driver.kill('SIGKILL')
      reject(error)
    }
    driver.once('error', fail)
    driver.once('exit', (code) => fail(new Error(`${target.name}, ${scenario.name}: the driver ended with ${code}`)))
    driver.on('message', (received) => {
      const message = received as DriverMessage
      switch (message.type) {
        case 'begin':
          readMeters(-1)
          sampling.timer = setInterval(sampleResident, RESIDENT_EVERY)
          tell({ type: 'go' })
          break
        case 'end':
          readMeters(1)
          sampleResident()
          clearInterval(sampling.timer)
          tell({ type: 'go' })
          break
        case 'result': {
          finish()
          const per = (sum: number | undefined): number | undefined =>
            sum === undefined || message.deliveries === 0 ? undefined : sum / message.deliveries
          const cpu = { serverCpu: per(serverCpu), databaseCpu: per(databaseCpu) }
          resolve({ target: target.name, scenario: scenario.name, ...cpu, resident, result: message })
          break
        }
      }
    })
    const job: Job = { type: 'job', scenario, address, token, keepsDocuments: target.keepsDocuments }
    tell(job)
  })
}
