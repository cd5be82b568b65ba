/** Checks and their times. */
import type { Docs } from './types.js';

export const TIMING: Docs = {
  interval: {
    text: 'From the start of a probe to the start of the next one. It may be shorter than the timeout: a probe that takes longer delays the next one.',
    usual: '2s',
  },
  interval_down: 'The interval while the real server is down; the interval itself when left out.',
  interval_changing: 'The interval while results contradict the verdict; the interval itself when left out.',
  jitter: { text: 'How far every beat is moved to and fro, as a share of the interval.', usual: '5%' },
  timeout: { text: 'The deadline of the whole probe: what is not done then has failed.', usual: '1s' },
  rise: { text: 'So many successes in a row bring it up.', usual: 1 },
  fall: { text: 'So many failures in a row take it down.', usual: 2 },
};

const SHARE: Docs = {
  min: { text: 'The least share of the weight that may be asked for.', usual: '0%' },
  max: { text: 'The largest share of the weight that may be asked for.', usual: '1000%' },
};

const TLS: Docs = {
  verify: { text: 'Whether the certificate must be signed by a known authority and be of the right name.', usual: true },
  ca: 'A file with the authorities that may have signed the certificate; those of Node.js when left out.',
  certificate: 'A file with the certificate that the probe shows; it needs a key.',
  key: 'A file with the key of that certificate.',
  sni: 'The server name of the handshake; the host of the request, where there is one, when left out.',
  warn_before: { text: 'A certificate that ends within that time is told by lbctl status.', usual: '14d' },
};

export const CHECK: Docs = {
  type: 'What is asked: a connection, a request, an echo, or a program of this host. Of agent and file the first line that is not empty decides: up or ready; down, fail, failed, stopped or maint; drain (the weight is 0); 75% (of the weight; none said is the whole of it); # and a note. An agent that cannot be reached is a failure like any other, where HAProxy goes on.',
  ...TIMING,
  port: 'The port that is asked; that of the real server when left out.',
  address:
    'The address that is asked; that of the real server when left out. With via: vip it says which address of the service.',
  source: 'The address of this host that the probe comes from; the kernel chooses when left out.',
  interface: 'The interface that the probe leaves by.',
  fwmark: 'The firewall mark that the packets of the probe carry.',
  netns: 'The network namespace that the probe leaves from: a name as of ip netns, or a path. The probe needs CAP_SYS_ADMIN.',
  via: 'The probe goes to the address of the virtual server, through the forwarding (dr or tun) to this real server, as the packets of clients do.',
  proxy_protocol: 'The version of the PROXY protocol header that goes before everything else.',
  send: 'The text that is sent first.',
  send_hex: 'The bytes that are sent first, in hexadecimal digits: in place of send.',
  expect: 'A text that the answer must hold.',
  regex:
    'A regular expression that the answer, or the body of an HTTP answer, must match. Matched in linear time: no look-around, no back-references.',
  silence: 'Of udp: no ICMP error for so long is a success, though nothing answers.',
  path: 'Of http and https the path that is asked for, / when left out; of file the file of this host that is read at every beat; one that does not exist is a failure.',
  method: { text: 'The method of the request.', usual: 'GET' },
  host: 'The Host header, or the authority of grpc; the address of the real server when left out.',
  headers: 'More headers of the request: a mapping of names to texts.',
  status: 'Which statuses are a success: numbers and ranges. 200-299 when left out.',
  body: 'A text that the first MiB of the body must hold.',
  digest: 'The digest of the whole body: md5: or sha256: and its hexadecimal digits.',
  http2: { text: 'HTTP/2: by ALPN with https, at once with http.', usual: false },
  service: 'Of grpc: the service whose health is asked for; that of the whole server when left out.',
  tls: { text: 'TLS of https and grpc; a grpc check without it speaks in the clear.', keys: TLS },
  name: 'Of dns: the name that is asked for.',
  query: { text: 'Of dns: the type of the record.', usual: 'A' },
  answer: 'Of dns: a record that must be in the answer; any answer will do when left out.',
  helo: { text: 'Of smtp: the name that the probe gives for itself.', usual: 'lbd' },
  command: 'Of script: the program and its words. Exit status 0 is a success; LBD_ADDRESS and LBD_PORT are in the environment.',
  user: { text: 'Of script: the user that it runs as.', usual: 'nobody' },
  weight: {
    text: 'Of script: the exit statuses 2 to 255 are successes too, and say the weight: so many percent of it, less 2.',
    usual: false,
  },
  share: { text: 'Bounds of the share of the weight that agent, file and script ask for.', keys: SHARE },
};
