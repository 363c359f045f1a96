export const verdict = (met: boolean) => (met ? 'MET' : 'MISSED')

/** How many times less ours takes. */
export const ratioOf = (times: number | undefined) => (times === undefined ? '-' : `1/${times.toFixed(1)}`)
