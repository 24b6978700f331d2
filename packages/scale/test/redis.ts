import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

/** The server of Redis on this machine, if there is one. */
export const redisFile = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => ['redis-server', 'valkey-server'].map((name) => join(folder, name)))
  .find((file) => existsSync(file));

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server of its own, in a folder of its own, which may be killed and started again. */
export class RedisServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'latent-redis-'));
  #port = 0;
  #child: ChildProcess | null = null;

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Starts it, with every write on disk before it is answered. */
  async start(): Promise<this> {
    for (let attempt = 0; ; attempt++) {
      if (this.#port === 0) this.#port = await freePort();
      const args = ['--port', String(this.#port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''];
      const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
      this.#child = spawn(redisFile as string, [...args, ...durable], { stdio: 'ignore' });
      const ended = new Promise<'ended'>((resolve) => this.#child?.on('exit', () => resolve('ended')));
      if ((await Promise.race([ended, this.#answers()])) === 'answers') return this;
      // Somebody took the port in between.
      if (attempt === 5) throw new Error('redis-server does not start');
      this.#port = 0;
    }
  }

  async #answers(): Promise<'answers'> {
    const client = new Redis(this.url, { lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on('error', () => {});
    try {
      while ((await client.ping().catch(() => '')) !== 'PONG') await new Promise((resolve) => setTimeout(resolve, 50));
      return 'answers';
    } finally {
      client.disconnect();
    }
  }

  /** SIGKILL: nothing is written on the way out. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
