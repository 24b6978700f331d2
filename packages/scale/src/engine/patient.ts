/** What a driver of PostgreSQL reports where its server is gone or not yet there: classes of SQLSTATE, and codes of the system. */
const GONE = /^(?:08...|57P0[123]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/;
const MOST = 2000;

/** Does work again, later and later, while the server is gone. Clients of Redis wait by themselves, those of PostgreSQL do not. */
export async function patient<T>(work: () => Promise<T>): Promise<T> {
  for (let pause = 50; ; pause = Math.min(MOST, 2 * pause)) {
    try {
      return await work();
    } catch (error) {
      if (!isGone(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

function isGone(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return (typeof code === 'string' && GONE.test(code)) || /^Connection terminated/.test(String(message));
}
