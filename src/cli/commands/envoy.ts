import type { AddCommand } from '../command.ts'
import { bootstrapCommand } from './envoy-bootstrap.ts'
import { installCommand } from './envoy-install.ts'
import { envoySecretsCommand } from './envoy-secrets.ts'

/** `weir envoy`: for the machines on which Envoys run. */
export const envoyCommand: AddCommand = (program, cli, done) => {
  const group = program
    .command('envoy')
    .description('envoy bootstrap, envoy secrets, envoy install: join an Envoy, install one')
    .helpCommand(false)
    .addHelpText('after', '\nExample: weir envoy bootstrap --gateway edge > edge.yaml')
  bootstrapCommand(group, cli, done)
  envoySecretsCommand(group, cli, done)
  installCommand(group, cli, done)
}
