/** The socket side of a connection. */
export interface Host {
  /** Shown in events. */
  readonly peer: string
  send(bytes: Buffer): void
  /** Bytes that were sent and wait for the peer to read. */
  waiting(): number
  /**
   * Nothing more will be sent: the connection ends once the peer has it all. Who was `cut` off is not read any more, and has a
   * moment alone.
   */
  end(cut: boolean): void
  /** The connection ends now. */
  destroy(): void
  /** Has `Connection.answerSettled` called once, at the end of the loop's turn. */
  later(): void
}
