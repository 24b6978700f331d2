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

/** A tensor used after the step it was made in has ended. */
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
