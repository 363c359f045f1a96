import type { Case } from '../case.ts'
import type { LeakyBucketRule } from './step.ts'

const second = 1_000_000
/** A turn every half second. */
const two: LeakyBucketRule = { queue: 2, requests: 2, every: second, unit: 1 }
const thirds: LeakyBucketRule = { ...two, requests: 3 }

/** The table that every implementation of the leaky bucket passes. */
export const cases: Case<LeakyBucketRule>[] = [
  {
    title: 'an idle bucket admits its queue and one more; the last waits for the whole queue',
    rule: two,
    steps: [
      { at: 100, admitted: true, delay: 0, remaining: 2, resetAfter: 0.5 },
      { at: 100, admitted: true, delay: 0.5, remaining: 1, resetAfter: 1 },
      { at: 100, admitted: true, delay: 1, remaining: 0, resetAfter: 1.5 },
      { at: 100, admitted: false, retryAfter: 0.5, remaining: 0, resetAfter: 1.5 },
    ],
  },
  {
    title: 'turns come at a constant rate, whenever the requests come',
    rule: two,
    steps: [
      { at: 100, admitted: true, delay: 0, remaining: 2, resetAfter: 0.5 },
      { at: 100.3, admitted: true, delay: 0.2, remaining: 1, resetAfter: 0.7 },
      { at: 100.9, admitted: true, delay: 0.1, remaining: 1, resetAfter: 0.6 },
      { at: 101.5, admitted: true, delay: 0, remaining: 2, resetAfter: 0.5 },
      { at: 102.1, admitted: true, delay: 0, remaining: 2, resetAfter: 0.5 },
    ],
  },
  {
    title: 'a place is free in the microsecond its turn comes',
    rule: two,
    steps: [
      { at: 100, cost: 3, admitted: true, delay: 0, remaining: 0, resetAfter: 1.5 },
      { at: 100.499999, admitted: false, retryAfter: 0.000001, remaining: 0, resetAfter: 1.000001 },
      { at: 100.5, admitted: true, delay: 1, remaining: 0, resetAfter: 1.5 },
    ],
  },
  {
    title: 'a turn that takes no whole number of microseconds is exact; a wait is told rounded up',
    rule: thirds,
    steps: [
      { at: 100, admitted: true, delay: 0, remaining: 2, resetAfter: 0.333334 },
      { at: 100, admitted: true, delay: 0.333334, remaining: 1, resetAfter: 0.666667 },
      { at: 100, admitted: true, delay: 0.666667, remaining: 0, resetAfter: 1 },
      { at: 100.333333, admitted: false, retryAfter: 0.000001, remaining: 0, resetAfter: 0.666667 },
      { at: 100.333334, admitted: true, delay: 0.666666, remaining: 0, resetAfter: 1 },
    ],
  },
  {
    title: 'a request of several turns waits for the first and takes all',
    rule: two,
    steps: [
      { at: 100, admitted: true, delay: 0, remaining: 2, resetAfter: 0.5 },
      { at: 100, cost: 3, admitted: false, retryAfter: 0.5, remaining: 2, resetAfter: 0.5 },
      { at: 100, cost: 2, admitted: true, delay: 0.5, remaining: 0, resetAfter: 1.5 },
      { at: 101.5, cost: 3, admitted: true, delay: 0, remaining: 0, resetAfter: 1.5 },
    ],
  },
  {
    title: 'a denial takes no turn',
    rule: two,
    steps: [
      { at: 100, cost: 2, admitted: true, remaining: 1, resetAfter: 1 },
      { at: 100, cost: 2, admitted: false, retryAfter: 0.5, remaining: 1, resetAfter: 1 },
      { at: 100, admitted: true, delay: 1, remaining: 0, resetAfter: 1.5 },
    ],
  },
  {
    title: 'cost 0 never waits, passes while the queue is no more than full and takes nothing',
    rule: two,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 1.5 },
      { at: 100, cost: 0, admitted: true, delay: 0, remaining: 0, resetAfter: 1.5 },
      {
        at: 100,
        cost: 0,
        rule: { ...two, queue: 1 },
        admitted: false,
        retryAfter: 0.5,
        remaining: 0,
        resetAfter: 1.5,
      },
    ],
  },
  {
    title: 'a cost above the queue and one is never admitted',
    rule: two,
    steps: [{ at: 100, cost: 4, admitted: false, retryAfter: null, remaining: 3, resetAfter: 0 }],
  },
  {
    title: 'without a queue nobody waits, and the excess is dropped',
    rule: { ...two, queue: 0 },
    steps: [
      { at: 100, admitted: true, delay: 0, remaining: 0, resetAfter: 0.5 },
      { at: 100.25, admitted: false, retryAfter: 0.25, remaining: 0, resetAfter: 0.25 },
      { at: 100.5, admitted: true, delay: 0, remaining: 0, resetAfter: 0.5 },
    ],
  },
  {
    title: 'a shorter queue denies until the waits fit, a longer one gives the difference',
    rule: two,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 1.5 },
      {
        at: 100,
        rule: { ...two, queue: 0 },
        admitted: false,
        retryAfter: 1.5,
        remaining: 0,
        resetAfter: 1.5,
      },
      { at: 100, rule: { ...two, queue: 3 }, admitted: true, delay: 1.5, remaining: 0, resetAfter: 2 },
    ],
  },
  {
    title: 'another rate keeps the time of the waits',
    rule: two,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 1.5 },
      { at: 100.1, rule: { ...two, requests: 1 }, admitted: true, delay: 1.4, remaining: 0, resetAfter: 2.4 },
      {
        at: 100.4,
        rule: { ...two, requests: 1 },
        admitted: false,
        retryAfter: 0.1,
        remaining: 0,
        resetAfter: 2.1,
      },
      {
        at: 101.5,
        rule: { ...two, every: 2 * second },
        admitted: true,
        delay: 1,
        remaining: 1,
        resetAfter: 2,
      },
    ],
  },
  {
    title: 'a wait that is no whole number at the new rate is rounded up',
    rule: thirds,
    steps: [
      { at: 100, admitted: true, remaining: 2, resetAfter: 0.333334 },
      { at: 100, rule: two, admitted: true, delay: 0.333334, remaining: 1, resetAfter: 0.833334 },
    ],
  },
  {
    title: 'a unit of a second sees whole seconds, and waits are still told to the microsecond',
    rule: { ...thirds, unit: second },
    steps: [
      { at: 100.9, admitted: true, delay: 0, remaining: 2, resetAfter: 1 },
      { at: 100.9, admitted: true, delay: 0.333334, remaining: 1, resetAfter: 1 },
      { at: 100.9, admitted: true, delay: 0.666667, remaining: 0, resetAfter: 1 },
      { at: 100.99, admitted: false, retryAfter: 1, remaining: 0, resetAfter: 1 },
      { at: 101, admitted: true, delay: 0, remaining: 2, resetAfter: 1 },
    ],
  },
  {
    title: 'a coarser unit sees the last request in its own tick, and keeps the waits',
    rule: { ...two, every: 2 * second },
    steps: [
      { at: 100.25, cost: 2, admitted: true, remaining: 1, resetAfter: 2 },
      {
        at: 100.25,
        rule: { ...two, every: 2 * second, unit: second },
        admitted: true,
        delay: 2,
        remaining: 0,
        resetAfter: 3,
      },
      {
        at: 100.9,
        rule: { ...two, every: 2 * second, unit: second },
        admitted: false,
        retryAfter: 1,
        remaining: 0,
        resetAfter: 3,
      },
      { at: 101, rule: { ...two, every: 2 * second }, admitted: true, delay: 2, remaining: 0, resetAfter: 3 },
    ],
  },
  {
    title: 'a clock that goes back neither gives nor takes',
    rule: two,
    steps: [
      { at: 115, cost: 2, admitted: true, remaining: 1, resetAfter: 1 },
      { at: 99, admitted: true, delay: 1, remaining: 0, resetAfter: 1.5 },
      { at: 99, admitted: false, retryAfter: 0.5, remaining: 0, resetAfter: 1.5 },
      { at: 115.5, admitted: true, delay: 1, remaining: 0, resetAfter: 1.5 },
    ],
  },
  {
    title: 'a clock that jumps ahead finds the queue empty',
    rule: two,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 1.5 },
      { at: 1_000_000_003, admitted: true, delay: 0, remaining: 2, resetAfter: 0.5 },
    ],
  },
  {
    title: 'turns that are given back make the wait shorter, down to none',
    rule: two,
    steps: [
      { at: 100, cost: 3, admitted: true, remaining: 0, resetAfter: 1.5 },
      { at: 100, giveBack: 1, admitted: true, delay: 1, remaining: 0, resetAfter: 1.5 },
      { at: 100.25, giveBack: 2, admitted: true, delay: 0.25, remaining: 1, resetAfter: 0.75 },
      { at: 100.25, giveBack: 100, cost: 3, admitted: true, delay: 0, remaining: 0, resetAfter: 1.5 },
    ],
  },
]
