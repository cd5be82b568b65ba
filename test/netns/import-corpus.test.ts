/** Every configuration of the corpus is one that Debian's keepalived starts with. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { CORPUS } from './import-stage.js';

/**
 * keepalived -t looks for interfaces and scripts, and its test of scripts of other users ends it where it has a parent: it is given a process
 * namespace of its own.
 */
const SCRIPT = `set -e
mount -t tmpfs tmpfs /etc/keepalived
cp -r ${CORPUS}/etc/. /etc/keepalived/
for n in 0 1; do ip link add eth$n type veth peer name p$n; ip link set eth$n up; ip link set p$n up; done
ip address add 10.9.0.1/24 dev eth0
ip address add 10.8.0.1/24 dev eth1
cd ${CORPUS}
for file in "$@"; do
  status=0
  unshare -pf keepalived -t -i left -f "$file" 2>&1 || status=$?
  echo "$file ends with $status"
done`;

/** It starts; it would start with what it could read; scripts are run without its checks of who may write them. */
const STARTS = [0, 5, 6];
/** What is wrong in these is what they are there for. */
const FAULTY = ['director-old.conf', 'vrrp-sloppy.conf'];

const files = readdirSync(CORPUS)
  .filter((name) => name.endsWith('.conf'))
  .sort();

describe('keepalived takes the corpus', () => {
  const output = execFileSync('unshare', ['-nm', 'sh', '-c', SCRIPT, 'sh', ...files], { encoding: 'utf8' });
  let from = 0;
  for (const file of files) {
    const [line = '', status = ''] = new RegExp(`^${file.replace('.', '\\.')} ends with (\\d+)$`, 'm').exec(output) ?? [];
    const said = output.slice(from, output.indexOf(line));
    from = output.indexOf(line) + line.length;
    test(file, () => {
      assert.ok(STARTS.includes(Number(status)), `status ${status}\n${said}`);
      if (!FAULTY.includes(file)) assert.doesNotMatch(said, /Unknown keyword|invalid|Unexpected/i);
    });
  }
});
