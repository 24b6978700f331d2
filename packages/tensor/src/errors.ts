/** Base of every error that Latent throws on purpose. */
export class LatentError extends Error {
  override name = 'LatentError';
}

/** Shapes, axes or sizes that do not fit the operation. */
export class ShapeError extends LatentError {
  override name = 'ShapeError';
}

/** A value of the wrong kind: dtypes that differ, an option that does not exist, data outside its range. */
export class ValueError extends LatentError {
  override name = 'ValueError';
}

/** A tensor or compiled function used after its end: the end of its step, or `dispose()`. */
export class LifetimeError extends LatentError {
  override name = 'LifetimeError';
}

/** Calls in an order that has no meaning: a second backward, a gradient of something without parameters. */
export class UsageError extends LatentError {
  override name = 'UsageError';
}

/** A worker thread died or stopped answering. */
export class ThreadError extends LatentError {
  override name = 'ThreadError';
}

/** The linear memory is full, or a tensor would not fit into it. */
export class MemoryError extends LatentError {
  override name = 'MemoryError';
}
