/** A text of the plain kind (plain-yaml.ts) with its variables and positions, without the library. */
import { type Environment, type Loaded, type Path, placesOf } from './places.js';
import { isEmptyYaml, readPlainYaml } from './plain-yaml.js';
import { retype, substitute } from './variables.js';

/** Undefined: the text is not of the plain kind, or a variable is wrong, which the other way tells. */
export function loadPlain(file: string, text: string, env: Environment): Loaded | undefined {
  const at = placesOf(file, text);
  if (isEmptyYaml(text)) {
    return { source: { file, problem: (severity, message) => at(severity, message, 0) }, value: null, problems: [] };
  }
  const plain = readPlainYaml(text, (scalar, isPlain) => {
    if (!scalar.includes('$')) return { value: scalar };
    let isFaulty = false;
    const replaced = substitute(scalar, env, () => {
      isFaulty = true;
    });
    if (isFaulty) return undefined;
    return { value: replaced === scalar ? scalar : retype(isPlain, replaced) };
  });
  if (!plain) return undefined;
  const offsetOf = (path: Path, atKey: boolean): number => {
    for (let depth = path.length; depth > 0; depth--) {
      const found = plain.offsetOf(path.slice(0, depth), atKey && depth === path.length);
      if (found !== undefined) return found;
    }
    return plain.start;
  };
  const problem: Loaded['source']['problem'] = (severity, message, path, atKey = false) =>
    at(severity, message, offsetOf(path, atKey));
  return { source: { file, problem }, value: plain.value, problems: [] };
}
