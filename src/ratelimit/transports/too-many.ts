import { WeirError } from '../../errors.ts'
import { mostEntries } from '../../model/descriptor.ts'
import { mostDescriptors } from './messages.ts'

/** What is beyond the bounds. Made once: a stack for each such message would be a peer's to spend. */
export const tooMany = {
  descriptors: new WeirError('too_large', `A request may have at most ${mostDescriptors} descriptors.`),
  entries: new WeirError('too_large', `A descriptor may have at most ${mostEntries} entries.`),
}
