/**
 * Updates made to hurt a server, each as a generator with a name, at the size at which it was seen to hurt a plain
 * document. What they did there: wedge it for good, block the process for seconds, take hundreds of megabytes, or lose others' edits.
 */
import { gc, item, type Parts, POISONS } from '../unit/access/bytes.ts'
import {
  ATTACKER,
  chain,
  client,
  DELETED_IN_ROOT,
  MAP,
  NULL,
  nestedMaps,
  STRING_BEHIND,
  TYPE_BEHIND,
  times,
  update,
  versionTwo,
} from './poison-parts.ts'

export interface Poison {
  readonly name: string
  /** What the pre-scan makes of the last frame: its refusal says this, or it passes (and may be a gap, or the judge's to refuse). */
  readonly refusal?: string
  /** Updates, to be sent one after the other. */
  frames(): readonly Uint8Array[]
}

const SMALL: readonly Poison[] = POISONS.map(([name, refusal, bytes]) => ({ name, refusal, frames: () => [bytes] }))

const LARGE: readonly Poison[] = [
  {
    name: '12,000 maps in one another, and the outermost deleted, 96 kB',
    refusal: 'types nested too deep',
    frames: () => [update([client(5, 0, nestedMaps(5, 12_000))], [5, 1, 0, 1])],
  },
  {
    name: '4,000 maps in one another, each touched, 68 kB',
    refusal: 'types nested too deep',
    frames: () => [
      update([client(5, 0, [...nestedMaps(5, 4_000), ...times(4_000, (level): Parts => [0x28, 0, 5, level, 'b', 1, NULL])])]),
    ],
  },
  {
    name: '4,000 maps in one another, 60 a frame',
    frames: () =>
      times(67, (frame) =>
        update([client(ATTACKER, frame * 60, nestedMaps(ATTACKER, 4_020).slice(frame * 60, frame * 60 + 60))]),
      ),
  },
  ...[6_600, 13_800, 29_400].map(
    (clients): Poison => ({
      name: `${clients} clients with one struct each that can never be integrated`,
      refusal: 'too many clients',
      frames: () => [update(times(clients, (at) => client(ATTACKER + at, 5, [gc(1)])))],
    }),
  ),
  {
    name: '5,000 clients with one struct each that can never be integrated',
    frames: () => [update(times(5_000, (at) => client(ATTACKER + at, 5, [gc(1)])))],
  },
  ...[11_000, 18_000, 56_000].map(
    (roots): Poison => ({
      name: `${roots} roots`,
      refusal: 'too many roots',
      frames: () => [
        update([
          client(
            5,
            0,
            times(roots, (at) => [DELETED_IN_ROOT, 1, `r${at}`, 1]),
          ),
        ]),
      ],
    }),
  ),
  {
    name: '6,400 roots, 64 a frame',
    frames: () =>
      times(100, (frame) =>
        update([
          client(
            ATTACKER,
            frame * 64,
            times(64, (at) => [DELETED_IN_ROOT, 1, `r${frame}_${at}`, 1]),
          ),
        ]),
      ),
  },
  {
    name: '60,000 roots before a struct of no length, 492 kB',
    refusal: 'too many roots',
    frames: () => [update([client(5, 0, [...times(60_000, (at): Parts => [DELETED_IN_ROOT, 1, `${at}`, 1]), gc(0)])])],
  },
  {
    name: '6,000 items in a row, then 6,000 at their beginning, 102 kB',
    frames: () => [
      update([client(1, 0, chain(1, 6_000))]),
      update([
        client(
          ATTACKER,
          0,
          times(6_000, (at) => (at % 2 === 0 ? [4, 1, 'summary', 'y'] : [8, 1, 'summary', 1, NULL])),
        ),
      ]),
    ],
  },
  {
    name: '60,000 collected structs and 60,000 times the same deletion, 360 kB',
    refusal: 'deletions overlap',
    frames: () => [
      update(
        [
          client(
            5,
            0,
            times(60_000, () => gc(1)),
          ),
        ],
        [5, 60_000, ...times(60_000, () => [0, 60_000]).flat()],
      ),
    ],
  },
  {
    name: 'one key written by 4,000 new clients, a frame each, 76 kB',
    frames: () => times(4_000, (at) => update([client(ATTACKER + at, 0, [item(8, 1, NULL)])])),
  },
  {
    name: '30,000 writes to one key that lean on nothing, 390 kB',
    refusal: 'a key begun twice',
    frames: () => [
      update([
        client(
          5,
          0,
          times(30_000, () => item(8, 1, NULL)),
        ),
      ]),
    ],
  },
  {
    name: '100,000 new client ids, 700 kB',
    refusal: 'too many clients',
    frames: () => [update(times(100_000, (at) => client(at, 0, [gc(1)])))],
  },
  {
    name: '100,000 new client ids, 5,000 a frame',
    frames: () => times(20, (frame) => update(times(5_000, (at) => client(ATTACKER + frame * 5_000 + at, 0, [gc(1)])))),
  },
  {
    name: '50,000 documents in the document, 383 kB',
    refusal: 'document has no place',
    frames: () => [
      update([
        client(
          5,
          0,
          times(50_000, () => [9, 1, 'emails', 'g', Uint8Array.of(118, 0)]),
        ),
      ]),
    ],
  },
  {
    name: '100,000 maps side by side, 583 kB',
    refusal: 'too many shared types',
    frames: () => [
      update([
        client(
          5,
          0,
          times(100_000, (at) => (at === 0 ? [7, 1, 'notes', MAP] : [TYPE_BEHIND, 5, at - 1, MAP])),
        ),
      ]),
    ],
  },
  {
    name: '50,000 maps side by side',
    frames: () => [
      update([
        client(
          ATTACKER,
          0,
          times(50_000, (at) => (at === 0 ? [7, 1, 'notes', MAP] : [TYPE_BEHIND, ATTACKER, at - 1, MAP])),
        ),
      ]),
    ],
  },
  {
    name: '100,000 deletions of what nobody has, 395 kB',
    frames: () => [update([], [5, 100_000, ...times(100_000, (at) => [at * 2, 1]).flat()])],
  },
  { name: 'version 2: 2^24 collected structs in 25 bytes', refusal: '', frames: () => [versionTwo(2 ** 24)] },
  { name: 'version 2: a million collected structs in 23 bytes', refusal: '', frames: () => [versionTwo(1_000_000)] },
  {
    name: "2^31 clocks under another client's id",
    frames: () => [update([client(3, 0, [gc(2 ** 31)])])],
  },
  { name: 'a deletion of 2^31 clocks to come', frames: () => [update([], [5, 1, 0, 2 ** 31])] },
  {
    name: 'a sound write and one that leans on what nobody has',
    frames: () => [update([client(ATTACKER, 0, [item(4, 'x'), [STRING_BEHIND, 9, 9, 'y']])])],
  },
  {
    name: 'two clients that lean on each other',
    refusal: 'in a circle',
    frames: () => [update([client(9, 0, [[STRING_BEHIND, 8, 0, 'x']]), client(8, 0, [[STRING_BEHIND, 9, 0, 'y']])])],
  },
  {
    name: 'a thousand clients that lean on each other in a ring',
    refusal: 'in a circle',
    frames: () => [
      update(times(1_000, (at) => client(ATTACKER + at, 0, [[STRING_BEHIND, ATTACKER + ((at + 1) % 1_000), 0, 'x']]))),
    ],
  },
  {
    name: 'a key of 2 kB',
    refusal: 'name too long',
    frames: () => [update([client(5, 0, [[0x28, 1, 'fields', 'k'.repeat(2_048), 1, NULL]])])],
  },
  {
    name: 'a million tiny structs',
    frames: () => [
      update([
        client(
          ATTACKER,
          0,
          times(1_000_000, () => gc(1)),
        ),
      ]),
    ],
  },
  {
    name: 'a million and one structs',
    refusal: 'too many structs',
    frames: () => [
      update([
        client(
          ATTACKER,
          0,
          times(1_000_001, () => gc(1)),
        ),
      ]),
    ],
  },
  ...['__proto__', 'constructor', 'toString'].map(
    (key): Poison => ({
      name: `the key ${key}`,
      frames: () => [
        update([client(ATTACKER, 0, [[0x28, 1, 'fields', key, 1, Uint8Array.of(118, 1), 'isAdmin', Uint8Array.of(120)]])]),
      ],
    }),
  ),
  ...(
    [
      ['a 64-bit integer', [Uint8Array.of(122, 0, 0, 0, 0, 0, 0, 0, 1)]],
      ['not a number', [Uint8Array.of(123, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)]],
      ['bytes', [Uint8Array.of(116, 1, 9)]],
      ['nothing that JSON knows', [Uint8Array.of(127)]],
      ['the character NUL', [Uint8Array.of(119), 'a\0b']],
      ['the year 300000', [Uint8Array.of(119), '300000-01-01']],
      ['a prototype', [Uint8Array.of(118, 1), '__proto__', Uint8Array.of(118, 0)]],
    ] as const satisfies readonly (readonly [string, Parts])[]
  ).map(
    ([what, value]): Poison => ({
      name: `a field's value is ${what}`,
      frames: () => [update([client(ATTACKER, 0, [[0x28, 1, 'fields', 'birthday', 1, ...value]])])],
    }),
  ),
]

export const UPDATE_POISONS: readonly Poison[] = [...SMALL, ...LARGE]
