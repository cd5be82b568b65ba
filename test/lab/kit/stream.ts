/**
 * One UDP flow: `node stream.js ADDRESS PORT EVERY_MS` sends numbered datagrams from one port, and prints who answers each:
 * `{"at":MONOTONIC_MS,"who":NAME}`.
 */
import { createSocket } from 'node:dgram';

const [address = '', port = '', every = '20'] = process.argv.slice(2);
const monotonic = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;
const socket = createSocket('udp4');
socket.on('message', (data) => console.log(JSON.stringify({ at: monotonic(), who: data.toString() })));
// What nobody answers comes back as an ICMP error: the flow goes on.
socket.on('error', () => {});
socket.connect(Number(port), address, () => {
  console.log('sending');
  setInterval(() => socket.send('?', () => {}), Number(every));
});
