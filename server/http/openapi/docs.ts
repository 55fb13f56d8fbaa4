/**
 * `/openapi.json`, and a page to read it by that needs nothing but this server. The page may load its own script and style and nothing
 * else, so that whatever stands in a description stays text.
 */
import { readFileSync } from 'node:fs'
import { Hono } from 'hono'
import type { RowLists } from '../../projection/row-lists.ts'
import { openApiDocument } from './document.ts'

const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ')

const FILES = {
  '/docs': ['page.html', 'text/html; charset=utf-8'],
  '/docs/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/docs/page.css': ['page.css', 'text/css; charset=utf-8'],
} as const

export function createDocs(rows: RowLists): Hono {
  const app = new Hono()
  const document = JSON.stringify(openApiDocument(rows))
  const headers = { 'Cache-Control': 'no-cache' }
  app.get('/openapi.json', (context) => context.body(document, 200, { ...headers, 'Content-Type': 'application/json' }))
  for (const [path, [file, type]] of Object.entries(FILES)) {
    const text = readFileSync(new URL(`./page/${file}`, import.meta.url), 'utf8')
    app.get(path, (context) => {
      return context.body(text, 200, { ...headers, 'Content-Type': type, 'Content-Security-Policy': POLICY })
    })
  }
  return app
}
