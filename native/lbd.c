/*
 * Sockets that Node.js lacks: file descriptors, readiness, send, receive, errno. No protocol lives here; src/os/native.ts is the
 * contract. Plain C on Node-API, one binary for every Node.js from 20 on.
 */
#define NAPI_VERSION 8
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <node_api.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define MAX_ARGS 5
#define MAX_EVENTS 64
#define MAX_OPTION 4096
#define MAX_MESSAGES 256

struct bytes {
  uint8_t *data;
  size_t length;
};

/* ---- values in and out -------------------------------------------------------------------------------------------------- */

static napi_value throw_type(napi_env env, const char *text) {
  napi_throw_type_error(env, NULL, text);
  return NULL;
}

/* An Error with code, errno and syscall, as Node.js itself makes them (but errno positive). */
static napi_value throw_errno(napi_env env, int number, const char *call) {
  napi_value error, message, value;
  char text[160];
  snprintf(text, sizeof text, "%s: %s", call, uv_err_name(-number));
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, NULL, message, &error);
  napi_create_string_utf8(env, uv_err_name(-number), NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, error, "code", value);
  napi_create_int32(env, number, &value);
  napi_set_named_property(env, error, "errno", value);
  napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, error, "syscall", value);
  napi_throw(env, error);
  return NULL;
}

static napi_value number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

/* Reads the arguments; fewer than `least` is a bug of the caller. */
static int arguments(napi_env env, napi_callback_info info, size_t least, napi_value *args) {
  size_t count = MAX_ARGS;
  if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count < least) {
    throw_type(env, "too few arguments");
    return 0;
  }
  return 1;
}

/* napi_get_value_int32 takes NaN for 0 and cuts what is too large: close(NaN) would close standard input. */
static int get_int(napi_env env, napi_value value, int *out) {
  double given;
  if (napi_get_value_double(env, value, &given) == napi_ok && given >= INT_MIN && given <= INT_MAX && given == (int)given) {
    *out = (int)given;
    return 1;
  }
  throw_type(env, "a 32-bit integer is expected");
  return 0;
}

static int get_typed(napi_env env, napi_value value, napi_typedarray_type wanted, struct bytes *out) {
  bool typed = false;
  napi_typedarray_type type;
  if (napi_is_typedarray(env, value, &typed) == napi_ok && typed &&
      napi_get_typedarray_info(env, value, &type, &out->length, (void **)&out->data, NULL, NULL) == napi_ok && type == wanted)
    return 1;
  throw_type(env, wanted == napi_uint8_array ? "a Uint8Array is expected" : "an Int32Array is expected");
  return 0;
}

static int get_bytes(napi_env env, napi_value value, struct bytes *out) { return get_typed(env, value, napi_uint8_array, out); }

static int is_given(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  return napi_typeof(env, value, &type) == napi_ok && type != napi_undefined && type != napi_null;
}

static napi_value copy_bytes(napi_env env, const void *data, size_t length) {
  napi_value buffer, array;
  void *room;
  if (napi_create_arraybuffer(env, length, &room, &buffer) != napi_ok) return NULL;
  if (length > 0) memcpy(room, data, length);
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
  return array;
}

/* ---- sockets ------------------------------------------------------------------------------------------------------------ */

static napi_value fn_socket(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int domain, type, protocol;
  if (!arguments(env, info, 3, args) || !get_int(env, args[0], &domain) || !get_int(env, args[1], &type) || !get_int(env, args[2], &protocol))
    return NULL;
  int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  return fd < 0 ? throw_errno(env, errno, "socket") : number(env, fd);
}

static napi_value fn_close(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  if (!arguments(env, info, 1, args) || !get_int(env, args[0], &fd)) return NULL;
  /* EINTR still closes on Linux. */
  return close(fd) < 0 && errno != EINTR ? throw_errno(env, errno, "close") : NULL;
}

