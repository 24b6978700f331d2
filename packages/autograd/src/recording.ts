/** Off inside `noGrad` and while a backward pass runs that is not itself recorded. */
let recording = true;

export function isRecording(): boolean {
  return recording;
}

/** Runs `body` with recording on or off, and puts it back. */
export function withRecording<T>(on: boolean, body: () => T): T {
  const before = recording;
  recording = on;
  try {
    return body();
  } finally {
    recording = before;
  }
}
