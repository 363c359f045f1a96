import type { Case } from '../case.ts'
import type { TokenBucketRule } from './step.ts'

const second = 1_000_000
const three: TokenBucketRule = { capacity: 3, tokens: 1, every: 10 * second, unit: 1 }

/** The table that every implementation of the token bucket passes. */
export const cases: Case<TokenBucketRule>[] = [
  {
    title: 'starts full, admits its capacity at once and not one more',
    rule: three,
    steps: [
      { at: 100, admitted: true, remaining: 2, resetAfter: 10 },
      { at: 100, admitted: true, remaining: 1, resetAfter: 20 },
      { at: 100, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 100, admitted: false, retryAfter: 10, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'refills continuously, not in steps',
    rule: { ...three, tokens: 2 },
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 15 },
      { at: 102.5, admitted: false, retryAfter: 2.5, remaining: 0, resetAfter: 12.5 },
      { at: 105, admitted: true, remaining: 0, resetAfter: 15 },
      { at: 117.5, cost: 2, admitted: true, remaining: 0, resetAfter: 12.5 },
      { at: 120, admitted: true, remaining: 0, resetAfter: 15 },
    ],
  },
  {
    title: 'a token that takes no whole number of microseconds is there in the first one after it',
    rule: { capacity: 1, tokens: 3, every: second, unit: 1 },
    steps: [
      { at: 100, admitted: true, remaining: 0, resetAfter: 0.333334 },
      { at: 100.333333, admitted: false, retryAfter: 0.000001, remaining: 0, resetAfter: 0.000001 },
      { at: 100.333334, admitted: true, remaining: 0, resetAfter: 0.333334 },
    ],
  },
  {
    title: 'parts of a token are kept to the last',
    rule: { capacity: 2, tokens: 3, every: second, unit: 1 },
    steps: [
      { at: 100, cost: 2, admitted: true, remaining: 0, resetAfter: 0.666667 },
      { at: 100.333334, admitted: true, remaining: 0, resetAfter: 0.666666 },
      { at: 100.666667, admitted: true, remaining: 0, resetAfter: 0.666667 },
    ],
  },
  {
    title: 'never holds more than its capacity',
    rule: three,
    steps: [
      { at: 100, admitted: true, remaining: 2, resetAfter: 10 },
      { at: 1_000, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 1_000, admitted: false, retryAfter: 10, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'a denial takes nothing',
    rule: three,
    steps: [
      { at: 100, cost: 2, admitted: true, remaining: 1, resetAfter: 20 },
      { at: 100, cost: 2, admitted: false, retryAfter: 10, remaining: 1, resetAfter: 20 },
      { at: 100, admitted: true, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'cost 0 passes while no more than the capacity is gone and takes nothing',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 100, cost: 0, admitted: true, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'a cost above the capacity is never admitted',
    rule: three,
    steps: [{ at: 100, cost: 4, admitted: false, retryAfter: null, remaining: 3, resetAfter: 0 }],
  },
  {
    title: 'capacity 0 denies everything that costs',
    rule: { ...three, capacity: 0 },
    steps: [
      { at: 100, admitted: false, retryAfter: null, remaining: 0, resetAfter: 0 },
      { at: 100, cost: 0, admitted: true, remaining: 0, resetAfter: 0 },
    ],
  },
  {
    title: 'a lowered capacity leaves fewer than no tokens, which have to come back first',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      {
        at: 100,
        cost: 0,
        rule: { ...three, capacity: 1 },
        admitted: false,
        retryAfter: 20,
        remaining: 0,
        resetAfter: 30,
      },
      {
        at: 100,
        rule: { ...three, capacity: 1 },
        admitted: false,
        retryAfter: 30,
        remaining: 0,
        resetAfter: 30,
      },
      { at: 120, cost: 0, rule: { ...three, capacity: 1 }, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 130, rule: { ...three, capacity: 1 }, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'a raised capacity gives the difference',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      {
        at: 100,
        cost: 3,
        rule: { ...three, capacity: 5 },
        admitted: false,
        retryAfter: 10,
        remaining: 2,
        resetAfter: 30,
      },
      { at: 100, cost: 2, rule: { ...three, capacity: 5 }, admitted: true, remaining: 0, resetAfter: 50 },
    ],
  },
  {
    title: 'another refill keeps the tokens',
    rule: three,
    steps: [
      { at: 100, cost: 2, admitted: true, remaining: 1, resetAfter: 20 },
      { at: 100, rule: { ...three, every: 20 * second }, admitted: true, remaining: 0, resetAfter: 60 },
      {
        at: 110,
        cost: 0,
        rule: { ...three, every: 20 * second },
        admitted: true,
        remaining: 0,
        resetAfter: 50,
      },
      {
        at: 110,
        rule: { ...three, every: 3 * second },
        admitted: false,
        retryAfter: 1.5,
        remaining: 0,
        resetAfter: 7.5,
      },
    ],
  },
  {
    title: 'an edit takes effect at its time: what came back before came at the old rate',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      {
        at: 106,
        rule: { ...three, every: second, replaced: { rule: three, at: 105 * second } },
        admitted: true,
        remaining: 0,
        resetAfter: 2.5,
      },
    ],
  },
  {
    title: 'an edit without a time is one right after the last request',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 102, cost: 2, rule: { ...three, every: second }, admitted: true, remaining: 0, resetAfter: 3 },
    ],
  },
  {
    title: 'a unit of a second sees whole seconds',
    rule: { ...three, unit: second },
    steps: [
      { at: 100.9, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 109.9, admitted: false, retryAfter: 1, remaining: 0, resetAfter: 21 },
      { at: 110, admitted: true, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'a coarser unit sees the last request in its own tick, and keeps what is missing',
    rule: three,
    steps: [
      { at: 100.5, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      {
        at: 100.5,
        rule: { ...three, unit: second },
        admitted: false,
        retryAfter: 10,
        remaining: 0,
        resetAfter: 30,
      },
      {
        at: 109.9,
        rule: { ...three, unit: second },
        admitted: false,
        retryAfter: 1,
        remaining: 0,
        resetAfter: 21,
      },
      { at: 110, rule: { ...three, unit: second }, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 120, rule: three, admitted: true, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'a coarser unit rounds up what is missing: here 5.000001 s of refill to 6 s',
    rule: three,
    steps: [
      { at: 100, admitted: true, remaining: 2, resetAfter: 10 },
      { at: 104.999999, cost: 0, admitted: true, remaining: 2, resetAfter: 5.000001 },
      {
        at: 104.999999,
        cost: 0,
        rule: { ...three, unit: second },
        admitted: true,
        remaining: 2,
        resetAfter: 6,
      },
    ],
  },
  {
    title: 'a clock that goes back neither gives nor takes',
    rule: three,
    steps: [
      { at: 115, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 99, admitted: false, retryAfter: 10, remaining: 0, resetAfter: 30 },
      { at: 125, admitted: true, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'a clock that jumps ahead finds the bucket full',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 1_000_000_003, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
    ],
  },
  {
    title: 'tokens that are given back are there at once, parts of a token are kept, and it never overflows',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 105, giveBack: 1, cost: 2, admitted: false, retryAfter: 5, remaining: 1, resetAfter: 15 },
      { at: 110, cost: 2, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 112, giveBack: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 30 },
      { at: 112, giveBack: 0, admitted: false, retryAfter: 10, remaining: 0, resetAfter: 30 },
    ],
  },
]
