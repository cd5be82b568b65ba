/** `${NAME}` in the values of a configuration. */
import type { Environment } from './places.js';

/** `${NAME}`, `${NAME:-default}` (also for an empty one, as in a shell); `$$` is a dollar sign. What cannot be told goes to `fault`. */
export function substitute(text: string, env: Environment, fault: (text: string) => void): string {
  return text.replace(
    /\$\$|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}|\$\{[^}]*\}?/g,
    (whole, name: string | undefined, fallback: string | undefined) => {
      if (whole === '$$') return '$';
      if (name === undefined) fault(`${whole} is no variable: write \${NAME} or \${NAME:-default}, and $$ for a dollar sign`);
      else if (env[name] === undefined && fallback === undefined)
        fault(`the environment variable ${name} is not set (\${${name}:-default} gives a default)`);
      return (env[name ?? ''] || fallback) ?? '';
    },
  );
}

/** A plain scalar is typed again after the substitution: `weight: ${WEIGHT}` is a number. */
export function retype(isPlain: boolean, text: string): unknown {
  if (!isPlain) return text;
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

/** The text with the values of all variables that it may name: what is the same means the same. */
export function withValues(text: string, env: Environment): string {
  if (!text.includes('${')) return text;
  const names = new Set([...text.matchAll(/\$\{([A-Za-z_]\w*)/g)].map((match) => match[1] as string));
  return `${text}\n${JSON.stringify([...names].map((name) => [name, env[name] ?? null]))}`;
}
