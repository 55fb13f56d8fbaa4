import { resolve } from 'node:path'
import { SyncError } from '@rapport/shared/errors.ts'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../server/config.ts'

describe('the configuration', () => {
  test('has the documented defaults', () => {
    expect(readConfig({})).toEqual({
      host: '127.0.0.1',
      port: 4100,
      databaseUrl: undefined,
      sqlPort: undefined,
      dataDirectory: resolve('.data'),
      audience: 'rapport',
      samples: true,
      feedRetentionDays: 30,
      webhookAllow: [],
      logLevel: 'info',
      limits: {
        frameBytes: 4_194_304,
        recordBytes: 16_777_216,
        socketBufferBytes: 1_048_576,
        updatesPerSecond: 500,
        bytesPerSecond: 8_388_608,
      },
    })
  })

  test('is read from the variables, and an empty one counts as unset', () => {
    const config = readConfig({
      PORT: '0',
      HOST: '0.0.0.0',
      DATABASE_URL: 'postgresql://a,b:5433/x',
      RAPPORT_DATA_DIR: '/srv/rapport',
      RAPPORT_AUDIENCE: '',
      RAPPORT_SAMPLES: 'off',
      LOG_LEVEL: 'warn',
      RAPPORT_FEED_RETENTION_DAYS: '7',
      RAPPORT_WEBHOOK_ALLOW: '127.0.0.1, ::1,10.0.0.0/8',
      RAPPORT_RATE_UPDATES_PER_S: '0',
    })
    expect(config).toMatchObject({
      port: 0,
      host: '0.0.0.0',
      databaseUrl: 'postgresql://a,b:5433/x',
      dataDirectory: '/srv/rapport',
      audience: 'rapport',
      samples: false,
      logLevel: 'warn',
      feedRetentionDays: 7,
      webhookAllow: [
        { address: '127.0.0.1', bits: 32 },
        { address: '::1', bits: 128 },
        { address: '10.0.0.0', bits: 8 },
      ],
      limits: { updatesPerSecond: 0 },
    })
    expect(readConfig({ RAPPORT_SQL_PORT: '5499', DATABASE_URL: '' })).toMatchObject({ sqlPort: 5499, databaseUrl: undefined })
    expect(Object.isFrozen(config) && Object.isFrozen(config.limits)).toBe(true)
  })

  test.each([
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['PORT', '1e3'],
    ['DATABASE_URL', 'mysql://secret@x/y'],
    ['RAPPORT_FEED_RETENTION_DAYS', '0'],
    ['RAPPORT_WEBHOOK_ALLOW', 'localhost'],
    ['RAPPORT_WEBHOOK_ALLOW', '10.0.0.0/33'],
    ['RAPPORT_SQL_PORT', '0'],
    ['RAPPORT_SQL_PORT', '65536'],
    ['RAPPORT_SQL_PORT', 'secret'],
    ['RAPPORT_SAMPLES', 'secret'],
    ['LOG_LEVEL', 'secret'],
    ['RAPPORT_MAX_FRAME_BYTES', '0'],
    ['RAPPORT_MAX_RECORD_BYTES', '99999999999999'],
    ['RAPPORT_SOCKET_BUFFER_BYTES', ' 1'],
    ['RAPPORT_RATE_UPDATES_PER_S', '1.5'],
    ['RAPPORT_RATE_BYTES_PER_S', 'secret'],
  ])('ends the start with one sentence that names %s, and not its value (%s)', (name, value) => {
    const read = (): unknown => readConfig({ [name]: value })
    expect(read).toThrow(SyncError)
    expect(read).toThrow(new RegExp(`^[^.]*${name}[^.]*\\.$|^${name}[^\\n]*\\.$`))
    expect(read).not.toThrow(/secret/)
  })
  test.each([
    [{ DATABASE_URL: 'postgres://secret@x/y' }, 'DATABASE_URL'],
    [{ PORT: '5499' }, 'PORT'],
  ])('does not let RAPPORT_SQL_PORT stand beside %j', (environment, named) => {
    const read = (): unknown => readConfig({ ...environment, RAPPORT_SQL_PORT: '5499' })
    expect(read).toThrow(SyncError)
    expect(read).toThrow(new RegExp(`^RAPPORT_SQL_PORT [^.\\n]*\\b${named}\\.$`))
    expect(read).not.toThrow(/secret/)
  })
})
