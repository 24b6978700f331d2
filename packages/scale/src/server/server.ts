/** Seconds that a first connection to a server may take. */
export const CONNECT_SECONDS = 20;

/** Where a server is, without what is secret in its address. */
export function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url.replace(/^.*@/, '');
}

/** What servers say that waiting does not change: a password that is missing or wrong, a right or a database that is not there. */
const REFUSED = /^(?:NOAUTH|WRONGPASS|NOPERM|ERR (?:.*AUTH|invalid password|DB index|SELECT))/;
/** The same of PostgreSQL: classes and codes of SQLSTATE. */
const REFUSED_STATE = /^(?:28...|3D000|42501)$/;

/** Whether a server answered, and does not let us in. */
export function isRefusal(error: unknown): error is Error {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return (typeof code === 'string' && REFUSED_STATE.test(code)) || REFUSED.test(String(message));
}

/** Why a server could not be reached, in its own words, or those of the system. */
export function reasonOf(error: unknown): string {
  // Of several addresses of a host, the last.
  const last = error instanceof AggregateError ? (error.errors.at(-1) as unknown) : error;
  const { message, code } = (last ?? {}) as { readonly message?: unknown; readonly code?: unknown };
  const text = String(message ?? '') || String(code ?? 'no reason was given');
  // The first words of Redis's are a code, and what it is about; the rest is advice for writers of clients.
  return text.startsWith('NOAUTH') ? 'NOAUTH Authentication required' : text.replace(/\.$/, '');
}

/** Its remedy. */
export function refusedText(url: string, error: unknown): string {
  return `the server at ${placeOf(url)} refuses: ${reasonOf(error)}; an address with a password is redis://:PASSWORD@HOST:PORT or postgres://USER:PASSWORD@HOST/DATABASE`;
}

/** What to say of a server that does not answer, or within no time at all. */
export function silentText(url: string, seconds: number | null, error: unknown): string {
  const why = error === null ? '' : ` (${reasonOf(error)})`;
  const how = seconds === null ? 'cannot be reached' : `does not answer within ${seconds} s`;
  return `the server at ${placeOf(url)} ${how}${why}; is the address right and the server running?`;
}
