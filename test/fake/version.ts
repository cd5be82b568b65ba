/** The version that the bundles and the compiled lbctl have, for modules that are not bundled: to be imported before them. */
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
(globalThis as { LBD_VERSION?: string }).LBD_VERSION = version;
