import { expect, test } from 'vitest'
import { reaching } from '../../../server/log/reaching.ts'

const failure = (code: string) => Object.assign(new Error('failed'), { name: 'PostgresError', code })

test('what was read is handed on', async () => {
  expect(await reaching(Promise.resolve(7))).toBe(7)
})

test.each([
  ['22021', 'internal'],
  ['08006', 'overload'],
  ['57014', 'overload'],
])('P10: a failure of class %s is %s: only what may be asked again is told to be', async (code, told) => {
  const cause = failure(code)
  await expect(reaching(Promise.reject(cause))).rejects.toMatchObject({ code: told, cause })
})
