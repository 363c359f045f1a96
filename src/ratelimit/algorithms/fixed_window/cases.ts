import type { Micros } from '../algorithm.ts'
import type { Case } from '../case.ts'
import type { FixedWindowRule } from './step.ts'

const second: Micros = 1_000_000
const three: FixedWindowRule = { limit: 3, window: 10 * second }

/** The table that every implementation of the fixed window passes. */
export const cases: Case<FixedWindowRule>[] = [
  {
    title: 'admits the limit and not one more',
    rule: three,
    steps: [
      { at: 100, admitted: true, remaining: 2, resetAfter: 10 },
      { at: 101, admitted: true, remaining: 1, resetAfter: 9 },
      { at: 102, admitted: true, remaining: 0, resetAfter: 8 },
      { at: 103, admitted: false, retryAfter: 7, remaining: 0, resetAfter: 7 },
    ],
  },
  {
    title: 'windows are aligned to the epoch, not to the first request',
    rule: three,
    steps: [
      { at: 109, cost: 3, admitted: true, remaining: 0, resetAfter: 1 },
      { at: 109.999999, admitted: false, retryAfter: 0.000001, remaining: 0, resetAfter: 0.000001 },
      { at: 110, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'a denial takes nothing',
    rule: three,
    steps: [
      { at: 100, cost: 2, admitted: true, remaining: 1, resetAfter: 10 },
      { at: 100, cost: 2, admitted: false, retryAfter: 10, remaining: 1, resetAfter: 10 },
      { at: 100, cost: 1, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'cost 0 passes while the count is within the limit and takes nothing',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 100, cost: 0, admitted: true, remaining: 0, resetAfter: 10 },
      {
        at: 100,
        cost: 0,
        rule: { ...three, limit: 2 },
        admitted: false,
        retryAfter: 10,
        remaining: 0,
        resetAfter: 10,
      },
    ],
  },
  {
    title: 'a cost above the limit is never admitted',
    rule: three,
    steps: [{ at: 100, cost: 4, admitted: false, retryAfter: null, remaining: 3, resetAfter: 10 }],
  },
  {
    title: 'limit 0 denies everything that costs',
    rule: { limit: 0, window: 10 * second },
    steps: [
      { at: 100, admitted: false, retryAfter: null, remaining: 0, resetAfter: 10 },
      { at: 100, cost: 0, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'lowering the limit denies until usage falls below, raising it gives the difference',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 101, rule: { ...three, limit: 2 }, admitted: false, retryAfter: 9, remaining: 0, resetAfter: 9 },
      { at: 102, rule: { ...three, limit: 5 }, admitted: true, remaining: 1, resetAfter: 8 },
    ],
  },
  {
    title: 'a new window length keeps what is used',
    rule: three,
    steps: [
      { at: 100, cost: 2, admitted: true, remaining: 1, resetAfter: 10 },
      { at: 105, rule: { limit: 3, window: 60 * second }, admitted: true, remaining: 0, resetAfter: 15 },
      {
        at: 119,
        rule: { limit: 3, window: 60 * second },
        admitted: false,
        retryAfter: 1,
        remaining: 0,
        resetAfter: 1,
      },
    ],
  },
  {
    title: 'a clock that goes back neither gives nor takes',
    rule: three,
    steps: [
      { at: 115, cost: 3, admitted: true, remaining: 0, resetAfter: 5 },
      { at: 99, admitted: false, retryAfter: 5, remaining: 0, resetAfter: 5 },
      { at: 120, admitted: true, remaining: 2, resetAfter: 10 },
    ],
  },
  {
    title: 'a clock that jumps ahead starts the window of its time',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 1_000_003, admitted: true, remaining: 2, resetAfter: 7 },
    ],
  },
  {
    title: 'an edit takes effect at its time: what was used by then is kept in the new window',
    rule: three,
    steps: [
      { at: 101, cost: 3, admitted: true, remaining: 0, resetAfter: 9 },
      {
        at: 111,
        rule: { limit: 3, window: 60 * second, replaced: { rule: three, at: 105 * second } },
        admitted: false,
        retryAfter: 9,
        remaining: 0,
        resetAfter: 9,
      },
    ],
  },
  {
    title: 'an edit takes effect at its time: what was over by then is not',
    rule: three,
    steps: [
      { at: 101, cost: 3, admitted: true, remaining: 0, resetAfter: 9 },
      {
        at: 111,
        rule: { limit: 3, window: 60 * second, replaced: { rule: three, at: 111 * second } },
        admitted: true,
        remaining: 2,
        resetAfter: 9,
      },
    ],
  },
  {
    title: 'what is given back may be taken again, and never more than was used',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 101, giveBack: 2, cost: 3, admitted: false, retryAfter: 9, remaining: 2, resetAfter: 9 },
      { at: 102, giveBack: 0, cost: 2, admitted: true, remaining: 0, resetAfter: 8 },
      { at: 103, giveBack: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 7 },
    ],
  },
  {
    title: 'a new window has nothing to give back',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 110, giveBack: 2, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'beyond a limit that was lowered, what is given back counts from what is used',
    rule: three,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 10 },
      {
        at: 101,
        giveBack: 1,
        rule: { ...three, limit: 1 },
        admitted: false,
        retryAfter: 9,
        remaining: 0,
        resetAfter: 9,
      },
    ],
  },
]
