/** Configurations of the servers that peers.test.ts asks. Folders end without a slash; everything that they write is in theirs. */

export const HTTP_PORTS = { http: 8080, h2c: 8081, proxy: 8082, https: 8443, plainTls: 8444, h2cProxy: 8083 } as const;

/** `/chunked` has no length (a substitution changes it), `/file` has one; all but the last two answer at once. */
export const nginx = (folder: string, pem: string, key: string): string => `
daemon off;
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/b;
  proxy_temp_path ${folder}/p;
  fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u;
  scgi_temp_path ${folder}/s;
  ssl_certificate ${pem};
  ssl_certificate_key ${key};
  gzip on;
  gzip_min_length 1;
  gzip_types *;
  default_type text/plain;
  server {
    listen 127.0.0.1:${HTTP_PORTS.http};
    listen 127.0.0.1:${HTTP_PORTS.h2c} http2;
    listen 127.0.0.1:${HTTP_PORTS.proxy} proxy_protocol;
    listen 127.0.0.1:${HTTP_PORTS.h2cProxy} http2 proxy_protocol;
    listen 127.0.0.1:${HTTP_PORTS.https} ssl http2;
    listen 127.0.0.1:${HTTP_PORTS.plainTls} ssl;
    root ${folder};
    location = /ok { return 200 "ok $server_protocol $host"; }
    location = /busy { return 503; }
    location = /none { return 204; }
    location = /same { return 304; }
    location = /moved { return 302 /ok; }
    location = /chunked { sub_filter_types *; sub_filter abc cba; sub_filter_once off; try_files /file =404; }
  }
}
`;

export const PROXY_PORTS = { http: 9080, https: 9443 } as const;

/** Strict about the PROXY protocol: a connection without its header is closed. */
export const haproxy = (pemAndKey: string): string => `
defaults
  mode http
  timeout client 5s
frontend web
  bind 127.0.0.1:${PROXY_PORTS.http} accept-proxy
  bind 127.0.0.1:${PROXY_PORTS.https} accept-proxy ssl crt ${pemAndKey} alpn h2,http/1.1
  http-request return status 200 content-type text/plain lf-string "ok %[req.ver] %[src]"
`;

export const DNS_PORT = 5353;

/** The texts together are longer than a datagram may be. Without children for TCP: one of them would keep the UDP socket. */
export const dnsmasq = [
  '/usr/sbin/dnsmasq',
  '--no-daemon',
  '--conf-file=/dev/null',
  '--no-resolv',
  '--no-hosts',
  '--user=root',
  '--pid-file=',
  '--listen-address=127.0.0.1',
  '--bind-interfaces',
  `--port=${DNS_PORT}`,
  '--local=/test/',
  '--host-record=web.test,192.0.2.7,2001:db8::7',
  '--mx-host=web.test,mail.test,10',
  ...Array.from({ length: 4 }, (_, i) => `--txt-record=long.test,${i}${'x'.repeat(200)}`),
];

/** Who is greeted with what depends on the port. */
export const SMTP_PORTS = { good: 2525, refuses: 2554, busy: 2421 } as const;

export const exim = (folder: string): string => `
primary_hostname = mail.test
spool_directory = ${folder}
log_file_path = ${folder}/%slog
pid_file_path = ${folder}/exim.pid
exim_user = root
exim_group = root
never_users =
daemon_smtp_ports = ${Object.values(SMTP_PORTS).join(' : ')}
local_interfaces = 127.0.0.1
disable_ipv6 = true
tls_advertise_hosts =
rfc1413_hosts =
acl_smtp_connect = greet
begin acl
greet:
  deny condition = \${if ={$received_port}{${SMTP_PORTS.refuses}}}
       message = 554 no mail here
  defer condition = \${if ={$received_port}{${SMTP_PORTS.busy}}}
       message = 421 too busy
  accept
`;
