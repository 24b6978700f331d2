/** What a command ends with. */
export const EXIT = {
  fine: 0,
  /** A fault of the program. */
  fault: 1,
  /** Options or arguments that make no sense. */
  usage: 2,
  /** A file that cannot be read, or rows that a model cannot take. */
  data: 3,
  /** What `--fail-on` looks for was found. */
  found: 4,
  /** Ended by Ctrl-C, as shells have it. */
  interrupted: 130,
} as const;

/** Options or arguments that make no sense. */
export class UsageFault extends Error {}

/** A file that cannot be used. */
export class DataFault extends Error {}
