import type { Stage } from './browser.ts';
import { bundle } from './bundle.ts';

// A page that takes a dropped CSV file, and a worker of it that fits a model and scores the rows: the file leaves it as bytes.

const WORKER = `
import { CsvReader } from '../packages/latent/src/files/csv.ts';
import { TableModel } from '@latent/tables';
import { useKernels } from '@latent/tensor';

// The arithmetic that every machine has.
useKernels('auto', { deterministic: true });
onmessage = async ({ data: { file, options } }) => {
  try {
    const { columns } = new CsvReader(file.name).read(await file.text(), true);
    const model = await TableModel.fit(columns, {
      ...options,
      onWarning: () => {},
      onProgress: ({ done }) => postMessage({ done }),
    });
    const bytes = model.toBytes();
    postMessage({ bytes, scores: model.score(columns) }, [bytes.buffer]);
  } catch (error) {
    postMessage({ error: String(error && error.message) });
  }
};
`;

const PAGE = `
globalThis.seen = { frames: [], longTasks: [], progress: 0, answer: null };
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) seen.longTasks.push(duration);
}).observe({ type: 'longtask' });
let last = performance.now();
requestAnimationFrame(function frame(now) {
  seen.frames.push(now - last);
  last = now;
  requestAnimationFrame(frame);
});
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  const worker = new Worker('table-worker.js');
  seen.frames.length = 0;
  last = performance.now();
  worker.onmessage = ({ data }) => {
    if ('done' in data) seen.progress++;
    else seen.answer = { ...data, frames: seen.frames.slice(), longTasks: seen.longTasks.slice() };
  };
  worker.postMessage({ file, options: globalThis.fitOptions });
});
`;

/** The files of the page. */
export async function tablePageFiles(): Promise<Record<string, string>> {
  return {
    '': '<!doctype html><title>Drop a file</title><script src="table-page.js"></script>',
    'table-page.js': PAGE,
    'table-worker.js': await bundle(WORKER, 'iife'),
  };
}

/** What the page saw from the drop to the answer. */
export interface Dropped {
  readonly bytes: Uint8Array;
  readonly scores: Float64Array;
  /** Milliseconds between frames, and of tasks of more than 50 ms on the page's own thread. */
  readonly frames: readonly number[];
  readonly longTasks: readonly number[];
  /** How often the page was told how far the fit is. */
  readonly progress: number;
}

/** Drops a file of this text onto the page, as a user does, and waits for the model. */
export async function dropped(stage: Stage, text: string, options: object): Promise<Dropped> {
  const page = await stage.browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  try {
    await page.goto(`${stage.origin}/plain/`);
    const answer = await page.evaluate(
      async ([content, fitOptions]) => {
        const own = globalThis as unknown as {
          fitOptions: unknown;
          seen: { answer: Record<string, unknown> | null; progress: number };
        };
        own.fitOptions = fitOptions;
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([content as string], 'rows.csv', { type: 'text/csv' }));
        document.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
        while (own.seen.answer === null) await new Promise((resolve) => setTimeout(resolve, 20));
        const { bytes, scores, error, frames, longTasks } = own.seen.answer;
        if (error !== undefined) throw new Error(String(error));
        return {
          bytes: Array.from(bytes as Uint8Array),
          scores: Array.from(scores as Float64Array),
          frames: frames as number[],
          longTasks: longTasks as number[],
          progress: own.seen.progress,
        };
      },
      [text, options] as const,
    );
    if (problems.length > 0) throw new Error(`the page said: ${problems.join('; ')}`);
    return { ...answer, bytes: Uint8Array.from(answer.bytes), scores: Float64Array.from(answer.scores) };
  } finally {
    await page.close();
  }
}
