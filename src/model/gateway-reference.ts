/** `edge/partners` as its parts; without a listener every listener of the gateway is meant. */
export function parseGatewayReference(text: string): { gateway: string; listener?: string } {
  const [gateway, listener] = text.split('/') as [string, string?]
  return listener === undefined ? { gateway } : { gateway, listener }
}
