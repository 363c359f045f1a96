import { Type } from 'typebox'
import type { Kind } from './kind.ts'

export const PlanSpec = Type.Object(
  {
    description: Type.Optional(
      Type.String({
        description: 'What the plan is for.',
        maxLength: 1024,
        default: '',
        examples: ['paying customers'],
        controlPlane: true,
      }),
    ),
  },
  { additionalProperties: false, description: 'A tier of consumers, for which limits have other numbers.' },
)

export const plan: Kind = {
  kind: 'Plan',
  plural: 'plans',
  description: 'A tier of consumers, for which limits have other numbers.',
  spec: PlanSpec,
  example: { name: 'gold', spec: { description: 'paying customers' } },
  references: () => [],
}
