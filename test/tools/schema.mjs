// The JSON Schema of lbd.yaml, from the valibot schemas (types, ranges) and src/config/docs (sentences, defaults). dist/src must be there.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { kindOf, usualOf } from './kinds.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** A module of dist/src. */
const load = (path) => import(pathToFileURL(join(ROOT, 'dist/src', path)));
const { formatDuration } = await load('base/duration.js');

/** A value may be taken from the environment, wherever it stands. */
const VARIABLE = { $ref: '#/definitions/variable' };
const variable = { type: 'string', pattern: '\\$\\{[A-Za-z_]\\w*(:-[^}]*)?\\}', $comment: 'a value of the environment' };
const text = (pattern, title) => ({ type: 'string', pattern, title });
/** Texts that begin so are read further by lbd alone: an editor need not know every rule. */
const V4 = '\\d{1,3}(\\.\\d{1,3}){3}';
const V6 = '[0-9a-fA-F:]*:[0-9a-fA-F:.]*';
const PORT = ':\\d{1,5}';
const DURATION = '^\\s*\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)?\\s*$';
const either = (...schemas) => ({ anyOf: [...schemas, VARIABLE] });

const isNumeric = (word) => /^-?\d+$/.test(word);
/** A number may stand in quotes. */
const digits = (min) => text(min < 0 ? '^-?\\d{1,10}$' : '^\\d{1,10}$', 'digits');

const FORMS = {
  scalar: () => either({ type: ['string', 'number'] }),
  duration: ({ min, max, words = [] }) => {
    const range = max === Number.POSITIVE_INFINITY ? '' : `, ${formatDuration(min)} to ${formatDuration(max)}`;
    const bare = { type: 'number', minimum: min / 1000, ...(range === '' ? {} : { maximum: max / 1000 }), title: 'seconds' };
    return either(...(words.length > 0 ? [{ enum: words }] : []), bare, text(DURATION, `a duration${range}`));
  },
  choice: ({ of }) => either({ enum: of.map((word) => (isNumeric(word) ? Number(word) : word)) }),
  percent: ({ min, max, bare }) => ({
    ...either(
      text(`^\\d{1,4}%${bare ? '?' : ''}$`, `${min}% to ${max}%`),
      ...(bare ? [{ type: 'number', minimum: min, maximum: max }] : []),
    ),
  }),
  ratio: ({ max }) => either({ type: 'number', exclusiveMinimum: 0, maximum: max }),
  number: ({ min, max, words }) => either({ enum: words }, { type: 'integer', minimum: min, maximum: max }, digits(min)),
  tier: ({ max }) => either({ type: 'boolean' }, { type: 'integer', minimum: 0, maximum: max }),
  address: () => either(text(`^(${V4}|${V6})$`, 'an IP address')),
  prefix: () => either(text(`^(${V4}|${V6})(/\\d{1,3})?$`, 'an address with an optional prefix length')),
  network: () => either(text(`^(${V4}|${V6})(/\\d{1,3})?$`, 'a network')),
  endpoint: () => either(text(`^(${V4}|\\[${V6}\\])${PORT}$`, 'ADDRESS:PORT')),
  server: () => either(text(`^(${V4}(${PORT})?|\\[${V6}\\](${PORT})?|${V6})$`, 'ADDRESS, or ADDRESS:PORT')),
  service: () => {
    const one = text(`^(${V4}(-[\\d.]+)?|\\[${V6}(-[0-9a-fA-F:.]+)?\\])${PORT}$`, 'ADDRESS:PORT, or a range of addresses');
    return either(one, { type: 'array', items: either(one), minItems: 1 });
  },
  mark: () =>
    either(
      { type: 'integer', minimum: 1, maximum: 2 ** 32 - 1 },
      text('^(0x[0-9a-fA-F]{1,8}|[1-9]\\d{0,9})$', 'a firewall mark'),
    ),
  marks: () => either(text('^[0-9a-fA-Fx]+\\s*-\\s*[0-9a-fA-Fx]+$', 'a range of firewall marks')),
  amount: () => either(text('^(\\d{1,3}%|\\d{1,5})$', 'a percentage'), { type: 'integer', minimum: 0, maximum: 65_535 }),
  status: () =>
    either({ type: 'integer', minimum: 100, maximum: 599 }, text('^[1-5]\\d\\d(-[1-5]\\d\\d)?$', 'a status or a range')),
  digest: () => either(text('^(md5:[0-9a-fA-F]{32}|sha256:[0-9a-fA-F]{64})$', 'md5: or sha256: and hexadecimal digits')),
  hex: () => either({ type: 'integer', minimum: 0, title: 'digits' }, text('^([0-9a-fA-F]{2})+$', 'pairs of hexadecimal digits')),
  netns: () => either(text('^(/.+|[^/]{1,255})$', 'a name, or an absolute path')),
  name: () => either(text('^[A-Za-z0-9][\\w.-]{0,62}$', 'a name')),
  interface: () => either(text('^[^\\s/:]{1,15}$', 'an interface')),
  threshold: () => either({ enum: ['keep'] }, text('^\\s*\\d{1,9} \\d{1,9}\\s*$', 'two numbers')),
};

const stepsOf = (schema) => (schema.pipe ? schema.pipe.flatMap(stepsOf) : [schema]);

/** What a mapping with two shapes looks at: whether it is given a word, a list or a mapping, and of which type. */
const PROBES = [undefined, 'off', 'none', 'default', [], {}, { type: 'hmac' }];

