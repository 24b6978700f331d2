import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { encode } from 'fast-png';

export type Colour = readonly [red: number, green: number, blue: number];

export const WHITE: Colour = [255, 255, 255];
export const BLACK: Colour = [20, 20, 24];
export const GREY: Colour = [205, 205, 212];

/** Five rows of three dots for each character that the pictures write. */
const GLYPHS: Readonly<Record<string, readonly string[]>> = {
  '0': ['###', '# #', '# #', '# #', '###'],
  '1': [' # ', '## ', ' # ', ' # ', '###'],
  '2': ['###', '  #', '###', '#  ', '###'],
  '3': ['###', '  #', ' ##', '  #', '###'],
  '4': ['# #', '# #', '###', '  #', '  #'],
  '5': ['###', '#  ', '###', '  #', '###'],
  '6': ['###', '#  ', '###', '# #', '###'],
  '7': ['###', '  #', ' # ', ' # ', ' # '],
  '8': ['###', '# #', '###', '# #', '###'],
  '9': ['###', '# #', '###', '  #', '###'],
  '-': ['   ', '   ', '###', '   ', '   '],
};

/** An RGB picture to draw on, written as PNG. */
export class Picture {
  readonly width: number;
  readonly height: number;
  readonly #data: Uint8Array;

  constructor(width: number, height: number, background: Colour) {
    this.width = width;
    this.height = height;
    this.#data = new Uint8Array(width * height * 3);
    this.rectangle(0, 0, width, height, background);
  }

  set(x: number, y: number, colour: Colour): void {
    if (x >= 0 && y >= 0 && x < this.width && y < this.height) this.#data.set(colour, (y * this.width + x) * 3);
  }

  get(x: number, y: number): Colour {
    const at = (y * this.width + x) * 3;
    const [red = 0, green = 0, blue = 0] = this.#data.subarray(at, at + 3);
    return [red, green, blue];
  }

  rectangle(left: number, top: number, width: number, height: number, colour: Colour): void {
    for (let y = top; y < top + height; y++) for (let x = left; x < left + width; x++) this.set(x, y, colour);
  }

  disc(centreX: number, centreY: number, radius: number, colour: Colour): void {
    for (let y = Math.floor(centreY - radius); y <= centreY + radius; y++) {
      for (let x = Math.floor(centreX - radius); x <= centreX + radius; x++) {
        if ((x - centreX) ** 2 + (y - centreY) ** 2 <= radius ** 2) this.set(x, y, colour);
      }
    }
  }

  /** Digits and minus signs, `scale` pixels to a dot; returns the width written. */
  text(left: number, top: number, text: string, scale: number, colour: Colour): number {
    [...text].forEach((character, i) => {
      GLYPHS[character]?.forEach((row, y) => {
        [...row].forEach((dot, x) => {
          if (dot === '#') this.rectangle(left + (i * 4 + x) * scale, top + y * scale, scale, scale, colour);
        });
      });
    });
    return text.length * 4 * scale - scale;
  }

  png(): Uint8Array {
    return encode({ width: this.width, height: this.height, data: this.#data, channels: 3 });
  }

  write(path: string): void {
    writeWhole(path, this.png());
  }
}

/** Writes under a temporary name and renames, so that the file is whole or not there. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, path);
}