static napi_value fn_bind(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  struct bytes address;
  if (!arguments(env, info, 2, args) || !get_int(env, args[0], &fd) || !get_bytes(env, args[1], &address)) return NULL;
  return bind(fd, (struct sockaddr *)address.data, address.length) < 0 ? throw_errno(env, errno, "bind") : NULL;
}

static napi_value fn_connect(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  struct bytes address;
  if (!arguments(env, info, 2, args) || !get_int(env, args[0], &fd) || !get_bytes(env, args[1], &address)) return NULL;
  return number(env, connect(fd, (struct sockaddr *)address.data, address.length) < 0 ? -errno : 0);
}

static napi_value fn_setsockopt(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd, level, name;
  struct bytes value;
  if (!arguments(env, info, 4, args) || !get_int(env, args[0], &fd) || !get_int(env, args[1], &level) || !get_int(env, args[2], &name) ||
      !get_bytes(env, args[3], &value))
    return NULL;
  return setsockopt(fd, level, name, value.data, value.length) < 0 ? throw_errno(env, errno, "setsockopt") : NULL;
}

/* SO_ATTACH_FILTER takes a pointer, which bytes from JavaScript cannot hold. The kernel checks the program. */
static napi_value fn_attach_filter(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  struct bytes code;
  if (!arguments(env, info, 2, args) || !get_int(env, args[0], &fd) || !get_bytes(env, args[1], &code)) return NULL;
  size_t count = code.length / sizeof(struct sock_filter);
  if (code.length % sizeof(struct sock_filter) != 0 || count > BPF_MAXINSNS) return throw_type(env, "not a filter program");
  struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)code.data};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? throw_errno(env, errno, "setsockopt") : NULL;
}

static napi_value fn_getsockopt(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd, level, name, length;
  uint8_t room[MAX_OPTION];
  if (!arguments(env, info, 4, args) || !get_int(env, args[0], &fd) || !get_int(env, args[1], &level) || !get_int(env, args[2], &name) ||
      !get_int(env, args[3], &length))
    return NULL;
  if (length < 0 || length > MAX_OPTION) return throw_type(env, "the option is too long");
  socklen_t size = length;
  if (getsockopt(fd, level, name, room, &size) < 0) return throw_errno(env, errno, "getsockopt");
  return copy_bytes(env, room, size < (socklen_t)length ? size : (socklen_t)length);
}

static napi_value fn_getsockname(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (!arguments(env, info, 1, args) || !get_int(env, args[0], &fd)) return NULL;
  if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) return throw_errno(env, errno, "getsockname");
  return copy_bytes(env, &address, size);
}

static napi_value fn_shutdown(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd, how;
  if (!arguments(env, info, 2, args) || !get_int(env, args[0], &fd) || !get_int(env, args[1], &how)) return NULL;
  return number(env, shutdown(fd, how) < 0 ? -errno : 0);
}

static napi_value fn_send(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS] = {0};
  int fd, flags;
  struct bytes data, address = {NULL, 0};
  if (!arguments(env, info, 3, args) || !get_int(env, args[0], &fd) || !get_bytes(env, args[1], &data) || !get_int(env, args[2], &flags))
    return NULL;
  if (args[3] && is_given(env, args[3]) && !get_bytes(env, args[3], &address)) return NULL;
  ssize_t sent;
  do sent = sendto(fd, data.data, data.length, flags | MSG_NOSIGNAL, (struct sockaddr *)address.data, address.length);
  while (sent < 0 && errno == EINTR);
  return number(env, sent < 0 ? -errno : sent);
}

static void set_number(napi_env env, napi_value object, const char *name, double value) {
  napi_set_named_property(env, object, name, number(env, value));
}

static int meta_bytes(napi_env env, napi_value meta, const char *name, struct bytes *out) {
  napi_value value;
  return napi_get_named_property(env, meta, name, &value) == napi_ok && get_bytes(env, value, out);
}

