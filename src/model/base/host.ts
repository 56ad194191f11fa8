/** The computer this process runs on, and this process among the others there. */
export interface Host {
  readonly name: string;
  /** What counts process ids there: each container counts its own. */
  readonly space: string;
  readonly pid: number;
  /** true: a process of that id runs there, whosever it is. */
  isAlive(pid: number): boolean;
}
