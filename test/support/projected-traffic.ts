/**
 * Traffic on a few records from outside, over sockets and REST at once, by clients that go on- and offline, while the server is
 * killed (and its projector with it) and started again. At the end the rows must be what the clients' documents say.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { recordTypes } from '@rapport/shared/records/record-types.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { createRandom, type Random } from '../simulation/random.ts'
import { randomEdit, randomValue } from './random-edits.ts'
import type { ServerProcess } from './server-process.ts'
import { openStock, type StockClient, until } from './stock-client.ts'

const STEPS = 120
const KILLS = 3
const PAUSE_MILLISECONDS = 12
const SETTLE_MILLISECONDS = 30_000

/** A server that can be started again on the same data, and what is needed to speak to it. */
export interface Place {
  start(): Promise<ServerProcess>
  token(sub: string): Promise<string>
}

/** One record of the traffic, with the replicas that outlive the server. */
export interface Trafficked {
  readonly type: RecordType
  readonly id: string
  readonly replicas: readonly [Y.Doc, Y.Doc]
}

/** Resolves once every replica agrees with the server, which is left running. */
export async function runTraffic(place: Place, seed: number): Promise<{ server: ServerProcess; records: readonly Trafficked[] }> {
  // Every stock client listens for the end of the process.
  process.setMaxListeners(0)
  const random = createRandom(seed)
  const records = Object.values(recordTypes as Readonly<Record<string, RecordType>>).flatMap((type) =>
    [1, 2].map((n): Trafficked => ({ type, id: `t${seed}-${n}`, replicas: [new Y.Doc(), new Y.Doc()] })),
  )
  const token = await place.token('ann')
  for (let round = 0; round < KILLS; round += 1) {
    const server = await place.start()
    const clients = connect(server, token, records)
    const requests: Promise<unknown>[] = []
    for (let step = 0; step < STEPS; step += 1) {
      requests.push(act(random, server, token, random.pick(records), random.pick(clients)))
      await sleep(random.below(PAUSE_MILLISECONDS))
    }
    await server.kill()
    await Promise.allSettled(requests)
    for (const { provider } of clients) provider.destroy()
  }
  const server = await place.start()
  const clients = connect(server, token, records)
  await Promise.all(clients.map((client) => client.synced()))
  await until(() => records.every(agrees), 'every pair of replicas holds the same', SETTLE_MILLISECONDS)
  for (const { provider } of clients) provider.destroy()
  return { server, records }
}

function connect(server: ServerProcess, token: string, records: readonly Trafficked[]): readonly StockClient[] {
  return records.flatMap(({ type, id, replicas }) =>
    replicas.map((doc) => openStock(server.address, type.name, id, { token, doc })),
  )
}

/** What goes wrong with a request is the kill's doing; what it changed shows in the documents. */
async function act(random: Random, server: ServerProcess, token: string, record: Trafficked, client: StockClient): Promise<void> {
  const dice = random.below(100)
  const { type, id, replicas } = record
  if (dice < 60) return randomEdit(random, type, random.pick(replicas))
  if (dice < 65) return client.provider.disconnect()
  if (dice < 70) return client.provider.connect()
  const url = `http://${server.address}/v1/records/${type.name}/${id}`
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const request = (path: string, method: string, body?: object): Promise<unknown> =>
    fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) }).catch(() => undefined)
  if (dice < 92) await request(url, 'PATCH', randomPatch(random, type))
  else if (dice < 95) await request(url, 'DELETE')
  else await request(`${url}/restore`, 'POST', {})
}

function randomPatch(random: Random, type: RecordType): object {
  const [field, register] = random.pick(Object.entries(type.fields))
  const entry = `entry-${random.below(1_000)}`
  return random.pick([
    { fields: { [field]: randomValue(random, register) } },
    { activities: { [entry]: random.chance(0.3) ? null : { kind: 'call', subject: `call ${random.below(100)}` } } },
    { summary: `Rewritten ${random.below(100)}`, tags: { 'tag 1': random.pick([true, null]) } },
  ])
}

function agrees({ type, replicas: [one, other] }: Trafficked): boolean {
  const state = (doc: Y.Doc): string => JSON.stringify([readContent(type, doc), readMeta(doc)])
  return state(one) === state(other) && Y.encodeStateVector(one).join() === Y.encodeStateVector(other).join()
}
