/*
 * For the host's part of `npm run bench -- checks`: keepalived does not check anything where the kernel has no IPVS. Preloaded into it, this
 * answers its socket options of IPVS (linux/ip_vs.h: IP_VS_BASE_CTL and up) with success, and all others by the kernel.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { FIRST = 64 + 1024 + 64, COUNT = 128, GET_INFO = FIRST + 1, VERSION = 0x010201 };

static int is_ipvs(int level, int name) {
  return level == IPPROTO_IP && name >= FIRST && name < FIRST + COUNT;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  static int (*next)(int, int, int, void *, socklen_t *);
  if (is_ipvs(level, name)) {
    memset(value, 0, *length);
    if (name == GET_INFO && *length >= sizeof(int)) *(int *)value = VERSION;
    return 0;
  }
  if (!next) *(void **)&next = dlsym(RTLD_NEXT, "getsockopt");
  return next(fd, level, name, value, length);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  static int (*next)(int, int, int, const void *, socklen_t);
  if (is_ipvs(level, name)) return 0;
  if (!next) *(void **)&next = dlsym(RTLD_NEXT, "setsockopt");
  return next(fd, level, name, value, length);
}