const unique = (schemas) => [...new Map(schemas.map((one) => [JSON.stringify(one), one])).values()];
/** anyOf within anyOf is one; a word of several lists of words is in one of them. */
function anyOf(schemas) {
  const flat = unique(schemas.flatMap((one) => one.anyOf ?? [one]));
  return flat.length === 1 ? flat[0] : { anyOf: flat };
}

function convertObject({ entries }) {
  const properties = Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, convert(entry)]));
  const required = Object.keys(entries).filter((key) => entries[key].type !== 'optional');
  return { type: 'object', properties, additionalProperties: false, ...(required.length > 0 ? { required } : {}) };
}

function convertArray({ item }, steps) {
  const least = steps.map((one) => (one.type === 'non_empty' ? 1 : one.type === 'min_length' ? one.requirement : 0));
  const minItems = Math.max(...least);
  return { type: 'array', items: convert(item), ...(minItems > 0 ? { minItems } : {}) };
}

/** Numbers, words and truth may come from the environment; so may any text, which needs no word about it. */
function convertLeaf(schema) {
  const { $schema: _, ...found } = toJsonSchema(schema, { typeMode: 'input', errorMode: 'ignore', target: 'draft-07' });
  const isText = found.type === 'string' && found.pattern === undefined;
  return isText ? found : { anyOf: [found, VARIABLE] };
}

function convert(schema) {
  const form = v.getMetadata(schema).form;
  if (form) return FORMS[form.is](form);
  const steps = stepsOf(schema);
  // The checks before it say what a mapping is; the shape is what comes last.
  const shape = schema.type === 'unknown' ? steps.findLast(({ kind }) => kind === 'schema') : steps[0];
  if (shape.type === 'optional') return convert(shape.wrapped);
  if (shape.type === 'loose_object') return convertObject(shape);
  if (shape.type === 'array') return convertArray(shape, steps);
  if (shape.type === 'lazy') return anyOf(PROBES.map((one) => convert(shape.getter(one))));
  if (shape.type === 'union') return anyOf(shape.options.map(convert));
  if (shape.type === 'record') return { type: 'object', additionalProperties: { type: 'string' } };
  return convertLeaf(schema);
}

/** The mappings that a value may be, or hold. */
const mappingsIn = (schema) =>
  schema.properties ? [schema] : [...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])].flatMap(mappingsIn);

/** Gives every key its sentence and its default. */
function describe(schema, docs, path, faults) {
  const mappings = mappingsIn(schema);
  const known = new Set(mappings.flatMap(({ properties }) => Object.keys(properties)));
  for (const key of Object.keys(docs ?? {})) if (!known.has(key)) faults.push(`there is no key ${[...path, key].join('.')}`);
  for (const { properties } of mappings)
    for (const [key, value] of Object.entries(properties)) {
      const found = docs?.[key];
      if (found === undefined) {
        faults.push(`${[...path, key].join('.')} has no text`);
        continue;
      }
      const doc = typeof found === 'string' ? { text: found } : found;
      describe(value, doc.keys, [...path, key], faults);
      properties[key] = { description: doc.text, ...(doc.usual === undefined ? {} : { default: doc.usual }), ...value };
    }
}

/** A check has the words of its type, and those that it cannot be without. */
function checkRules({ WORDS, NEEDS, timing }) {
  return Object.entries(WORDS).map(([type, words]) => ({
    if: { properties: { type: { const: type } }, required: ['type'] },
    // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
    then: {
      propertyNames: { enum: ['type', ...Object.keys(timing), ...words] },
      ...((NEEDS[type] ?? []).length > 0
        ? { allOf: NEEDS[type].map((group) => ({ anyOf: group.map((key) => ({ required: [key] })) })) }
        : {}),
    },
  }));
}

const isCheck = ({ properties }) => properties?.proxy_protocol !== undefined;

/** What stands in several places stands once, by a name. */
function shareChecks(schema, rules, defs) {
  if (schema === null || typeof schema !== 'object') return schema;
  if (Array.isArray(schema)) return schema.map((one) => shareChecks(one, rules, defs));
  if (isCheck(schema)) {
    defs.check ??= { ...schema, allOf: rules };
    return { $ref: '#/definitions/check' };
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, shareChecks(value, rules, defs)]));
}

/** With every key's sentence, range and default. `faults`: keys without a text, and texts without a key. */
export async function describedSchema() {
  const { fileSchema } = await load('config/schema.js');
  const { FILE } = await load('config/docs/file.js');
  const schema = convert(fileSchema);
  const faults = [];
  describe(schema, FILE, [], faults);
  return { schema, faults };
}

/** Below its sentence a key tells what it may be: an editor shows nothing else of the schema. */
function told(schema) {
  for (const { properties } of mappingsIn(schema))
    for (const [key, value] of Object.entries(properties)) {
      told(value);
      properties[key] = { ...value, description: `${value.description ?? ''}\n\n${kindOf(value)}${usualOf(value)}` };
    }
}

export async function schemaText() {
  const rules = checkRules(await load('config/schema-check.js'));
  const defs = { variable };
  const described = await describedSchema();
  for (const fault of described.faults) console.error(`build: src/config/docs: ${fault}`);
  told(described.schema);
  const schema = shareChecks(described.schema, rules, defs);
  const head = { $schema: 'http://json-schema.org/draft-07/schema#', $comment: 'lbd.yaml' };
  return `${JSON.stringify({ ...head, ...schema, definitions: defs }, null, 1)}\n`;
}