static napi_value fn_recv(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS] = {0};
  int fd, flags;
  struct bytes data, address = {NULL, 0}, control = {NULL, 0};
  if (!arguments(env, info, 3, args) || !get_int(env, args[0], &fd) || !get_bytes(env, args[1], &data) || !get_int(env, args[2], &flags))
    return NULL;
  int wants_meta = args[3] && is_given(env, args[3]);
  if (wants_meta && (!meta_bytes(env, args[3], "address", &address) || !meta_bytes(env, args[3], "control", &control))) return NULL;
  struct iovec part = {data.data, data.length};
  struct msghdr message = {.msg_name = address.data,
                           .msg_namelen = address.length,
                           .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.data,
                           .msg_controllen = control.length};
  ssize_t got;
  do got = recvmsg(fd, &message, flags);
  while (got < 0 && errno == EINTR);
  if (got < 0) return number(env, -errno);
  if (wants_meta) {
    set_number(env, args[3], "addressLength", message.msg_namelen);
    set_number(env, args[3], "controlLength", message.msg_controllen);
    set_number(env, args[3], "flags", message.msg_flags);
  }
  return number(env, got);
}

/* Many datagrams in one call lie one behind the other in records of one size: each an address of one size, and then its bytes. */
struct records {
  int fd, size, address;
  struct bytes bytes;
  size_t count;
};

static int get_records(napi_env env, napi_value *args, struct records *out) {
  if (!get_int(env, args[0], &out->fd) || !get_bytes(env, args[1], &out->bytes) || !get_int(env, args[2], &out->size) ||
      !get_int(env, args[3], &out->address))
    return 0;
  if (out->address < 0 || out->size <= out->address || out->bytes.length % out->size != 0) {
    throw_type(env, "records are of one size, which is more than that of an address");
    return 0;
  }
  out->count = out->bytes.length / out->size;
  if (out->count > MAX_MESSAGES) out->count = MAX_MESSAGES;
  return 1;
}

/* Only these of them, in this order. */
static int pick_records(napi_env env, napi_value value, struct records *out, const int32_t **places) {
  struct bytes given;
  if (!get_typed(env, value, napi_int32_array, &given)) return 0;
  *places = (const int32_t *)given.data;
  size_t all = out->bytes.length / out->size;
  out->count = given.length < MAX_MESSAGES ? given.length : MAX_MESSAGES;
  for (size_t i = 0; i < out->count; i++) {
    if ((*places)[i] >= 0 && (size_t)(*places)[i] < all) continue;
    throw_type(env, "there is no such record");
    return 0;
  }
  return 1;
}

/* `places` may be NULL: the records as they lie. */
static void lay_out(const struct records *records, const int32_t *places, struct mmsghdr *messages, struct iovec *parts) {
  memset(messages, 0, records->count * sizeof *messages);
  for (size_t i = 0; i < records->count; i++) {
    uint8_t *record = records->bytes.data + (places ? (size_t)places[i] : i) * records->size;
    parts[i].iov_base = record + records->address;
    parts[i].iov_len = records->size - records->address;
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    if (records->address == 0) continue;
    messages[i].msg_hdr.msg_name = record;
    messages[i].msg_hdr.msg_namelen = records->address;
  }
}

static napi_value fn_send_many(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS] = {0};
  struct records records;
  const int32_t *places = NULL;
  struct mmsghdr messages[MAX_MESSAGES];
  struct iovec parts[MAX_MESSAGES];
  if (!arguments(env, info, 4, args) || !get_records(env, args, &records)) return NULL;
  if (args[4] && is_given(env, args[4]) && !pick_records(env, args[4], &records, &places)) return NULL;
  lay_out(&records, places, messages, parts);
  int sent;
  do sent = sendmmsg(records.fd, messages, records.count, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return number(env, sent < 0 ? -errno : sent);
}

