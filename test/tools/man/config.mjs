// lbd.yaml(5), from the JSON Schema with its sentences: every key with its type, range and default.
import { kindOf, usualOf } from '../kinds.mjs';
import { also, bold, escaped, example, indented, italic, item, paragraph, section, subsection, title } from './roff.mjs';

/** The keys of the mappings that a value may be, or hold. */
const keysOf = (node) => [
  ...Object.entries(node.properties ?? {}),
  ...(node.anyOf ?? []).flatMap(keysOf),
  ...(node.items ? keysOf(node.items) : []),
];
/** More than that many keys are told once, and then by where they stand. */
const FEW = 2;

function key([name, node], path, seen) {
  const place = [...path, name].join('.');
  const needed = node.needed ? '; needed' : '';
  const tag = `${bold(name)}: ${italic(`${kindOf(node)}${usualOf(node)}${needed}`)}`;
  const below = keysOf(node);
  const content = JSON.stringify(below);
  const known = below.length > FEW ? seen.get(content) : undefined;
  if (known !== undefined) return [item(tag, `${node.description} Its keys are those of ${known}.`)];
  if (below.length > FEW) seen.set(content, place);
  return [item(tag, node.description), ...(below.length > 0 ? indented(keys(node, [...path, name], seen)) : [])];
}

/** Which keys cannot be left out. */
const neededIn = (node) => [
  ...(node.required ?? []),
  ...(node.anyOf ?? []).flatMap(neededIn),
  ...(node.items ? neededIn(node.items) : []),
];

function keys(node, path, seen) {
  const needed = new Set(neededIn(node));
  return [...new Map(keysOf(node))].flatMap(([name, value]) => key([name, { ...value, needed: needed.has(name) }], path, seen));
}

/** `samples`: name -> text. */
export function configPage({ schema, samples, version }) {
  const seen = new Map();
  const sections = Object.entries(schema.properties).flatMap(([name, node]) => [
    subsection(`${name}: ${kindOf(node)}`),
    paragraph(node.description),
    ...keys(node, [name], seen),
  ]);
  return [
    title('LBD.YAML', 5, version),
    section('NAME'),
    escaped('lbd.yaml - configuration of lbd, the layer-4 load balancer'),
    section('DESCRIPTION'),
    paragraph(
      'The file is YAML. A key that lbd does not know is an error, and so is what cannot work together: lbctl check-config FILE tells each with line and column. A reload with any error changes nothing.',
    ),
    paragraph(
      `A duration is a number with its unit: ms, s, m, h or d; a bare number is seconds. \${NAME} and \${NAME:-default} are taken from the environment; $$ is a dollar sign. ADDRESS:PORT is 192.0.2.10:80, or "[2001:db8::10]:80" in quotes.`,
    ),
    section('KEYS'),
    ...sections,
    section('FILES'),
    item(italic('/etc/lbd/lbd.yaml'), 'The configuration, unless lbd -c names another.'),
    item(italic('dist/lbd.schema.json'), 'The JSON Schema of this page, for editors.'),
    section('EXAMPLES'),
    ...Object.entries(samples).flatMap(([name, text]) => [paragraph(`conf/${name}:`), example(text)]),
    section('SEE ALSO'),
    also([
      ['lbd', 8],
      ['lbctl', 1],
    ]),
  ];
}
