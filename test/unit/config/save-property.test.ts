/** Whatever a file looks like and whatever was changed at run time: the file says it afterwards, and has all its comments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChangeRequest } from '../../../src/intent/change.js';
import { type Files, save, savedFiles } from '../../fake/saving.js';

interface Server {
  readonly host: number;
  readonly weight: number | undefined;
  readonly form: 'lines' | 'braces' | 'quoted' | 'tight';
  readonly above: boolean;
  readonly beside: boolean;
  readonly inside: boolean;
}

interface Service {
  readonly form: 'lines' | 'lines, list in brackets' | 'lines, list in lines of brackets' | 'braces';
  readonly servers: readonly Server[] | undefined;
  readonly after: boolean;
  readonly spaced: boolean;
  readonly above: boolean;
  readonly beside: boolean;
  readonly trailing: boolean;
}

interface World {
  readonly files: readonly (readonly Service[])[];
  readonly indent: 0 | 2 | 4;
  readonly eol: '\n' | '\r\n';
  readonly ends: boolean;
  readonly requests: readonly ChangeRequest[];
}

/** What a comment is of: it may go with that, and with nothing else. */
const NOBODY = '';

/** Comments with a number each, and who they belong to. */
class Comments {
  readonly owners: string[] = [];
  of(owner: string, wanted: boolean): string {
    if (!wanted) return '';
    this.owners.push(owner);
    return ` # ä${this.owners.length - 1}. \t{ ] "`;
  }
}

const addressOf = ({ host, form }: Server): string => (form === 'quoted' ? `"10.0.0.${host}:80"` : `10.0.0.${host}:80`);

function bracesOf(server: Server): string {
  const weight = server.weight === undefined ? '' : `, weight: ${server.weight}`;
  return server.form === 'tight' ? `{address: ${addressOf(server)}${weight}}` : `{ address: ${addressOf(server)}${weight} }`;
}

function serverLines(server: Server, column: string, name: string, comments: Comments): string[] {
  const own = `${name}/${server.host}`;
  const above = server.above ? [`${column}${comments.of(name, true).trim()}`] : [];
  const beside = comments.of(own, server.beside);
  if (server.form !== 'lines') return [...above, `${column}- ${bracesOf(server)}${beside}`];
  const first = `${column}- address: ${addressOf(server)}${beside}`;
  if (server.weight === undefined) return [...above, first];
  const between = server.inside ? [`${column}  ${comments.of(own, true).trim()}`] : [];
  return [...above, first, ...between, `${column}  weight: ${server.weight}${comments.of(own, server.inside)}`];
}

function listLines(
  { form, servers = [], trailing, beside }: Service,
  column: string,
  name: string,
  comments: Comments,
): string[] {
  if (servers.length === 0) return [`${column}real_servers: []${comments.of(name, beside)}`];
  if (form === 'lines') {
    const head = `${column}real_servers:${comments.of(name, beside)}`;
    return [head, ...servers.flatMap((one) => serverLines(one, `${column}  `, name, comments))];
  }
  if (form === 'lines, list in brackets') {
    const text = servers.map(bracesOf).join(', ');
    return [`${column}real_servers: [ ${text}${trailing ? ',' : ''} ]${comments.of(name, beside)}`];
  }
  const entries = servers.flatMap((one, i) => {
    const own = `${name}/${one.host}`;
    const comma = trailing || i < servers.length - 1 ? ',' : '';
    const above = one.above ? [`${column}  ${comments.of(name, true).trim()}`] : [];
    return [...above, `${column}  ${bracesOf(one)}${comma}${comments.of(own, one.beside)}`];
  });
  return [`${column}real_servers: [${comments.of(name, beside)}`, ...entries, `${column}]`];
}

function serviceLines(service: Service, name: string, host: number, indent: string, comments: Comments): string[] {
  const above = service.above ? [`${indent}${comments.of(NOBODY, true).trim()}`] : [];
  const blank = service.spaced ? [''] : [];
  if (service.form === 'braces') {
    const list = service.servers ? `, real_servers: [ ${service.servers.map(bracesOf).join(', ')} ]` : '';
    return [
      ...blank,
      ...above,
      `${indent}- { name: ${name}, address: "192.0.2.${host}:80"${list}, quorum: 1 }${comments.of(name, service.beside)}`,
    ];
  }
  const column = `${indent}  `;
  const list = service.servers ? listLines(service, column, name, comments) : [];
  return [
    ...blank,
    ...above,
    `${indent}- name: ${name}${comments.of(name, service.beside)}`,
    `${column}address: 192.0.2.${host}:80`,
    ...list,
    ...(service.after ? [`${column}quorum: 1${comments.of(name, service.beside)}`] : []),
  ];
}

