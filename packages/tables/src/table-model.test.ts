import { beforeAll, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { AnomalyDetector, column, inferSchema, TableModel } from './index.ts';
import { type Person, people } from './samples.ts';

const small = { hidden: [24], latentSize: 4, epochs: 200, draws: 4, members: 1 } as const;
const rows = people(900);
const fresh = people(400, 2);
let model: TableModel<Person>;

beforeAll(async () => {
  model = await TableModel.fit(rows, { ...small, seed: 3 });
  model.onWarning = () => {};
});

describe('a fitted model', () => {
  it('is the same for the same seed, and another for another', async () => {
    const again = await TableModel.fit(people(900), { ...small, seed: 3 });
    expect(again.score(fresh)).toEqual(model.score(fresh));
    const other = await TableModel.fit(rows, { ...small, seed: 4 });
    expect(other.score(fresh)).not.toEqual(model.score(fresh));
  });

  it('scores a row by itself, in any company, order and form', () => {
    const scores = model.score(fresh);
    expect(model.score(fresh.slice(7, 8))[0]).toBe(scores[7]);
    expect([...model.score([...fresh].reverse())].reverse()).toEqual([...scores]);
    const columns = Object.fromEntries(
      Object.keys(fresh[0] as Person).map((name) => [name, fresh.map((row) => row[name as keyof Person])]),
    ) as unknown as { [K in keyof Person]: Person[K][] };
    expect(model.score(columns)).toEqual(scores);
    const arrow = {
      numRows: fresh.length,
      schema: { fields: Object.keys(columns).map((name) => ({ name })) },
      getChild: (name: string) => ({ get: (i: number): unknown => columns[name as keyof Person][i] }),
    };
    expect(model.score(arrow)).toEqual(scores);
    expect(model.score(new Set(fresh))).toEqual(scores);
    expect(model.score([])).toHaveLength(0);
  });

  it('takes Dates also as JSON writes them', async () => {
    const dated = people(60).map((row) => ({ ...row, joined: new Date(row.joined) }));
    const own = await TableModel.fit(dated, { ...small, epochs: 1 });
    const written = JSON.parse(JSON.stringify(dated)) as typeof dated;
    expect(typeof written[0]?.joined).toBe('string');
    expect(own.score(written)).toEqual(own.score(dated));
    const holes = written.map((row) => ({ ...row, joined: null }) as never);
    expect(own.impute(holes).rows[0]?.joined).toBeInstanceOf(Date);
    expect(() => own.score([{ ...written[0], joined: 'yesterday' } as never])).toThrow(
      `TableModel.score: row 0, column 'joined': expected a Date, or text as ISO 8601, got "yesterday"`,
    );
  });

  it('learns the same from a stream as from rows in memory, and scores it the same', async () => {
    const streamed = await TableModel.fit<Person>(
      async function* () {
        for (const row of rows) yield row;
      },
      { ...small, seed: 3 },
    );
    expect(streamed.score(fresh)).toEqual(model.score(fresh));
    const parts: number[] = [];
    for await (const { scores } of model.scoreStream(() => fresh)) parts.push(...scores);
    expect(parts).toEqual([...model.score(fresh)]);
  });

  it('goes through a file as it is', async () => {
    const bytes = model.toBytes();
    const loaded = TableModel.fromBytes<Person>(bytes);
    expect(loaded.score(fresh)).toEqual(model.score(fresh));
    expect(loaded.explain(fresh.slice(0, 2))).toEqual(model.explain(fresh.slice(0, 2)));
    expect(loaded.synthesize(5)).toEqual(model.synthesize(5));
    expect(loaded.impute(fresh.slice(0, 20))).toEqual(model.impute(fresh.slice(0, 20)));
    expect(loaded.card()).toEqual(model.card());
    expect(loaded.toBytes()).toEqual(bytes);
  });

  it('tells its columns, its loss beside the null and what it did not learn from', () => {
    const card = model.card();
    expect(card.loss.nullWins).toBe(false);
    expect(card.loss.model).toBeLessThan(card.loss.null);
    expect(card.warnings.join()).toContain('not learned from: name');
    expect(card.calibration.rows).toBe(180);
    expect(String(model)).toContain('| plan | category |');
    expect(JSON.stringify(card)).not.toContain('person 1');
  });

  it('says that the null wins where nothing is to be learned', async () => {
    const noise = people(300).map(({ height }, i) => ({ height, other: people(1, i + 10)[0]?.height as number }));
    const found = await TableModel.fit(noise, { ...small, epochs: 3 });
    expect(found.card().loss.nullWins).toBe(true);
    expect(found.card().warnings.join()).toContain('the null wins');
  });
});

describe('odd rows', () => {
  it('keep to the false-alarm rate and are found', () => {
    const usual = model.predict(people(2000, 9), { falseAlarmRate: 0.05 });
    expect(usual.filter(({ anomaly }) => anomaly).length / 2000).toBeLessThan(0.05 + 0.06);
    const odd = fresh.slice(0, 100).map((row) => ({ ...row, height: row.height + 60 }));
    expect(model.predict(odd, { falseAlarmRate: 0.05 }).filter(({ anomaly }) => anomaly).length).toBeGreaterThan(90);
    expect(() => model.predict(fresh, { falseAlarmRate: 0.001 })).toThrow(
      'TableModel.predict: 180 calibration rows cannot promise a false-alarm rate of 0.001; it takes 999',
    );
    expect(model.threshold({ falseAlarmRate: 0.05 }).guarantee).toContain('at most 5.00 % of usual rows');
  });

  it('are explained by the cell that is wrong, with what was expected', () => {
    const planted = fresh
      .filter(({ plan }) => plan === 'gold')
      .slice(0, 20)
      .map((row) => ({ ...row, price: 10 }));
    const found = model.explain(planted);
    const first = found.filter(({ cells }) => cells[0]?.column === 'price' || cells[0]?.column === 'plan').length;
    expect(first).toBeGreaterThanOrEqual(18);
    const price = found[0]?.cells.find((cell) => cell.column === 'price');
    expect(price).toMatchObject({ value: 10 });
    expect(price?.expected).toHaveProperty('low');
    expect(price?.expected).toSatisfy(({ value }: { value: number }) => value > 20);
    expect(found[0]?.cells.map((cell) => cell.column)).not.toContain('name');
  });

  it('are repaired by the fewest changes, each of which is needed', () => {
    const odd = fresh.slice(0, 5).map((row) => ({ ...row, height: row.height + 50 }));
    for (const repair of model.repair(odd)) {
      expect(repair.usual).toBe(true);
      expect(repair.changes.length).toBeGreaterThan(0);
      for (const { column: name, from } of repair.changes) {
        expect(model.pValues([{ ...repair.repaired, [name]: from }])[0]).toBeLessThanOrEqual(0.05);
      }
    }
    const [usual] = model.repair([rows.find((row) => (model.pValues([row])[0] as number) > 0.5) as Person]);
    expect(usual).toMatchObject({ usual: true, changes: [] });
  });
});

describe('holes', () => {
  it('are filled, known cells kept, and the error told beside the mean', () => {
    const holes = fresh.slice(0, 50).map((row) => ({ ...row, weight: null, plan: null as unknown as Person['plan'] }));
    const { rows: filled, draws, cells } = model.impute(holes, { draws: 3 });
    expect(draws).toHaveLength(3);
    expect(cells).toHaveLength(100);
    filled.forEach((row, i) => {
      expect(row.height).toBe(holes[i]?.height);
      expect(row.weight).toBeTypeOf('number');
      expect(['free', 'basic', 'gold']).toContain(row.plan);
    });
    const right = filled.filter((row, i) => row.plan === fresh[i]?.plan).length;
    expect(right).toBeGreaterThan(45);
    expect(new Set(draws.map((table) => table[0]?.weight)).size).toBeGreaterThan(1);
    const weight = model.imputationError.find((error) => error.column === 'weight');
    expect(weight?.error).toBeLessThan(0.9 * (weight?.baseline as number));
    expectTypeOf(filled[0] as (typeof filled)[number])
      .toHaveProperty('weight')
      .toEqualTypeOf<number>();
    expect(holes[0]?.weight).toBeNull();
  });

  it('of a whole row are filled too', () => {
    const [row] = model.impute([{} as Person]).rows;
    expect(row?.height).toBeGreaterThan(150);
  });
});

describe('synthetic rows', () => {
  it('are like real ones, seeded, of the same types', () => {
    const made = model.synthesize(1000, { seed: 5 });
    expect(made).toEqual(model.synthesize(1000, { seed: 5 }));
    expect(made).not.toEqual(model.synthesize(1000, { seed: 6 }));
    expect(Object.keys(made[0] as Person)).toEqual(Object.keys(rows[0] as Person));
    const free = made.filter(({ plan }) => plan === 'free');
    expect(free.length / 1000).toBeGreaterThan(0.4);
    expect(free.filter(({ price }) => price === 0).length / free.length).toBeGreaterThan(0.9);
    for (const row of made) {
      expect(row.name).toBeNull();
      expect(Number.isInteger(row.visits)).toBe(true);
      expect(row.height * 10).toBeCloseTo(Math.round(row.height * 10), 6);
      expect(row.joined).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(typeof row.active).toBe('boolean');
    }
  });

  it('meet conditions on levels, atoms and ranges, and constraints', () => {
    const gold = model.synthesize(300, { where: { plan: 'gold', height: { min: 185 } } });
    expect(gold).toHaveLength(300);
    expect(gold.every(({ plan, height }) => plan === 'gold' && height >= 185)).toBe(true);
    const mean = gold.reduce((sum, { price }) => sum + price, 0) / 300;
    expect(mean).toBeGreaterThan(25);
    expect(model.synthesize(50, { where: { price: 0 } }).every(({ price }) => price === 0)).toBe(true);
    expect(model.synthesize(50, { where: { plan: ['free', 'basic'] } }).every(({ plan }) => plan !== 'gold')).toBe(
      true,
    );
    let told = 0;
    const ruled = model.synthesize(40, {
      constraints: [({ visits }) => visits > 5],
      onAcceptance: (share) => {
        told = share;
      },
    });
    expect(ruled.every(({ visits }) => visits > 5)).toBe(true);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(1);
  });

  it('of conditions that cannot be met are refused by name', () => {
    expect(() => model.synthesize(1, { where: { plan: 'silver' as 'gold' } })).toThrow(
      'where.plan must be one of free, basic, gold, got "silver"',
    );
    expect(() => model.synthesize(1, { where: { name: 'x' } })).toThrow(
      'where.name: the model does not see this column',
    );
    expect(() => model.synthesize(1, { where: { plans: 'free' } as never })).toThrow(
      "there is no column 'plans'; did you mean 'plan'?",
    );
    expect(() => model.synthesize(5, { constraints: [() => false] })).toThrow('met the constraints');
    expect(() => model.synthesize(-1)).toThrow('n must be a whole number ≥ 0');
  });
});

describe('codes and drift', () => {
  it('find the rows that are alike', () => {
    const [first] = model.nearest(rows[0] as Person, 3);
    expect(model.embed(fresh.slice(0, 2)).map((code) => code.length)).toEqual([4, 4]);
    expect(first?.distance).toBeGreaterThanOrEqual(0);
    expect(rows[first?.index as number]?.plan).toBe(rows[0]?.plan);
  });

  it('tell columns that moved', () => {
    expect(model.drift(people(500, 21)).drift).toBe(false);
    const moved = model.drift(people(500, 22).map((row) => ({ ...row, height: row.height + 5 })));
    expect(moved.drift).toBe(true);
    expect(moved.columns.filter(({ drift }) => drift).map((found) => found.column)).toContain('height');
    const gone = model.drift(people(300, 23).map((row) => ({ ...row, price: null as unknown as number })));
    expect(gone.columns.find((found) => found.column === 'price')?.holes.drift).toBe(true);
    const other = people(60, 3).map(({ plan: _, ...row }) => ({ ...row, extra: 1 }));
    expect(model.drift(other as never).notes).toHaveLength(2);
  });
});

describe('columns that rows lack, or have beside', () => {
  it('are told once, with the name that was meant', () => {
    const own = TableModel.fromBytes<Person>(model.toBytes());
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    own.score([{ id: 'a', height: 170 }] as never);
    expect(warn.mock.calls.flat().join()).toMatch("no row has the columns 'plan', 'price'");
    warn.mockRestore();
    const told: string[] = [];
    own.onWarning = (message) => told.push(message);
    const slipped = fresh.slice(0, 3).map(({ height, ...row }) => ({ ...row, heigth: height }));
    own.score(slipped as never);
    own.pValues(slipped as never);
    expect(told).toEqual([
      "TableModel.score: no row has the column 'height', which counts as a hole; was it meant by 'heigth'?",
      'TableModel.score: columns that the model does not know are ignored: heigth',
    ]);
    // A column that has had holes may be left out of a record.
    own.score(fresh.slice(0, 3).map(({ weight: _, ...row }) => row) as never);
    expect(told.length).toBe(2);
    expect(own.notes(fresh.slice(0, 3).map(({ weight: _, ...row }) => row) as never).length).toBe(1);
  });
});

describe('input that is not meant', () => {
  it('is refused with row, column, value and what was expected', async () => {
    expect(() => model.score([...fresh.slice(0, 3), { ...fresh[3], height: 'tall' } as never])).toThrow(
      'TableModel.score: row 3, column \'height\': expected a number, got "tall"',
    );
    expect(() => model.score('rows' as never)).toThrow('the rows must be an array of records');
    expect(() => model.score([1] as never)).toThrow('row 0 must be a record');
    expect(() => model.score([{ a: 1 }] as never)).toThrow("the rows have none of the model's columns");
    const grouped = TableModel.fit(rows, { groupBy: 'paln' as never });
    await expect(grouped).rejects.toThrow("there is no column of the rows 'paln'; did you mean 'plan'?");
    const short = rows.map(({ height: _, ...row }) => row);
    await expect(TableModel.fit(short as never, { schema: model.schema as never })).rejects.toThrow("'height'");
    await expect(TableModel.fit(rows.slice(0, 10))).rejects.toThrow('10 rows are too few to learn from; it takes 20');
    await expect(TableModel.fit(rows, { epoch: 3 } as never)).rejects.toThrow(
      "no option 'epoch'; did you mean 'epochs'?",
    );
    await expect(TableModel.fit(rows.map(({ name }) => ({ name })))).rejects.toThrow('no column to learn from');
    await expect(TableModel.fit(rows, { ...small, epochs: 2, signal: AbortSignal.abort() })).rejects.toThrow('abort');
  });

  it('of levels never seen is odd, not an error; holes are no oddity by themselves', () => {
    const [row] = fresh as [Person];
    const strange = { ...row, plan: 'platinum' as 'gold' };
    expect(model.score([strange])[0]).toBeGreaterThan(model.score([row])[0] as number);
    expect(Number.isFinite(model.score([{ plan: 'free' } as Person])[0])).toBe(true);
    for (const far of [1e300, -50, -1e300]) {
      expect(Number.isFinite(model.score([{ ...row, height: far, price: far, visits: far }])[0])).toBe(true);
    }
  });
});

it('a detector keeps together what belongs together, and takes a schema', async () => {
  const schema = inferSchema(rows).with({ joined: column.ignore(), visits: column.numeric() });
  const detector = await AnomalyDetector.fit(rows, {
    ...small,
    schema,
    groupBy: 'plan',
    epochs: 5,
    calibration: 0.3,
  }).catch((error: Error) => error.message);
  // Three groups cannot be shared out in four parts.
  expect(detector).toContain('leave none to learn from');
  const found = await AnomalyDetector.fit(rows, { ...small, schema, order: 'time', epochs: 20 });
  expect(found.task).toBe('anomalies');
  const again = AnomalyDetector.fromBytes<Person>(found.toBytes());
  expect(again.score(fresh)).toEqual(found.score(fresh));
  expect(found.score(fresh.slice(3, 4))[0]).toBe(found.score(fresh)[3]);
  const named: keyof Person | undefined = found.explain(fresh.slice(0, 1))[0]?.cells[0]?.column;
  expect(named).toBeDefined();
});
