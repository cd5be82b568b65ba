// What a value of lbd.yaml may be, in words, from the JSON Schema: for the manual page, and for who looks at a key in an editor.
const isVariable = ({ $ref }) => $ref === '#/definitions/variable';
/** A bare number of seconds, or a number in quotes: said once, for all. */
const isOtherSpelling = ({ title: words }) => words === 'seconds' || words === 'digits';

const range = ({ minimum, exclusiveMinimum, maximum }) => {
  if (exclusiveMinimum !== undefined) return `above ${exclusiveMinimum}, up to ${maximum}`;
  return minimum === undefined ? 'a number' : `${minimum} to ${maximum}`;
};

/** What a value may be, in words: `wrr | wlc`, `1 to 255`, `a duration, 10ms to 1h`, `a list of mappings`. */
function* kinds(node) {
  if (isVariable(node) || isOtherSpelling(node)) return;
  if (node.anyOf) for (const each of node.anyOf) yield* kinds(each);
  else if (node.enum) yield node.enum.join(' | ');
  else if (node.const !== undefined) yield String(node.const);
  else if (node.type === 'boolean') yield 'true | false';
  else if (node.type === 'integer' || node.type === 'number') yield range(node);
  else if (node.type === 'array') yield `a list of ${plural(kindOf(node.items))}`;
  else if (node.type === 'object') yield 'a mapping';
  else yield node.title ?? 'a text';
}
export const kindOf = (node) => [...new Set(kinds(node))].join(' | ');
/** Words of a list stand as they are. */
const plural = (kind) =>
  kind.replace(
    /\ban? ((?:IP )?)(mapping|text|name|address|interface)\b/g,
    (_, front, noun) => `${front}${noun}${noun.endsWith('s') ? 'es' : 's'}`,
  );

export const usualOf = ({ default: usual }) => (usual === undefined ? '' : `; default: ${usual}`);
