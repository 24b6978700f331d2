/**
 * The words through which threads talk, at one place of the shared memory (positions of 32-bit words). One job runs at a
 * time: the main thread writes what it is, raises `JOB`, and every worker writes the job's number to its own `DONE` word
 * when it has finished.
 */
export const JOB = 0;
export const COMMAND = 1;
export const PROGRAM = 2;
/** Of a module to load: where its bytes are, how many, and the word to raise when it is ready. */
export const BYTES = 3;
export const LENGTH = 4;
export const READY = 5;
/** Workers that sleep until the next job. */
export const IDLE = 6;
/** Arrivals at the barriers of this job, and threads that sleep at one. Apart from the rest, since they change often. */
export const ARRIVED = 16;
export const SLEEPING = 32;
export const DONE = 48;

export const RUN = 1;
export const LOAD = 2;
export const FREE = 3;
