import { digits, setting } from './example.ts';
import { compared } from './exemplar.ts';
import { fashion } from './fashion.ts';

const s = setting('/tmp/models/out', false, console.log);
const name = process.argv[2]!;
await compared(s, name, name === 'digits' ? digits(s) : fashion(s));
