/**
 * The yardstick: the least that a relay can do with `ws`. Every message goes, as it is, to every other socket of the same path.
 * No token, no document, no database, no batching; so it shows what moving the bytes costs on this machine.
 */
import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'

const rooms = new Map<string, Set<WebSocket>>()
const http = createServer()
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false })

sockets.on('connection', (socket, request) => {
  const path = (request.url ?? '').split('?')[0] ?? ''
  const room = rooms.get(path) ?? new Set()
  rooms.set(path, room.add(socket))
  socket.on('message', (message) => {
    for (const other of room) {
      if (other !== socket) other.send(message)
    }
  })
  socket.on('close', () => {
    room.delete(socket)
    if (room.size === 0) rooms.delete(path)
  })
  socket.on('error', () => socket.terminate())
})

http.listen(0, '127.0.0.1', () => {
  const address = http.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  console.log(`relay listening on http://127.0.0.1:${port}`)
})
process.on('SIGTERM', () => process.exit(0))