static napi_value fn_recv_many(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  struct records records;
  struct mmsghdr messages[MAX_MESSAGES];
  struct iovec parts[MAX_MESSAGES];
  struct bytes lengths; /* as many as the array has elements */
  if (!arguments(env, info, 5, args) || !get_records(env, args, &records) || !get_typed(env, args[4], napi_int32_array, &lengths)) return NULL;
  if (records.count > lengths.length) records.count = lengths.length;
  lay_out(&records, NULL, messages, parts);
  int got;
  do got = recvmmsg(records.fd, messages, records.count, 0, NULL);
  while (got < 0 && errno == EINTR);
  for (int i = 0; i < got; i++) ((int32_t *)lengths.data)[i] = messages[i].msg_len;
  return number(env, got < 0 ? -errno : got);
}

static napi_value fn_wait(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd, events, limit;
  if (!arguments(env, info, 3, args) || !get_int(env, args[0], &fd) || !get_int(env, args[1], &events) || !get_int(env, args[2], &limit))
    return NULL;
  struct pollfd entry = {.fd = fd, .events = events};
  int count = poll(&entry, 1, limit);
  return number(env, count < 0 ? -errno : count == 0 ? 0 : entry.revents);
}

static napi_value fn_clock(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int id;
  struct timespec now;
  if (!arguments(env, info, 1, args) || !get_int(env, args[0], &id)) return NULL;
  if (clock_gettime(id, &now) < 0) return throw_errno(env, errno, "clock_gettime");
  return number(env, now.tv_sec * 1e3 + now.tv_nsec / 1e6);
}

/* ---- network namespaces ------------------------------------------------------------------------------------------------- */

/*
 * Calls a function while this thread is in another network namespace. What a thread does that did not come back leaves from the wrong
 * place, and nobody would notice: then the process ends.
 */
static napi_value fn_in_netns(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS], receiver, result = NULL;
  napi_valuetype type;
  char path[PATH_MAX], text[160];
  size_t length;
  if (!arguments(env, info, 2, args)) return NULL;
  if (napi_get_value_string_utf8(env, args[0], NULL, 0, &length) != napi_ok) return throw_type(env, "a path is expected");
  if (length >= sizeof path) return throw_errno(env, ENAMETOOLONG, "netns");
  napi_get_value_string_utf8(env, args[0], path, sizeof path, &length);
  if (napi_typeof(env, args[1], &type) != napi_ok || type != napi_function) return throw_type(env, "a function is expected");
  int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0) return throw_errno(env, errno, "open /proc/thread-self/ns/net");
  /* Whatever file the path names: a FIFO must not hold us. */
  int other = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int refused = other < 0 || setns(other, CLONE_NEWNET) < 0 ? errno : 0;
  if (other >= 0) close(other);
  if (refused) {
    close(own);
    return throw_errno(env, refused, "netns");
  }
  napi_get_global(env, &receiver);
  napi_status called = napi_call_function(env, receiver, args[1], 0, NULL, &result);
  if (setns(own, CLONE_NEWNET) < 0) {
    snprintf(text, sizeof text, "no way back from the network namespace of a check: %s", strerror(errno));
    napi_fatal_error("lbd", NAPI_AUTO_LENGTH, text, NAPI_AUTO_LENGTH);
  }
  close(own);
  return called == napi_ok ? result : NULL;
}

/* ---- poller: one epoll instance under one uv_poll_t ---------------------------------------------------------------------- */

struct poller {
  uv_poll_t handle; /* first: the close callback gets this address */
  napi_env env;
  napi_ref callback;
  napi_ref self; /* keeps the JS handle alive while the poller is open */
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup; /* the environment waits for it: until libuv has let go */
  int epoll_fd;
  int watched;
  int open;
  int released; /* the JS handle was collected, or the environment ends */
  int closed;   /* libuv has let go of the handle */
};

