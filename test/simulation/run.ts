/**
 * One simulated life, from a seed, in four acts: a rough time, in which anything may fail; the death of everything, after which
 * all that was acknowledged must be in the store before anybody comes back; a reunion, after which all must agree; and a calm
 * time without new connections, in which live delivery alone must keep them in step, even if the database forgets.
 * Throws what it finds wrong. The same seed is the same run.
 */
import { checkAcknowledged, checkAgreement } from './checks.ts'
import type { SimulatedClient } from './client.ts'
import { createRandom } from './random.ts'
import { Scenario, type Tally } from './scenario.ts'

/** More steps than a run needs to come to rest; one that takes more is going in circles. */
const RESTLESS = 100_000
/** Virtual milliseconds after which every timer that matters has fired: heads are read each second, retries within two. */
const REST = 4_000

export async function simulate(seed: number): Promise<Tally> {
  const scenario = new Scenario(createRandom(seed))
  const { random, tally, instances, clients } = scenario
  try {
    await roughTime(scenario)
    for (const index of instances.keys()) scenario.restart(index)
    for (const client of clients) client.disconnect()
    await checkAcknowledged(scenario)

    scenario.faults.failBefore = 0
    scenario.faults.failAfter = 0
    scenario.line.mishap = 0
    for (let time = 0; time < 2; time += 1) {
      for (const client of clients) client.connect(random.pick(instances))
      await rest(scenario)
    }
    await checkAgreement(scenario, 'after the reunion')

    const { entries } = tally
    for (const client of clients) client.connect(random.pick(instances))
    await rest(scenario)
    if (tally.entries !== entries) throw new Error('a second sync wrote something')

    await calmTime(scenario)
    await rest(scenario)
    await checkAgreement(scenario, 'after a calm time')
    tally.banned = clients.filter(({ banned }) => banned).length
    return tally
  } finally {
    for (const instance of instances) instance.kill()
  }
}

async function roughTime(scenario: Scenario): Promise<void> {
  const { random, world } = scenario
  for (let left = 100 + random.below(300); left > 0; left -= 1) {
    const { kills } = scenario.tally
    if (random.chance(0.4)) scenario.act()
    await world.step(0.05)
    if (scenario.tally.kills > kills) await checkAcknowledged(scenario)
  }
}

async function calmTime(scenario: Scenario): Promise<void> {
  const { random, world, tally } = scenario
  if (tally.rollbacks > 0 && random.chance(0.5)) scenario.backUpOrRollBack()
  if (random.chance(0.3)) loseAnEdit(random.pick(scenario.clients))
  for (let left = 40; left > 0; left -= 1) {
    const subject = random.pick(scenario.subjects)
    const client = random.pick(subject.clients)
    if (random.chance(0.3)) scenario.editAsPerson(client)
    if (random.chance(0.1)) scenario.editAsServer(subject, random.pick(scenario.instances))
    await world.step(0.05)
  }
}

/** An edit is lost on the line, and the next one leans on it: the server must notice, and ask. */
function loseAnEdit(client: SimulatedClient): void {
  if (client.reads) return
  const fields = client.document.getMap('fields')
  client.loseNext(() => fields.set('department', 'lost on the line'))
  fields.set('department', 'after it')
}

/** Lets everything happen that can, and time pass, until nothing new comes of it. */
async function rest({ world, tally, clients, instances, random }: Scenario): Promise<void> {
  for (let steps = 0; steps < RESTLESS; ) {
    const { entries } = tally
    const { now } = world
    while (!world.idle || world.now < now + REST) {
      await world.step(0)
      steps += 1
      if (steps >= RESTLESS) break
    }
    // A client that was told to come again does.
    const away = clients.filter((client) => !client.connected && !client.banned)
    for (const client of away) client.connect(random.pick(instances))
    if (away.length === 0 && tally.entries === entries) return
  }
  throw new Error('the run does not come to rest')
}
