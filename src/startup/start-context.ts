import type { CheckContext } from '../model/kind.ts'
import type { Observe } from '../observe.ts'
import type { Settings } from '../settings/settings.ts'
import type { Progress } from './progress.ts'
import type { Shutdown } from './shutdown.ts'

/** What every step of the start needs. */
export interface StartContext {
  settings: Settings
  progress: Progress
  observe: Observe
  shutdown: Shutdown
  context: CheckContext
}
