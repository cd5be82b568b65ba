// lbd(8): the daemon. Its options are those of src/daemon/args.ts; a test holds both together.
import { also, bold, escaped, italic, item, paragraph, section, styled, title } from './roff.mjs';

export const OPTIONS = [
  ['-c FILE, --config FILE', 'The configuration; {file} when left out.'],
  ['--check-config', 'Checks the configuration, tells what is wrong with place and cure, and exits: 0 valid, 4 not.'],
  ['--doctor FILE', 'Tells what of this host is not as FILE needs it, as JSON; lbctl doctor shows it to people.'],
  ['-V, --version', 'The version.'],
  ['-h, --help', 'A short help.'],
];

const SIGNALS = [
  [
    'SIGHUP',
    'Reads the configuration again. Any error in it changes nothing; what is as before keeps its timers, verdicts and connections.',
  ],
  [
    'SIGTERM, SIGINT',
    'Stops in order: a master hands its addresses over first, then the table is left or emptied (global.on_stop). A second one stops at once.',
  ],
  ['SIGUSR2', 'Exits at once, and keeps the table and the addresses for a successor: a restart without a gap.'],
];

const STATUSES = [
  [0, 'After an ordered stop; --check-config: valid.'],
  [1, 'It could not start, or failed.'],
  [4, 'The configuration is not valid.'],
];

const FILES = [
  ['{file}', 'The configuration: lbd.yaml(5).'],
  ['/run/lbd/lbd.sock', 'The control socket (global.control.socket).'],
  ['/run/lbd', 'What outlives a restart, and no boot.'],
  ['/var/lib/lbd', 'What outlives a boot (global.state_dir): changes made by lbctl, verdicts, which services are those of lbd.'],
];

const flags = (text) => text.replace(/(^|[ ,])(--?[a-z-]+)/gi, '$1*$2*').replace(/ (FILE)/g, ' _$1_');

export function lbdPage({ file, version }) {
  const filled = (text) => text.replace('{file}', file);
  return [
    title('LBD', 8, version),
    section('NAME'),
    escaped('lbd - layer-4 load balancer with built-in high availability'),
    section('SYNOPSIS'),
    styled('*lbd* [*-c* _FILE_] [*--check-config*]'),
    '.br',
    styled('*lbd* *--doctor* _FILE_'),
    section('DESCRIPTION'),
    paragraph(
      'lbd has the IPVS of the Linux kernel forward connections and datagrams to real servers, takes those out whose checks fail, and moves the service addresses between directors by VRRP, version 2 and 3. It stays in the foreground and logs JSON lines to standard error.',
    ),
    paragraph(
      'Three processes run: core has the configuration and the control socket, check the health checks and the table of the kernel, vrrp the adverts and addresses. One that dies is started again and adopts what it finds. The table outlives them all.',
    ),
    paragraph('lbctl(1) shows what it does, and changes it while it runs.'),
    section('OPTIONS'),
    ...OPTIONS.map(([tag, text]) => item(styled(flags(tag)), filled(text))),
    section('SIGNALS'),
    ...SIGNALS.map(([tag, text]) => item(bold(tag), text)),
    section('EXIT STATUS'),
    ...STATUSES.map(([status, text]) => item(bold(String(status)), text)),
    section('FILES'),
    ...FILES.map(([tag, text]) => item(italic(filled(tag)), text)),
    section('SEE ALSO'),
    also([
      ['lbctl', 1],
      ['lbd.yaml', 5],
      ['ipvsadm', 8],
    ]),
  ];
}
