/**
 * One UDP flow: `node stream.js ADDRESS PORT EVERY_MS` sends datagrams from one port all the time, and prints who answers each:
 * `{"at":MILLISECONDS_OF_DATE,"who":NAME}`.
 */
import { createSocket } from 'node:dgram';

const [address = '', port = '', every = '20'] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (data) => console.log(JSON.stringify({ at: Date.now(), who: data.toString() })));
// What nobody answers comes back as an ICMP error: the flow goes on.
socket.on('error', () => {});
socket.connect(Number(port), address, () => setInterval(() => socket.send('?', () => {}), Number(every)));
