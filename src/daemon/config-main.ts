/** The parser's process, a program of its own (`node lbd-config.cjs FILE [--edit]`): it prints the result as JSON. */
import { parseConfigMain } from './config-child.js';
import { editConfigMain } from './edit-child.js';

const [, , file = '', option] = process.argv;

void (option === '--edit' ? editConfigMain(file) : parseConfigMain(file, option));
