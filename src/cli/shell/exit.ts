/** The contract with scripts: each number has one meaning for ever. */
export const exitCodes = {
  /** Done, and nothing left to do. */
  done: 0,
  error: 1,
  /** `diff`: there are changes. */
  changes: 2,
  /** The config is invalid, in part or whole. */
  invalid: 3,
  /** Something is held, blocked or waiting. */
  blocked: 4,
  /** Stopped by a signal before it was done: 128 + SIGINT, as shells do. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
