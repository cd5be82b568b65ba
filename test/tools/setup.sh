#!/bin/sh
# Makes this machine ready for `npm run demo` and `npm test`: Debian packages, npm packages with the addon, the build. Says what it does
# before it does it; does nothing, in well under a second, when everything is there. The argument is the purpose: demo, test, bench or lab.
set -u
purpose=${1:-test}
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

fail() {
  echo "setup: $1" >&2
  exit 1
}

# step WORDS COMMAND…: says WORDS, runs the command with its output in a file, says how long it took. A failure shows the file's end.
step() {
  words=$1
  shift
  echo "setup: $words …"
  began=$(date +%s)
  if "$@" >"$logs/step" 2>&1; then
    echo "setup: $words: done in $(($(date +%s) - began)) s"
  else
    tail -n 20 "$logs/step" >&2
    fail "$words failed; the command was: $*"
  fi
}

command -v node >/dev/null || fail 'Node.js is missing: install version 20.18 or newer'
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 18) ? 0 : 1)' ||
  fail "Node.js $(node --version) is too old: lbd needs 20.18 or newer"
command -v npm >/dev/null || fail 'npm is missing: it comes with Node.js'
[ "$(id -u)" = 0 ] || fail "root is needed for network namespaces and the lab: run it with sudo"

# program:package
wanted='ip:iproute2 keepalived:keepalived ipvsadm:ipvsadm tcpdump:tcpdump curl:curl modprobe:kmod nft:nftables sysctl:procps setpriv:util-linux make:make gcc:gcc g++:g++'
# What the checks of the bench ask.
[ "$purpose" = bench ] && wanted="$wanted nginx:nginx"
[ -e /proc/net/ip_vs ] || modprobe -q ip_vs 2>/dev/null || wanted="$wanted qemu-system-x86_64:qemu-system-x86"
if [ "$purpose" = test ]; then
  # Peers of the checkers (test/netns/peers.test.ts). No second mail server beside one that is here.
  wanted="$wanted nginx:nginx haproxy:haproxy dnsmasq:dnsmasq-base"
  # What lbctl completes in (test/unit/cli/completion.test.ts); bash is there.
  wanted="$wanted zsh:zsh fish:fish"
  command -v sendmail >/dev/null || wanted="$wanted exim4:exim4-daemon-light"
fi
missing=
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
# node-gyp needs more of Python than Debian's python3-minimal has.
python3 -c 'import shlex, json' 2>/dev/null || missing="$missing python3"
# shellcheck disable=SC2086 # a list of words
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || fail "missing:$missing; this machine has no apt-get to install them with"
  export DEBIAN_FRONTEND=noninteractive
  # Installing a service must not start it: policy-rc.d is asked by every package script, 101 means no.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -rf "$logs" /usr/sbin/policy-rc.d' EXIT
  fi
  # The package lists of this machine may do; where they do not, they are read anew.
  install_missing() {
    apt-get install -y --no-install-recommends $missing || { apt-get update && apt-get install -y --no-install-recommends $missing; }
  }
  step "installing$missing" install_missing
fi

newer() { [ -n "$(find "$@" -newer "$stamp" -print 2>/dev/null | head -n 1)" ]; }

stamp=node_modules/.package-lock.json
if [ ! -e "$stamp" ] || newer package-lock.json; then step 'npm ci (packages, and what is in native/)' npm ci --no-audit --no-fund; fi
stamp=build/Release/lbd.node
# package.json: the compiled lbctl carries the version.
if [ ! -e "$stamp" ] || [ ! -e build/Release/lbctl ] || newer native binding.gyp package.json; then
  step 'building the addon and lbctl' npm run install
fi
stamp=dist/lbd.cjs
if [ ! -e "$stamp" ] || newer src test tsconfig.json package.json; then step 'npm run build' npm run build; fi
echo "setup: ready for $purpose"
