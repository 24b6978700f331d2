/** One contestant's figures in one benchmark, in milliseconds. */
export interface Result {
  readonly benchmark: string;
  readonly contender: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
  /** Of the first run, with all that it compiles. */
  readonly first?: number;
  /** Floating-point operations of one run, where they are the point. */
  readonly flop?: number;
  /** What it was measured on, in reports. */
  readonly commit?: string;
  /** Why there are no figures. */
  readonly missing?: string;
  /** Milliseconds after which its first run was stopped: it takes longer, with what it compiles. */
  readonly stopped?: number;
}

/** How many times ours a run is at least that was stopped. */
export function atLeast(stopped: number, ours: number): string {
  const ratio = stopped / ours;
  const grain = 10 ** Math.max(0, Math.floor(Math.log10(ratio)) - 1);
  return `> ${Math.floor(ratio / grain) * grain}×`;
}

/** A result as a line: time, how many times ours, speed and share of the limit for matrix products. */
export function line(result: Result, ours: number | undefined, peak: number): string {
  const name = `  ${result.contender.padEnd(11)}`;
  if (result.missing !== undefined) return `${name} missing: ${result.missing}`;
  if (result.stopped !== undefined) {
    const bound = ours === undefined ? '' : atLeast(result.stopped, ours);
    return `${name} > ${milliseconds(result.stopped)} ms: stopped in its first run  ${bound}`.trimEnd();
  }
  const ratio = ours === undefined || result.contender === 'latent' ? '' : `${(result.median / ours).toFixed(2)}×`;
  const spread = `(${milliseconds(result.min)} … ${milliseconds(result.max)})`;
  const gflops = result.flop === undefined ? '' : result.flop / result.median / 1e6;
  const speed = gflops === '' ? '' : `${gflops.toFixed(1)} GFLOP/s`;
  const share =
    gflops === '' || result.contender !== 'latent' ? '' : `${((100 * gflops) / peak).toFixed(0)} % of the micro-kernel`;
  const first = result.first === undefined ? '' : `first ${milliseconds(result.first)}`;
  return `${name} ${milliseconds(result.median).padStart(9)} ms ${spread.padEnd(24)} ${ratio.padStart(9)}  ${first.padEnd(12)} ${speed} ${share}`.trimEnd();
}

function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
