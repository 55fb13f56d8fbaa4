/** Values as people write them: read where there is one way to read them, and otherwise left as they are, with a reason. */
import { contact } from '@rapport/shared/records/contact.ts'
import { contactPoints } from '@rapport/shared/records/contact-points.ts'
import { boolean, date, email, money, number, oneOf, phone, type Register, string, url } from '@rapport/shared/schema/register.ts'
import { checkRegister } from '@rapport/shared/schema/value-rules.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splitName } from '../../../server/import/names.ts'
import { customValue, type DateOrder, registerValue } from '../../../server/import/values.ts'

function value(register: Register, text: string, order?: DateOrder): unknown {
  const typed = registerValue(register, text, {}, order)
  return 'value' in typed ? typed.value : typed.reason
}

const NO_DATE = 'it is not a whole date'
const UNCLEAR = 'day and month cannot be told apart'
const NO_AMOUNT = 'it is not an amount'
const NO_NUMBER = 'it is not a number'
const NO_PHONE = 'it is not a telephone number'
const NO_URL = 'it is not a web address'
const NO_EMAIL = 'it is not an e-mail address'
const UNCLEAR_POINT = 'it is not clear whether its point stands before thousands or decimals'

describe('one value', () => {
  test.each<[Register, string, unknown, DateOrder?]>([
    [date(), '1980-04-03', '1980-04-03'],
    [date(), '1980/4/3', '1980-04-03'],
    [date(), '19800403', '1980-04-03'],
    [date(), '1980-04-03T00:00:00Z', '1980-04-03'],
    [date(), '1980-04-03 12:00', '1980-04-03'],
    [date(), '3.4.1980', '1980-04-03'],
    [date(), '03. 04. 1980', '1980-04-03'],
    [date(), '31/12/1980', '1980-12-31'],
    [date(), '12/31/1980', '1980-12-31'],
    [date(), '4/4/1980', '1980-04-04'],
    [date(), '3/4/1980', UNCLEAR],
    [date(), '3/4/1980', '1980-04-03', 'day-first'],
    [date(), '3/4/1980', '1980-03-04', 'month-first'],
    [date(), '3-4-1980', '1980-03-04', 'month-first'],
    [date(), '31/12/1980', '1980-12-31', 'month-first'],
    [date(), '30/2/1980', NO_DATE],
    [date(), '1980115', NO_DATE],
    [date(), '--04-15', NO_DATE],
    [date(), '1980', NO_DATE],
    [date(), '3/4/80', NO_DATE],
    [date(), 'in spring', NO_DATE],
    [money(), '1250', '1250'],
    [money(), '1250.5', '1250.5'],
    [money(), '1,250.00', '1250.00'],
    [money(), '1.250,00 €', '1250.00'],
    [money(), '1 250,50', '1250.50'],
    [money(), "CHF 1'250.50", '1250.50'],
    [money(), '1,250', '1250'],
    [money(), '1.250', UNCLEAR_POINT],
    [money(), '0.125', '0.125'],
    [money(), '1.250.000', '1250000'],
    [money(), '-$1,250.75', '-1250.75'],
    [money(), '1250.0000', '1250.0000'],
    [money(), '1,25,000', NO_AMOUNT],
    [money(), '5 mio', NO_AMOUNT],
    [money(), '10k', NO_AMOUNT],
    [money(), 'much', NO_AMOUNT],
    [money(), '99999999999999999999', NO_AMOUNT],
    [number(), '7.5', 7.5],
    [number(), '1.250', 1.25],
    [number(), '7,5', 7.5],
    [number({ integer: true, minimum: 0 }), '1,250', 1250],
    [number({ integer: true, minimum: 0 }), '1.250', NO_NUMBER],
    [number({ integer: true, minimum: 0 }), '50-100', NO_NUMBER],
    [boolean(), 'Yes', true],
    [boolean(), 'FALSE', false],
    [boolean(), 'perhaps', 'it is neither yes nor no'],
    [email(), 'ann@x.example', 'ann@x.example'],
    [email(), 'mailto:ann@x.example', 'ann@x.example'],
    [email(), '"Lee, Ann" <ann@x.example>', 'ann@x.example'],
    [email(), 'ann at x.example', NO_EMAIL],
    [phone(), '+49 30 1234-0', '+49 30 1234-0'],
    [phone(), 'tel:+1-503-555-0142;ext=7', '+1-503-555-0142 ext 7'],
    [phone(), '+49 30 1234\u20110 Durchwahl 12', '+49 30 1234-0 ext 12'],
    [phone(), '503.555.0142 #9', '503.555.0142 ext 9'],
    [phone(), 'call reception', NO_PHONE],
    [phone(), '0800 FLOWERS', NO_PHONE],
    [url(), 'https://x.example/a', 'https://x.example/a'],
    [url(), 'www.x.example', 'https://www.x.example'],
    [url(), 'x.example:8080/a?b', 'https://x.example:8080/a?b'],
    [url(), 'bücher.example', 'https://bücher.example'],
    [url(), 'ftp://x.example', NO_URL],
    [url(), 'javascript:alert(1)', NO_URL],
    [url(), 'localhost', NO_URL],
    [url(), 'see our brochure', NO_URL],
    [oneOf(['lead', 'former']), ' LEAD ', 'lead'],
    [oneOf(['lead', 'former']), 'other', 'it is not one of lead, former'],
    [string({ maxLength: 3 }), 'abcd', 'it is longer than 3 characters'],
  ])('%o of %s is %s', (register, text, expected, order) => {
    expect(value(register, text, order)).toEqual(expected)
  })

  test('whatever is written, what is read from it fits the field', () => {
    const registers = [
      ...Object.values(contact.fields),
      contactPoints.emails.columns.address,
      contactPoints.phones.columns.number,
    ]
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.string({ unit: fc.constantFrom(...'0123456789.,/-: +€()x@'), maxLength: 20 }),
      fc.date({ noInvalidDate: true }).map((day) => day.toISOString()),
      fc.webUrl(),
      fc.emailAddress(),
    )
    fc.assert(
      fc.property(
        fc.constantFrom<Register>(...registers),
        text,
        fc.constantFrom(undefined, 'day-first', 'month-first'),
        (register, given, order) => {
          const typed = registerValue(register, given, {}, order)
          if ('value' in typed) expect(checkRegister(register, typed.value)).toBeUndefined()
          else expect(typed.reason).not.toBe('')
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

test.each([
  ['text', '007', '007'],
  ['number', '007', 7],
  ['number', '7,5', 7.5],
  ['boolean', 'no', false],
] as const)('a custom field as %s of %s', (as, text, expected) => {
  expect(customValue(text, { as })).toEqual({ value: expected })
})

test.each([
  ['Ann Lee', 'Ann', 'Lee'],
  ['Lee, Ann', 'Ann', 'Lee'],
  ['Ann', 'Ann', ''],
  ['Ann Mary Lee', 'Ann Mary', 'Lee'],
  ['Ludwig van Beethoven', 'Ludwig', 'van Beethoven'],
  ['María de la Cruz', 'María', 'de la Cruz'],
  ['van Beethoven', 'van', 'Beethoven'],
  ['John Smith, Jr.', 'John Smith,', 'Jr.'],
])('the name %s', (full, first, last) => {
  expect(splitName(full)).toEqual({ first, last })
})
