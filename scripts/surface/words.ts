// Values that callers pass by mistake. What the compiler would not let a parameter take, by its declared type, the function
// must refuse too: JavaScript has no compiler.
export const nothing = null;
export const left: undefined = undefined;
export const five: number = 5;
export const digit: string = '5';
export const empty: string = '';
export const yes: boolean = true;
export const large: bigint = 5n;
export const mark: symbol = Symbol('mark');
export const when: Date = new Date(0);
export const plain: { readonly [name: string]: never } = {};
export const none: readonly never[] = [];
export const texts: readonly string[] = ['5'];
export const nested: readonly (readonly (readonly Date[])[])[] = [[[when]]];
export const call: () => symbol = () => mark;
export const map: ReadonlyMap<Date, Date> = new Map([[when, when]]);