static void free_when_done(struct poller *poller) {
  if (poller->released && poller->closed) free(poller);
}

static void on_closed(uv_handle_t *handle) {
  struct poller *poller = (struct poller *)handle;
  poller->closed = 1;
  napi_remove_async_cleanup_hook(poller->cleanup);
  free_when_done(poller);
}

static void close_poller(struct poller *poller) {
  if (!poller->open) return;
  poller->open = 0;
  uv_poll_stop(&poller->handle);
  uv_close((uv_handle_t *)&poller->handle, on_closed);
  close(poller->epoll_fd);
  napi_async_destroy(poller->env, poller->context);
  napi_delete_reference(poller->env, poller->callback);
  napi_delete_reference(poller->env, poller->self);
}

static void on_env_end(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  close_poller(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct poller *poller = data;
  poller->released = 1;
  free_when_done(poller);
}

/* An exception in the callback is an uncaughtException of the program, never an abort. */
static void report_exception(napi_env env) {
  bool pending = false;
  napi_value error;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending && napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
}

static void on_ready(uv_poll_t *handle, int status, int events) {
  struct poller *poller = (struct poller *)handle;
  struct epoll_event ready[MAX_EVENTS];
  napi_env env = poller->env;
  napi_handle_scope scope;
  napi_value pairs, callback, receiver, result;
  (void)status;
  (void)events;
  int count = epoll_wait(poller->epoll_fd, ready, MAX_EVENTS, 0);
  if (count <= 0 || napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_create_array_with_length(env, 2 * count, &pairs);
  for (int i = 0; i < count; i++) {
    napi_set_element(env, pairs, 2 * i, number(env, ready[i].data.fd));
    napi_set_element(env, pairs, 2 * i + 1, number(env, ready[i].events));
  }
  napi_get_reference_value(env, poller->callback, &callback);
  napi_get_global(env, &receiver);
  /* The callback may close the poller: nothing of it is touched afterwards. */
  napi_async_context context = poller->context;
  if (napi_make_callback(env, context, receiver, callback, 1, &pairs, &result) != napi_ok) report_exception(env);
  napi_close_handle_scope(env, scope);
}

/* Tells our handles from whatever else another addon may have wrapped. */
static const napi_type_tag poller_tag = {0x6c62642d706f6c6c, 0x65722d68616e646c};

static napi_value fn_poller_open(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS], handle, name;
  napi_valuetype type;
  uv_loop_t *loop;
  if (!arguments(env, info, 1, args)) return NULL;
  if (napi_typeof(env, args[0], &type) != napi_ok || type != napi_function) return throw_type(env, "a function is expected");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return throw_type(env, "no event loop");
  struct poller *poller = calloc(1, sizeof *poller);
  if (!poller) return throw_errno(env, ENOMEM, "pollerOpen");
  poller->env = env;
  poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poller->epoll_fd < 0) {
    free(poller);
    return throw_errno(env, errno, "epoll_create1");
  }
  int failed = uv_poll_init(loop, &poller->handle, poller->epoll_fd);
  if (failed) {
    close(poller->epoll_fd);
    free(poller);
    return throw_errno(env, -failed, "uv_poll_init");
  }
  poller->open = 1;
  napi_create_object(env, &handle);
  napi_type_tag_object(env, handle, &poller_tag);
  napi_wrap(env, handle, poller, on_collected, NULL, NULL);
  napi_create_reference(env, args[0], 1, &poller->callback);
  napi_create_reference(env, handle, 1, &poller->self);
  napi_create_string_utf8(env, "lbd:poller", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &poller->context);
  napi_add_async_cleanup_hook(env, on_env_end, poller, &poller->cleanup);
  uv_poll_start(&poller->handle, UV_READABLE, on_ready);
  uv_unref((uv_handle_t *)&poller->handle);
  return handle;
}

