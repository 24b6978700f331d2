// How fast `latent serve` answers: requests of one row each, one after the other over one connection, against the server in a process of its
// own, after a warm-up: npx tsx --conditions=source bench/server.ts [requests]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AnomalyDetector, type AnyRow, TableModel } from '@latent/tables';
import { csv } from './tables/data.ts';

const count = Number(process.argv[2] ?? 1000);
const WARM_UP = 200;
const folder = mkdtempSync(join(tmpdir(), 'latent-server-'));
const rows: readonly AnyRow[] = csv('titanic/titanic.csv');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Milliseconds until the answer is there. */
function answered(url: string, row: AnyRow): Promise<number> {
  const body = JSON.stringify(row);
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const asked = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(performance.now() - started)
          : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

for (const [name, model] of [
  ['TableModel', await TableModel.fit(rows, { seed: 1, onWarning: () => {} })],
  ['AnomalyDetector', await AnomalyDetector.fit(rows, { seed: 1, onWarning: () => {} })],
] as const) {
  const file = join(folder, `${name}.safetensors`);
  writeFileSync(file, model.toBytes());
  const main = fileURLToPath(new URL('../packages/latent/src/main.ts', import.meta.url));
  const words = ['--import', 'tsx', '--conditions=source', main, 'serve', file, '--port', '0', '--json', '-q'];
  const server = spawn(process.execPath, [...words, '--false-alarms', '0.05'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve) => {
    server.stdout.once('data', (part: Buffer) => resolve((JSON.parse(part.toString()) as { url: string }).url));
  });
  for (const path of ['/score', '/explain', '/impute']) {
    const times: number[] = [];
    for (let i = -WARM_UP; i < count; i++) {
      const time = await answered(url + path, rows[(i + WARM_UP) % rows.length] as AnyRow);
      if (i >= 0) times.push(time);
    }
    times.sort((a, b) => a - b);
    const at = (share: number): string =>
      (times[Math.min(times.length - 1, Math.floor(share * times.length))] as number).toFixed(2);
    console.log(
      `${name} ${path}: ${count} requests of one row, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`,
    );
  }
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  agent.destroy();
  await ended;
}
rmSync(folder, { recursive: true, force: true });
