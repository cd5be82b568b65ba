/** Keywords of virtual servers, their real servers and checks. */
import { CHECKS } from './lvs-checks.js';
import { REAL_SERVER, VIRTUAL_SERVER } from './lvs-services.js';
import { type Block, carried, noEffect, refused } from './types.js';

const GROUP: Block = { name: 'virtual_server_group', words: [carried('fwmark', 'fwmark')] };

const SSL: Block = {
  name: 'SSL',
  words: [
    refused(
      'password',
      "lbd takes a key without a passphrase: openssl pkey -in KEY -out NEW, and the new file in the checks' tls.key",
    ),
    noEffect(
      'ca',
      'keepalived never verifies a certificate, and tls.verify is false; with it true, tls.ca of the checks is this file',
    ),
    carried('certificate', 'tls.certificate'),
    carried('key', 'tls.key'),
  ],
};

export const LVS: readonly Block[] = [GROUP, SSL, VIRTUAL_SERVER, REAL_SERVER, ...CHECKS];
