import { expect, test } from 'vitest'
import { runMutants } from './mutation-run.ts'

test('P10: whatever is made of an honest update, the record can be read, loaded and edited afterwards', () => {
  const { mutants, scanned, reached } = runMutants(1, 2_000)
  expect(mutants).toBe(2_000)
  expect(scanned / mutants).toBeGreaterThan(0.2)
  expect(reached / mutants).toBeGreaterThan(0.2)
}, 120_000)
