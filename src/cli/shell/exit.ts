/** The contract with scripts: each number has one meaning for ever. */
export const exitCodes = {
  /** Done, and nothing left to do. */
  done: 0,
  /** Something went wrong, or Fly could not be asked: nobody knows how an app is. */
  error: 1,
  /** `diff`: there are changes. */
  changes: 2,
  /** The config is invalid, in part or whole. */
  invalid: 3,
  /** Nothing went wrong, and something is not as git says yet: a person has to act, or time alone brings it. */
  blocked: 4,
  /** Stopped by a signal before it was done: 128 + SIGINT, as shells do. The process makes 143 of it after SIGTERM. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