static struct poller *get_poller(napi_env env, napi_value value) {
  struct poller *poller = NULL;
  bool ours = false;
  if (napi_check_object_type_tag(env, value, &poller_tag, &ours) == napi_ok && ours && napi_unwrap(env, value, (void **)&poller) == napi_ok && poller) return poller;
  throw_type(env, "a poller is expected");
  return NULL;
}

static void count_watched(struct poller *poller, int change) {
  poller->watched += change;
  if (poller->watched > 0) uv_ref((uv_handle_t *)&poller->handle);
  else uv_unref((uv_handle_t *)&poller->handle);
}

static napi_value fn_poller_set(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd, events;
  struct poller *poller;
  if (!arguments(env, info, 3, args) || !(poller = get_poller(env, args[0])) || !get_int(env, args[1], &fd) || !get_int(env, args[2], &events))
    return NULL;
  if (!poller->open) return throw_errno(env, EBADF, "pollerSet");
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0) return NULL;
  if (errno != ENOENT || epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) return throw_errno(env, errno, "epoll_ctl");
  count_watched(poller, 1);
  return NULL;
}

static napi_value fn_poller_delete(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  struct poller *poller;
  if (!arguments(env, info, 2, args) || !(poller = get_poller(env, args[0])) || !get_int(env, args[1], &fd)) return NULL;
  if (poller->open && epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, fd, NULL) == 0) count_watched(poller, -1);
  return NULL;
}

/* The four calls of a connection that is begun, in one: most probes are no more than that. */
static napi_value fn_poller_connect(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int domain;
  struct bytes address;
  struct poller *poller;
  if (!arguments(env, info, 3, args) || !(poller = get_poller(env, args[0])) || !get_int(env, args[1], &domain) || !get_bytes(env, args[2], &address))
    return NULL;
  if (!poller->open) return throw_errno(env, EBADF, "pollerConnect");
  int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_errno(env, errno, "socket");
  if (connect(fd, (struct sockaddr *)address.data, address.length) < 0 && errno != EINPROGRESS) {
    int refused = errno;
    close(fd);
    return number(env, -refused);
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
  if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
    int refused = errno;
    close(fd);
    return throw_errno(env, refused, "epoll_ctl");
  }
  count_watched(poller, 1);
  return number(env, fd);
}

/* Closing takes the descriptor out of the epoll instance: nobody has a copy of it. */
static napi_value fn_poller_drop(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  struct poller *poller;
  if (!arguments(env, info, 2, args) || !(poller = get_poller(env, args[0])) || !get_int(env, args[1], &fd)) return NULL;
  if (poller->open) count_watched(poller, -1);
  return close(fd) < 0 && errno != EINTR ? throw_errno(env, errno, "close") : NULL;
}

static napi_value fn_poller_close(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  struct poller *poller;
  if (!arguments(env, info, 1, args) || !(poller = get_poller(env, args[0]))) return NULL;
  close_poller(poller);
  return NULL;
}

/* ---- module -------------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  napi_callback function;
} functions[] = {
    {"socket", fn_socket},           {"close", fn_close},
    {"bind", fn_bind},               {"connect", fn_connect},
    {"setsockopt", fn_setsockopt},   {"getsockopt", fn_getsockopt},
    {"getsockname", fn_getsockname}, {"shutdown", fn_shutdown},
    {"send", fn_send},               {"recv", fn_recv},
    {"sendMany", fn_send_many},      {"recvMany", fn_recv_many},
    {"wait", fn_wait},               {"clock", fn_clock},
    {"inNetns", fn_in_netns},
    {"pollerOpen", fn_poller_open},  {"pollerSet", fn_poller_set},
    {"pollerDelete", fn_poller_delete}, {"pollerClose", fn_poller_close},
    {"attachFilter", fn_attach_filter}, {"pollerConnect", fn_poller_connect},
    {"pollerDrop", fn_poller_drop},
};

NAPI_MODULE_INIT() {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
