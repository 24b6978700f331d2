/** Spans in order that do not touch each other; what touches is joined. */
class Spans {
  readonly #begins: number[] = [];
  readonly #ends: number[] = [];

  add(begin: number, end: number): void {
    const [begins, ends] = [this.#begins, this.#ends];
    // Everything from `low` to before `high` touches the new span.
    const low = firstAtLeast(ends, begin);
    let high = low;
    while (high < begins.length && (begins[high] as number) <= end) high++;
    if (high === low) {
      begins.splice(low, 0, begin);
      ends.splice(low, 0, end);
      return;
    }
    begins[low] = Math.min(begin, begins[low] as number);
    ends[low] = Math.max(end, ends[high - 1] as number);
    if (high - low === 1) return;
    begins.splice(low + 1, high - low - 1);
    ends.splice(low + 1, high - low - 1);
  }

  /** The end of the first span that meets [begin, end); −1 if none does. */
  endOfFirst(begin: number, end: number): number {
    const i = firstAtLeast(this.#ends, begin + 1);
    return i < this.#begins.length && (this.#begins[i] as number) < end ? (this.#ends[i] as number) : -1;
  }
}

/** The first position whose number is at least `value`; the numbers go up. */
function firstAtLeast(numbers: readonly number[], value: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Which bytes of a memory are taken during which times: a tree over the times, each node holding the spans that are taken
 * during all of its time (`own`) and during any of it (`any`). Since neighbours are joined, a node holds few spans.
 */
export class FreePlaces {
  readonly #leaves: number;
  readonly #own: (Spans | undefined)[];
  readonly #any: (Spans | undefined)[];

  /** For times 0 … times − 1. */
  constructor(times: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, times)));
    this.#own = new Array(2 * this.#leaves).fill(undefined);
    this.#any = new Array(2 * this.#leaves).fill(undefined);
  }

  /** The lowest offset with `bytes` that are free from time `first` to time `last`. */
  find(first: number, last: number, bytes: number): number {
    const taken: Spans[] = [];
    const collect = (node: number, from: number, times: number): void => {
      const any = this.#any[node];
      if (any === undefined || from > last || from + times <= first) return;
      if (from >= first && from + times - 1 <= last) {
        taken.push(any);
        return;
      }
      const own = this.#own[node];
      if (own !== undefined) taken.push(own);
      collect(2 * node, from, times / 2);
      collect(2 * node + 1, from + times / 2, times / 2);
    };
    collect(1, 0, this.#leaves);
    let offset = 0;
    for (let again = true; again; ) {
      again = false;
      for (const spans of taken) {
        const end = spans.endOfFirst(offset, offset + bytes);
        if (end >= 0) {
          offset = end;
          again = true;
        }
      }
    }
    return offset;
  }

  /** Takes the bytes from `offset` on for the times from `first` to `last`. */
  take(first: number, last: number, offset: number, bytes: number): void {
    const take = (node: number, from: number, times: number): void => {
      if (from > last || from + times <= first) return;
      add(this.#any, node);
      if (from >= first && from + times - 1 <= last) {
        add(this.#own, node);
        return;
      }
      take(2 * node, from, times / 2);
      take(2 * node + 1, from + times / 2, times / 2);
    };
    const add = (nodes: (Spans | undefined)[], node: number): void => {
      let spans = nodes[node];
      if (spans === undefined) {
        spans = new Spans();
        nodes[node] = spans;
      }
      spans.add(offset, offset + bytes);
    };
    take(1, 0, this.#leaves);
  }
}
