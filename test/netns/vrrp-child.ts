/** The vrrp process alone, as core would start it: with an IPC channel. */
import { runVrrpProcess } from '../../src/daemon/vrrp/process.js';

runVrrpProcess();
