/** `global.http` and `global.peers`. */
import * as v from 'valibot';
import { type Endpoint, parseEndpoint } from '../base/ip.js';
import { ROLES } from './control-types.js';
import { choice, list, mapping, name, parsed, path, text, yesNo } from './schema-tools.js';

const SHA256 = /^[0-9a-f]{64}$/i;

const endpoint = parsed<Endpoint>(
  (word) => {
    const found = parseEndpoint(word);
    if (found?.port) return { value: { address: found.address, port: found.port } };
    return { refused: `listen: "${word}" is no ADDRESS:PORT: write 127.0.0.1:8405 or "[::1]:8405"` };
  },
  'listen as ADDRESS:PORT',
  { is: 'endpoint' },
);

const listen = v.pipe(list('listen', endpoint), v.nonEmpty('listen is empty: give it an ADDRESS:PORT, or leave http out'));
const oneListen = v.pipe(
  endpoint,
  v.transform((one) => [one]),
);

const tls = mapping('tls', { certificate: path('certificate'), key: path('key'), client_ca: v.optional(path('client_ca')) });

const token = mapping('a token', {
  name: name('name of a token'),
  role: choice('role', ROLES),
  file: v.optional(path('file')),
  sha256: v.optional(
    v.pipe(
      text('sha256'),
      v.regex(SHA256, 'sha256 is 64 hexadecimal digits: printf %s "$TOKEN" | sha256sum'),
      v.transform((word) => word.toLowerCase()),
    ),
  ),
});

export const http = mapping('http', {
  listen: v.lazy((input): typeof listen | typeof oneListen => (Array.isArray(input) ? listen : oneListen)),
  tls: v.optional(tls),
  anonymous: v.optional(choice('right of requests without a token', ['read', 'none'])),
  tokens: v.optional(list('tokens', token), []),
});

const SCHEMES = ['http:', 'https:'];

const url = v.pipe(
  text('url'),
  v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
    const found = URL.canParse(dataset.value) ? new URL(dataset.value) : undefined;
    const refuse = (message: string) => {
      addIssue({ message });
      return NEVER;
    };
    if (!found || !SCHEMES.includes(found.protocol))
      return refuse(`url: "${dataset.value}" is no address of the API: write https://192.0.2.3:8405`);
    if (found.username || found.password) return refuse('url holds no password: the token has a file of its own, token_file');
    if (found.pathname !== '/' || found.search || found.hash)
      return refuse(`url: "${dataset.value}" ends with the port: the path is lbd's`);
    return found.origin;
  }),
);

export const peer = mapping('a peer', {
  name: name('name of a peer'),
  url,
  token_file: v.optional(path('token_file')),
  ca: v.optional(path('ca')),
  server_name: v.optional(text('server_name')),
  share: v.optional(yesNo('share'), false),
});

export type HttpShape = v.InferOutput<typeof http>;
export type PeerShape = v.InferOutput<typeof peer>;
