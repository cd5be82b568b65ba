/** The parser's process, a program of its own (`node lbd-config.cjs FILE`): it prints the result as JSON. */
import { parseConfigMain } from './config-child.js';

void parseConfigMain(process.argv[2] ?? '', process.argv[3]);
