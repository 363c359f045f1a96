import type { Case } from '../case.ts'
import type { SlidingWindowRule } from './step.ts'

const second = 1_000_000
const four: SlidingWindowRule = { limit: 4, window: 10 * second, unit: 1 }
const minute: SlidingWindowRule = { ...four, window: 60 * second }

/** The table that every implementation of the sliding window passes. */
export const cases: Case<SlidingWindowRule>[] = [
  {
    title: 'admits the limit and not one more',
    rule: four,
    steps: [
      { at: 100, admitted: true, remaining: 3, resetAfter: 10 },
      { at: 101, cost: 2, admitted: true, remaining: 1, resetAfter: 9 },
      { at: 102, admitted: true, remaining: 0, resetAfter: 8 },
      { at: 103, admitted: false, retryAfter: 9.5, remaining: 0, resetAfter: 7 },
    ],
  },
  {
    title: 'the last window counts by its overlap, to the microsecond',
    rule: four,
    steps: [
      { at: 109, cost: 4, admitted: true, remaining: 0, resetAfter: 1 },
      { at: 110, admitted: false, retryAfter: 2.5, remaining: 0, resetAfter: 10 },
      { at: 112.499999, admitted: false, retryAfter: 0.000001, remaining: 0, resetAfter: 7.500001 },
      { at: 112.5, admitted: true, remaining: 0, resetAfter: 7.5 },
      { at: 112.5, admitted: false, retryAfter: 2.5, remaining: 0, resetAfter: 7.5 },
      { at: 115, admitted: true, remaining: 0, resetAfter: 5 },
    ],
  },
  {
    title: 'an overlap that is no whole number is never rounded in favour of a request',
    rule: { limit: 3, window: 7, unit: 1 },
    steps: [
      { at: 0.000007, cost: 2, admitted: true, remaining: 1, resetAfter: 0.000007 },
      { at: 0.000015, admitted: true, remaining: 0, resetAfter: 0.000006 },
      { at: 0.000016, admitted: false, retryAfter: 0.000002, remaining: 0, resetAfter: 0.000005 },
      { at: 0.000017, admitted: false, retryAfter: 0.000001, remaining: 0, resetAfter: 0.000004 },
      { at: 0.000018, admitted: true, remaining: 0, resetAfter: 0.000003 },
    ],
  },
  {
    title: 'a denial takes nothing',
    rule: four,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 1, resetAfter: 10 },
      { at: 100, cost: 2, admitted: false, retryAfter: 13.333334, remaining: 1, resetAfter: 10 },
      { at: 100, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'the whole limit at once has to wait until nothing is left',
    rule: four,
    steps: [
      { at: 100, admitted: true, remaining: 3, resetAfter: 10 },
      { at: 101, cost: 4, admitted: false, retryAfter: 19, remaining: 3, resetAfter: 9 },
      { at: 119.999999, cost: 4, admitted: false, retryAfter: 0.000001, remaining: 3, resetAfter: 0.000001 },
      { at: 120, cost: 4, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'cost 0 passes while the count is within the limit and takes nothing',
    rule: four,
    steps: [
      { at: 100, cost: 4, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 100, cost: 0, admitted: true, remaining: 0, resetAfter: 10 },
      {
        at: 100,
        cost: 0,
        rule: { ...four, limit: 2 },
        admitted: false,
        retryAfter: 15,
        remaining: 0,
        resetAfter: 10,
      },
    ],
  },
  {
    title: 'a cost above the limit is never admitted',
    rule: four,
    steps: [{ at: 100, cost: 5, admitted: false, retryAfter: null, remaining: 4, resetAfter: 10 }],
  },
  {
    title: 'limit 0 denies everything that costs',
    rule: { ...four, limit: 0 },
    steps: [
      { at: 100, admitted: false, retryAfter: null, remaining: 0, resetAfter: 10 },
      { at: 100, cost: 0, admitted: true, remaining: 0, resetAfter: 10 },
    ],
  },
  {
    title: 'lowering the limit denies until usage falls below, raising it gives the difference',
    rule: four,
    steps: [
      { at: 100, cost: 4, admitted: true, remaining: 0, resetAfter: 10 },
      {
        at: 100,
        rule: { ...four, limit: 2 },
        admitted: false,
        retryAfter: 17.5,
        remaining: 0,
        resetAfter: 10,
      },
      { at: 100, rule: { ...four, limit: 6 }, admitted: true, remaining: 1, resetAfter: 10 },
    ],
  },
  {
    title: 'a new window starts with what the old one estimated, rounded up',
    rule: four,
    steps: [
      { at: 109, cost: 3, admitted: true, remaining: 1, resetAfter: 1 },
      {
        at: 116,
        rule: { ...minute, replaced: { rule: four, at: 115 * second } },
        admitted: true,
        remaining: 1,
        resetAfter: 4,
      },
      { at: 120, rule: minute, admitted: true, remaining: 0, resetAfter: 60 },
    ],
  },
  {
    title: 'an edit without a time is one right after the last request',
    rule: four,
    steps: [
      { at: 109, cost: 3, admitted: true, remaining: 1, resetAfter: 1 },
      { at: 116, rule: minute, cost: 0, admitted: true, remaining: 1, resetAfter: 4 },
    ],
  },
  {
    title: 'a unit of a second sees whole seconds',
    rule: { ...four, unit: second },
    steps: [
      { at: 109.7, cost: 4, admitted: true, remaining: 0, resetAfter: 1 },
      { at: 112.9, admitted: false, retryAfter: 1, remaining: 0, resetAfter: 8 },
      { at: 113, admitted: true, remaining: 0, resetAfter: 7 },
    ],
  },
  {
    title: 'a coarser unit sees time rounded down, so that nothing of the usage is lost',
    rule: four,
    steps: [
      { at: 109.999999, cost: 4, admitted: true, remaining: 0, resetAfter: 0.000001 },
      {
        at: 109.999999,
        rule: { ...four, unit: second },
        admitted: false,
        retryAfter: 4,
        remaining: 0,
        resetAfter: 1,
      },
    ],
  },
  {
    title: 'a clock that goes back neither gives nor takes',
    rule: four,
    steps: [
      { at: 115, cost: 4, admitted: true, remaining: 0, resetAfter: 5 },
      { at: 99, admitted: false, retryAfter: 7.5, remaining: 0, resetAfter: 5 },
      { at: 122.5, admitted: true, remaining: 0, resetAfter: 7.5 },
    ],
  },
  {
    title: 'a clock that jumps ahead leaves nothing of what was used',
    rule: four,
    steps: [
      { at: 100, cost: 4, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 1_000_003, cost: 4, admitted: true, remaining: 0, resetAfter: 7 },
    ],
  },
  {
    title: 'what is given back comes from this window first',
    rule: four,
    steps: [
      { at: 109, cost: 2, admitted: true, remaining: 2, resetAfter: 1 },
      { at: 110, cost: 2, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 110, giveBack: 1, cost: 2, admitted: false, retryAfter: 5, remaining: 1, resetAfter: 10 },
      { at: 115, cost: 2, admitted: true, remaining: 0, resetAfter: 5 },
    ],
  },
  {
    title: 'of the last window no more comes back than counts now, rounded down',
    rule: four,
    steps: [
      { at: 109, cost: 4, admitted: true, remaining: 0, resetAfter: 1 },
      // Three quarters of 4 count: 1 of them is 4/3 of the last window, and 1 of that is given back.
      {
        at: 112.5,
        giveBack: 1,
        cost: 2,
        admitted: false,
        retryAfter: 0.833334,
        remaining: 1,
        resetAfter: 7.5,
      },
      // 2 are 4 of it, and there are 3.
      { at: 115, giveBack: 2, cost: 4, admitted: true, remaining: 0, resetAfter: 5 },
    ],
  },
  {
    title: 'never more than was used',
    rule: four,
    steps: [
      { at: 109, cost: 2, admitted: true, remaining: 2, resetAfter: 1 },
      { at: 110, cost: 2, admitted: true, remaining: 0, resetAfter: 10 },
      { at: 111, giveBack: 100, cost: 4, admitted: true, remaining: 0, resetAfter: 9 },
    ],
  },
]
