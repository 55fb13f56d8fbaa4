import { expect, test } from 'vitest'
import { classifyFailure, faultOf } from '../../../server/projection/failure.ts'

const refusal = (code: string, more: object = {}): Error =>
  Object.assign(new Error('value "Ada" is too bad'), {
    name: 'PostgresError',
    code,
    detail: 'Failing row contains (Ada).',
    ...more,
  })

test.each([
  ['08001', 'refused'],
  ['25006', 'refused'],
  ['53200', 'refused'],
  ['57P01', 'refused'],
  ['58030', 'refused'],
  ['55P03', 'busy'],
  ['40P01', 'busy'],
  ['40001', 'busy'],
  ['57014', 'refused'],
  ['22003', 'refused'],
  ['23514', 'refused'],
  ['42703', 'refused'],
  ['54000', 'refused'],
  ['P0001', 'refused'],
  ['XX001', 'refused'],
])('an answer with SQLSTATE %s means that the records are %s', (code, failure) => {
  expect(classifyFailure(refusal(code, { severity: 'ERROR', severity_local: 'FEHLER' }))).toBe(failure)
})

test.each(['CONNECTION_CLOSED', 'CONNECT_TIMEOUT', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT'])(
  'an error %s of driver or network: lost',
  (code) => {
    expect(classifyFailure(Object.assign(new Error(`write ${code}`), { code }))).toBe('lost')
  },
)

test('the database’s last word on a connection: lost, whatever it is', () => {
  for (const severity of ['FATAL', 'PANIC']) expect(classifyFailure(refusal('XX000', { severity }))).toBe('lost')
  expect(classifyFailure(refusal('57P01', { severity: 'FATAL', severity_local: 'SCHWERWIEGEND' }))).toBe('lost')
})

test.each([
  new TypeError('of our own making'),
  Object.assign(new Error('64k'), { code: 'MAX_PARAMETERS_EXCEEDED' }),
  'text',
  undefined,
])('anything else is a record’s own fault, and keeps nobody else from being projected', (thrown) => {
  expect(classifyFailure(thrown)).toBe('refused')
})

test('a fault names condition and place, and never a value', () => {
  const told = { table_name: 'contacts', constraint_name: 'no_vip', schema_name: 'public' }
  expect(faultOf(refusal('23514', told))).toBe(
    'The database refuses the rows: check_violation (23514), table contacts, constraint no_vip.',
  )
  expect(faultOf(refusal('23502', { table_name: 'contacts', column_name: 'score' }))).toBe(
    'The database refuses the rows: not_null_violation (23502), table contacts, column score.',
  )
  expect(faultOf(refusal('22003'))).toBe('The database refuses the rows: numeric_value_out_of_range (22003).')
  expect(faultOf(refusal('2201B'))).toBe('The database refuses the rows: SQLSTATE 2201B.')
  expect(faultOf(new Error('value "Ada"'))).toBe('The rows could not be written.')
})
