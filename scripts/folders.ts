/**
 * Import direction inside the packages: what each folder may import at run time, of folders and of files beside them. Types
 * are free, since they are erased, and so are the files beside the folders, which bind them together.
 */
export const folderRules: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  tensor: {
    // Formulas are data: they know nothing of who computes them.
    expr: ['errors'],
    memory: ['dtype', 'errors'],
    // Kernels know pointers and sizes: no tensors, no ops, no programs.
    kernels: ['dtype', 'errors', 'expr', 'memory', 'options', 'shape'],
    threads: ['dtype', 'errors', 'kernels', 'memory', 'options'],
    // An op is the same whether it is recorded or not.
    ops: ['dtype', 'eager', 'errors', 'expr', 'joint-op', 'kernels', 'memory', 'op', 'options', 'shape', 'tensor'],
    program: [
      ...[
        'create',
        'dtype',
        'eager',
        'errors',
        'expr',
        'kernels',
        'memory',
        'ops',
        'options',
        'random',
        'shape',
        'step',
        'tensor',
      ],
      'threads',
    ],
  },
  nn: {
    registry: [],
    module: ['registry'],
    data: ['registry'],
    save: ['registry'],
    schedule: ['registry'],
    losses: ['registry'],
    transform: ['data', 'registry'],
    layers: ['init', 'module', 'registry'],
    network: ['init', 'layers', 'module', 'registry'],
    optim: ['module', 'registry', 'schedule'],
    // The trainer knows no layer and no loss: what it trains brings them.
    train: ['data', 'module', 'optim', 'registry', 'save', 'schedule', 'transform'],
  },
  vae: {
    // Metrics of plain numbers: of use without any model.
    evaluate: [],
    latent: [],
    reconstruction: ['latent'],
    // What refines q(z | x).
    posterior: ['latent'],
    // What is asked of a model, not how it answers.
    objectives: ['latent'],
    // What rows are that are sequences, and how decoders make them step by step.
    sequence: ['reconstruction'],
    model: ['latent', 'objectives', 'reconstruction', 'sequence'],
    scores: ['latent', 'model', 'objectives', 'reconstruction'],
    autoencoder: ['latent', 'model', 'objectives', 'reconstruction', 'scores', 'sequence'],
    variational: ['latent', 'model', 'objectives', 'posterior', 'reconstruction', 'scores', 'sequence'],
    hierarchical: ['latent', 'model', 'reconstruction', 'scores'],
    masked: ['model', 'reconstruction'],
    sparse: ['model'],
    quantised: ['model', 'reconstruction', 'scores'],
    supervised: ['autoencoder', 'latent', 'model', 'reconstruction', 'scores', 'variational'],
  },
  tables: {
    input: [],
    // Guarantees of plain numbers: of use without any model.
    calibrate: ['results'],
    kinds: ['input'],
    schema: ['input', 'kinds', 'results'],
    encode: ['input', 'kinds', 'schema'],
    model: ['calibrate', 'encode', 'input', 'kinds', 'results', 'schema'],
    // What a fitted model is asked.
    answer: ['calibrate', 'encode', 'input', 'kinds', 'model', 'results', 'schema'],
    fit: ['answer', 'calibrate', 'encode', 'input', 'kinds', 'model', 'results', 'schema'],
    quality: ['encode', 'input', 'kinds', 'results', 'schema'],
    // A fitted model as a graph for other programs.
    onnx: ['answer', 'calibrate', 'encode', 'input', 'kinds', 'model', 'results'],
  },
  report: {
    charts: ['text'],
    sections: ['charts', 'contents', 'summary', 'text'],
  },
  latent: {
    files: ['terminal'],
    terminal: [],
    commands: ['files', 'terminal'],
  },
  scale: {
    // What servers say, whatever they are for.
    server: [],
    // Blobs under keys: nobody there knows what they are for.
    store: ['server'],
    // Jobs with names and numbers, and who does them.
    engine: ['server'],
    model: [],
    data: ['model', 'server', 'store'],
    // Steps and sums, without a queue or a store.
    train: ['run'],
    // What each job does.
    jobs: ['data', 'engine', 'model', 'run', 'store', 'train'],
    worker: ['data', 'engine', 'jobs', 'model', 'run', 'store'],
    // What a run is, and how its caller follows it.
    run: ['data', 'engine', 'model', 'store', 'worker'],
    simulate: [],
  },
};

/** The folder or file right below `src` that a path is in: `kernels` of `kernels/wasm/map.ts`, `shape` of `shape.ts`. */
export function unitOf(path: string): string {
  return path.replace(/^\.\//, '').replace(/\/.*$|\.ts$/, '');
}

/** Says what is wrong with one import inside a package, both by their paths below `src`; undefined if nothing is. */
export function folderError(folder: string, from: string, to: string): string | undefined {
  const rules = folderRules[folder];
  const [unit, target] = [unitOf(from), unitOf(to)];
  if (rules === undefined || !from.includes('/') || unit === target) return undefined;
  const allowed = rules[unit];
  if (allowed === undefined) return `no rule for the folder '${unit}'; say in scripts/folders.ts what it may import`;
  if (allowed.includes(target)) return undefined;
  return `wrong direction, got '${target}'; ${unit} may import ${allowed.join(', ') || 'nothing beside it'}`;
}
