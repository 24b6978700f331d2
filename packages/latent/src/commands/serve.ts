import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AnyRow, PredictOptions, TableModel } from '@latent/tables';
import { isPlainObject, LatentError } from '@latent/tensor';
import { EXIT, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command } from './command.ts';
import { MODEL, readModel } from './model.ts';
import { jsonText } from './output.ts';
import { PREDICT, predictOptions } from './predict.ts';

/** What a request may have. */
const MOST_BYTES = 10_000_000;
const MOST_ROWS = 10_000;
/** Of a request that does not come in. */
const LONGEST = 30_000;

/** A request that is answered by its mistake. */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The answers by their paths. */
const ANSWERS: Readonly<
  Record<string, (model: TableModel, rows: readonly AnyRow[], options: PredictOptions) => object>
> = {
  '/score': (model, rows, options) => ({ rows: model.predict(rows, options) }),
  '/explain': (model, rows) => ({ rows: model.explain(rows) }),
  '/impute': (model, rows) => {
    const { rows: filled, cells } = model.impute(rows);
    return { rows: filled, cells };
  },
};

/** A server that asks the model; loopback names alone are answered where it listens on loopback. */
export function modelServer(model: TableModel, options: PredictOptions, loopback: boolean): Server {
  const server = createServer((request, response) => {
    answer(model, options, loopback, request).then(
      (value) => send(response, 200, value),
      (error: unknown) => {
        const status = error instanceof Refused ? error.status : error instanceof LatentError ? 422 : 500;
        send(response, status, { error: status === 500 ? 'this is a fault of the server' : (error as Error).message });
        // What is left of a body that was refused is not waited for.
        if (!request.complete) request.destroy();
      },
    );
  });
  server.requestTimeout = LONGEST;
  server.headersTimeout = LONGEST;
  return server;
}

async function answer(
  model: TableModel,
  options: PredictOptions,
  loopback: boolean,
  request: IncomingMessage,
): Promise<unknown> {
  const { method = '', headers } = request;
  // A page that was looked up under another name must not reach a model on this machine.
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (loopback && !['localhost', '127.0.0.1', '[::1]'].includes(host)) {
    throw new Refused(403, `the host ${JSON.stringify(host.slice(0, 80))} is not served; ask for localhost`);
  }
  const path = (request.url ?? '').split('?')[0] as string;
  if (path === '/card' || path === '/') {
    if (method !== 'GET') throw new Refused(405, `${path} takes GET`);
    return path === '/card' ? model.card() : { paths: ['/card', ...Object.keys(ANSWERS)] };
  }
  if (!Object.hasOwn(ANSWERS, path)) {
    throw new Refused(404, `there is no ${path.slice(0, 80)}; there are /card, ${Object.keys(ANSWERS).join(', ')}`);
  }
  if (method !== 'POST') throw new Refused(405, `${path} takes POST`);
  // Pages of others cannot send this type without being asked first.
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) {
    throw new Refused(415, 'the body must be application/json');
  }
  const rows = rowsOf(await bodyOf(request));
  const made = (ANSWERS[path] as (typeof ANSWERS)[string])(model, rows, options);
  // What is odd about the columns goes to whoever asked.
  const notes = model.notes(rows);
  return notes.length === 0 ? made : { ...made, notes };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MOST_BYTES) throw new Refused(413, `a body has at most ${MOST_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** One row, rows, or { rows }. */
function rowsOf(body: string): readonly AnyRow[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Refused(400, 'the body is no JSON');
  }
  const inner = isPlainObject(value) && Array.isArray(value.rows) ? value.rows : value;
  const rows: unknown[] = Array.isArray(inner) ? inner : [inner];
  const bad = rows.findIndex((row) => !isPlainObject(row));
  if (bad >= 0) throw new Refused(400, `row ${bad} is no record { "name": value }`);
  if (rows.length > MOST_ROWS) throw new Refused(413, `a request has at most ${MOST_ROWS} rows, got ${rows.length}`);
  return rows as AnyRow[];
}

function send(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const text = jsonText(value);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(status >= 400 && status !== 422 && { connection: 'close' }),
  });
  response.end(text);
}

export const serve: Command = {
  summary: 'Answer score, explain and impute over HTTP, on this machine unless told',
  args: {
    ...MODEL,
    port: { type: 'string', valueHint: 'number', description: '8080 by default; 0 for any that is free' },
    host: { type: 'string', valueHint: 'address', description: '127.0.0.1 by default: this machine alone' },
    ...PREDICT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const port = call.number('port', { min: 0, max: 65_535, whole: true }) ?? 8080;
    const host = call.text('host') ?? '127.0.0.1';
    const options = predictOptions(call);
    if ('falseDiscoveryRate' in options) {
      throw new UsageFault('serve: --false-discoveries is of a batch of rows; give --false-alarms');
    }
    const model = await readModel(call.needed('model'), terminal);
    // Refused now where it cannot be promised, not by each request.
    const { guarantee } = model.threshold(options);
    const loopback = ['127.0.0.1', '::1', 'localhost'].includes(host);
    const server = modelServer(model, options, loopback);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new UsageFault(`serve: cannot listen on ${host}:${port}: ${error.message}`));
      });
      server.listen(port, host, () => resolve());
    });
    const address = server.address();
    const at = typeof address === 'object' && address !== null ? address.port : port;
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${at}`;
    if (call.flag('json')) await terminal.out(jsonText({ url }));
    if (!call.flag('quiet')) terminal.say(`${url}  /score /explain /impute /card\n${guarantee}`);
    await new Promise<void>((resolve) => {
      terminal.onInterrupt(() => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
    });
    return EXIT.fine;
  },
};
