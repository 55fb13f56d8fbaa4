// Two reps edit one sample customer at the same time. Start the server with `npm start`, then run this with `npm run example`.
import { execFileSync } from 'node:child_process'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const server = process.env.RAPPORT_URL ?? 'ws://127.0.0.1:4100'
const customer = '01973000-0000-7c00-8000-000000000001'

async function open(rep) {
  const args = ['run', '--silent', 'cli', '--', 'token', '--tenant', 'demo', '--sub', rep, '--role', 'rep']
  const token = process.env.TOKEN ?? execFileSync('npm', args, { encoding: 'utf8' }).trim()
  const doc = new Y.Doc()
  const options = { params: { token }, WebSocketPolyfill: WebSocket, disableBc: true }
  const provider = new WebsocketProvider(`${server}/sync/contact`, customer, doc, options)
  await new Promise((resolve) => provider.once('sync', resolve))
  return { doc, provider }
}

const ann = await open('ann')
const bob = await open('bob')
bob.provider.disconnect() // into the tunnel
ann.doc.getMap('fields').set('title', 'Managing director')
bob.doc.getMap('fields').set('department', 'Board')
bob.doc.getText('summary').insert(0, 'Met at the trade fair. ')
bob.provider.connect() // and out again
await new Promise((resolve) => setTimeout(resolve, 1000))

for (const [name, { doc, provider }] of Object.entries({ ann, bob })) {
  const { title, department } = doc.getMap('fields').toJSON()
  console.log(`${name}: ${title}, ${department}. ${doc.getText('summary')}`)
  provider.destroy()
  doc.destroy()
}