function write({ files, indent, eol, ends }: World): { texts: Files; comments: Comments } {
  const comments = new Comments();
  let number = 0;
  const texts = files.map((services, i) => {
    const include = i === 0 && files.length > 1 ? ['include: [ more* ]'] : [];
    const entries = services.flatMap((one) => {
      number++;
      return serviceLines(one, `s${number}`, number, ' '.repeat(indent), comments);
    });
    const head = `virtual_servers:${comments.of(NOBODY, true)}`;
    const lines = [
      comments.of(NOBODY, true).trim(),
      ...include,
      head,
      ...entries,
      ...(ends ? ['', comments.of(NOBODY, true).trim(), ''] : []),
    ];
    return [i === 0 ? 'main' : `more${i}`, lines.join(eol)] as const;
  });
  return { texts: Object.fromEntries(texts), comments };
}

const host = fc.integer({ min: 1, max: 6 });
const server: fc.Arbitrary<Server> = fc.record({
  host,
  weight: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  form: fc.constantFrom('lines', 'braces', 'quoted', 'tight'),
  above: fc.boolean(),
  beside: fc.boolean(),
  inside: fc.boolean(),
});
const service: fc.Arbitrary<Service> = fc.record({
  form: fc.constantFrom('lines', 'lines', 'lines, list in brackets', 'lines, list in lines of brackets', 'braces'),
  servers: fc.option(fc.uniqueArray(server, { maxLength: 4, selector: (one) => one.host }), { nil: undefined, freq: 5 }),
  after: fc.boolean(),
  spaced: fc.boolean(),
  above: fc.boolean(),
  beside: fc.boolean(),
  trailing: fc.boolean(),
});

const name = fc.constantFrom('s1', 's2', 's3', 's4', 'new', 'fresh');
const rs = host.map((one) => `10.0.0.${one}:80`);
const request: fc.Arbitrary<ChangeRequest> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('add-rs' as const), service: name, rs, weight: fc.integer({ min: 0, max: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('del-rs' as const), service: name, rs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('set-rs' as const),
      service: name,
      rs,
      weight: fc.constantFrom('0', '7', '10', '50%', '100%'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('add-vs' as const),
      name,
      address: fc.integer({ min: 1, max: 9 }).map((one) => `192.0.2.${one}:80`),
      scheduler: fc.constantFrom(undefined, 'rr'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('del-vs' as const), service: name }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('set-state' as const),
      service: name,
      rs,
      state: fc.constantFrom('drain', 'disable'),
    }),
  },
);

const world: fc.Arbitrary<World> = fc.record({
  files: fc.array(fc.array(service, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
  indent: fc.constantFrom(0 as const, 2 as const, 4 as const),
  eol: fc.constantFrom('\n' as const, '\r\n' as const),
  ends: fc.boolean(),
  requests: fc.array(request, { minLength: 1, maxLength: 8 }),
});

/** `s1`, or `s1/3` of its real server 10.0.0.3:80, each that went. */
function goneOf(texts: Files, requests: readonly ChangeRequest[]): Set<string> {
  const { found } = save(texts, requests, {}, false);
  return new Set(
    found.flatMap(({ change, target }) => (change === 'removed' ? [target.replace(/10\.0\.0\.(\d+):80$/, '$1')] : [])),
  );
}

test('the files say what is in force, and every comment of what stays is there', () => {
  fc.assert(
    fc.property(world, (one) => {
      const { texts, comments } = write(one);
      let after: Files;
      const gone = goneOf(texts, one.requests);
      try {
        after = savedFiles(texts, one.requests, {}, false);
      } catch (error) {
        // Without any virtual server there is nothing to do, which is no configuration.
        if (/nothing to do/.test(String(error))) return;
        throw error;
      }
      const all = Object.values(after).join('\n');
      for (const [i, owner] of comments.owners.entries()) {
        if (all.includes(`# ä${i}. \t{ ] "`)) continue;
        assert.ok(gone.has(owner) || gone.has(owner.replace(/\/.*/, '')), `comment ${i} of "${owner}" is lost:\n${all}`);
      }
      for (const text of Object.values(after)) {
        const lines = text.split('\n').slice(0, -1);
        assert.ok(
          lines.every((line) => line.endsWith('\r') === (one.eol === '\r\n')),
          JSON.stringify(text),
        );
      }
      for (const [file, text] of Object.entries(texts))
        assert.equal(after[file]?.endsWith('\n'), text.endsWith('\n'), `the end of ${file}: ${JSON.stringify(after[file])}`);
    }),
    { numRuns: Number(process.env.LBD_FUZZ ?? 1) * 150 },
  );
});
