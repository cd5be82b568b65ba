/*
 * lbctl without the start of Node.js: hands the command line to the running daemon, which does what bin/lbctl does in Node.js, and copies
 * what comes back. It knows no grammar, only where the socket may be named; the daemon declines when that guess was wrong. Whatever the
 * daemon does not do (there is none, it is of another version, it declines) bin/lbctl does in Node.js. src/control/command-line.ts
 * describes the protocol.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* As in src/cli/grammar.ts; were it another there, the daemon would decline. */
#define DEFAULT_SOCKET "/run/lbd/lbd.sock"
/* A longer command line is for Node.js; the daemon takes no more (src/control/params.ts). */
#define MAX_REQUEST 65536
#define ACCEPTED "{\"id\":1,\"result\":{\"accepted\":true}}"
#define MAX_ANSWER 4096
#define MAX_HEADER 64
#define MAX_WORDS 4096
/* A daemon that says nothing for so long is left to Node.js, which knows what to tell. */
#define ACCEPT_MS 2000
/* As in src/cli/waiting.ts: lbd tells each second what it is at; one that is silent for longer is what is waited for. */
#define SILENT_MS 1200
#define LOOK_MS 500

#define UNREACHABLE 3
#define NO_NODE 127

struct request {
  char data[MAX_REQUEST];
  size_t length;
  /* Too long, or not UTF-8. */
  bool unfit;
};

/* The line on the terminal that says what is waited for. */
struct waiting {
  /* Standard error is a terminal of so many columns; 0: nothing is shown. */
  unsigned columns;
  bool stands;
  /* Milliseconds of now_ms: since when it is waited, and when lbd last said what it is at. */
  long since, told;
};

struct reader {
  int fd;
  struct waiting waiting;
  /* Nothing but standard output matters: the end when nobody reads it. */
  bool for_output;
  /* Milliseconds of one wait, 0: without an end. What a slow reader of ours takes is not the daemon's. */
  long patience;
  char data[65536];
  size_t at, end;
};

/* What is to be said when the daemon cannot any more. */
struct words {
  char text[MAX_WORDS];
  size_t length;
  int status;
};

enum got { GOT_DATA, GOT_END, GOT_NOTHING };

/* ---- the request --------------------------------------------------------------------------------------------------------- */

static void append(struct request *request, const char *data, size_t length) {
  if (length > sizeof request->data - request->length) {
    request->unfit = true;
    return;
  }
  memcpy(request->data + request->length, data, length);
  request->length += length;
}

static void append_text(struct request *request, const char *text) { append(request, text, strlen(text)); }

/* Bytes of the UTF-8 character that begins here (RFC 3629), 0 when there is none. A text's closing zero byte continues nothing. */
static size_t character(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  size_t length = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
  for (size_t i = 1; i < length; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (s[0] == 0xe0 && s[1] < 0xa0) return 0;
  if (s[0] == 0xed && s[1] > 0x9f) return 0;
  if (s[0] == 0xf0 && s[1] < 0x90) return 0;
  if (s[0] == 0xf4 && s[1] > 0x8f) return 0;
  return length;
}

static void append_string(struct request *request, const char *text) {
  append_text(request, "\"");
  for (const unsigned char *s = (const unsigned char *)text; *s != 0 && !request->unfit;) {
    size_t length = character(s);
    if (length == 0) request->unfit = true;
    else if (*s < 0x20 || *s == '"' || *s == '\\') {
      char escaped[7];
      snprintf(escaped, sizeof escaped, "\\u%04x", *s);
      append_text(request, escaped);
    } else append(request, (const char *)s, length);
    s += length;
  }
  append_text(request, "\"");
}

static void append_variable(struct request *request, const char *field, const char *value) {
  if (value == NULL) return;
  append_text(request, field);
  append_string(request, value);
}

/* Columns of the terminal that fd is; 0 when it is none. 80 when it does not say, as in src/cli/main.ts. */
static unsigned terminal_columns(int fd) {
  struct winsize size;
  if (!isatty(fd)) return 0;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* `progress`: lines that say what is waited for are wanted. */
static void write_request(struct request *request, char **words, const char *socket_path, bool progress) {
  append_text(request, "{\"id\":1,\"method\":\"command_line\",");
  if (progress) append_text(request, "\"progress\":true,");
  append_text(request, "\"params\":{\"version\":");
  append_string(request, LBD_VERSION);
  append_variable(request, ",\"socket\":", socket_path);
  append_variable(request, ",\"no_color\":", getenv("NO_COLOR"));
  append_variable(request, ",\"lbd_socket\":", getenv("LBD_SOCKET"));
  unsigned columns = terminal_columns(STDOUT_FILENO);
  if (columns > 0) {
    char field[32];
    snprintf(field, sizeof field, ",\"columns\":%u", columns);
    append_text(request, field);
  }
  append_text(request, ",\"argv\":[");
  for (char **word = words; *word != NULL; word++) {
    if (word != words) append_text(request, ",");
    append_string(request, *word);
  }
  append_text(request, "]}}\n");
}

/* The last --socket before --, else LBD_SOCKET, else the default. What an option's value only looks like is found out by the daemon. */
static const char *guess_socket(char **words) {
  const char *found = getenv("LBD_SOCKET");
  for (char **word = words; *word != NULL && strcmp(*word, "--") != 0; word++) {
    if (strcmp(*word, "--socket") == 0 && word[1] != NULL) found = *++word;
    else if (strncmp(*word, "--socket=", 9) == 0) found = *word + 9;
  }
  return found == NULL || *found == 0 ? DEFAULT_SOCKET : found;
}

/* ---- the socket ---------------------------------------------------------------------------------------------------------- */

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

/* A reader that went away (`lbctl events -f | head`) is no error; anything else (a full disk) is. */
static void output_lost(int number);

/* Waits until fd is ready or, if `for_output`, nobody reads standard output; false when a deadline of now_ms (-1: none) passes. */
static bool wait_for(int fd, short events, long deadline, bool for_output) {
  struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = STDOUT_FILENO, .events = 0}};
  for (;;) {
    long left = deadline == -1 ? -1 : deadline - now_ms();
    if (deadline != -1 && left <= 0) return false;
    int ready = poll(fds, for_output ? 2 : 1, left > INT_MAX ? INT_MAX : (int)left);
    if (ready > 0 && fds[0].revents == 0) output_lost(EPIPE);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/* A connected socket that never blocks, or -1. A full queue of the listener counts as no daemon. */
static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd == -1) return -1;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

static bool send_all(int fd, const struct request *request, long deadline) {
  for (size_t sent = 0; sent < request->length;) {
    ssize_t n = send(fd, request->data + sent, request->length - sent, MSG_NOSIGNAL);
    if (n > 0) sent += (size_t)n;
    else if (errno == EAGAIN ? !wait_for(fd, POLLOUT, deadline, false) : errno != EINTR) return false;
  }
  return true;
}

static bool write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, data, length);
    if (n >= 0) {
      data += n;
      length -= (size_t)n;
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, -1, false)) return false;
    } else if (errno != EINTR) return false;
  }
  return true;
}

/* ---- what is waited for -------------------------------------------------------------------------------------------------- */

static void wipe(struct waiting *waiting) {
  if (waiting->stands) write_all(STDERR_FILENO, "\r\033[K", 4);
  waiting->stands = false;
}

/* As much of the line as the terminal takes, over what stands there. */
static void show(struct waiting *waiting, const char *line, size_t length) {
  size_t end = 0;
  for (unsigned columns = 1; columns < waiting->columns && end < length; columns++)
    do end++;
    while (end < length && ((unsigned char)line[end] & 0xc0) == 0x80);
  if (end == 0) return;
  write_all(STDERR_FILENO, "\r\033[K", 4);
  write_all(STDERR_FILENO, line, end);
  waiting->stands = true;
}

static void show_silence(struct waiting *waiting, long patience) {
  char line[128];
  long passed = (now_ms() - waiting->since) / 1000;
  int length = patience > 0 ? snprintf(line, sizeof line, "lbctl: lbd does not answer, %lds of at most %lds", passed, patience / 1000)
                            : snprintf(line, sizeof line, "lbctl: lbd does not answer, %lds", passed);
  show(waiting, line, (size_t)length);
}

/* Waits for something to read, by a deadline (-1: none), and tells at a terminal what for. */
static bool await(struct reader *reader, long deadline) {
  struct waiting *waiting = &reader->waiting;
  while (waiting->columns > 0 && deadline != -1) {
    long next = now_ms() + LOOK_MS;
    if (next >= deadline) break;
    if (wait_for(reader->fd, POLLIN, next, reader->for_output)) return true;
    if (now_ms() - waiting->told > SILENT_MS) show_silence(waiting, reader->patience);
  }
  return wait_for(reader->fd, POLLIN, deadline, reader->for_output);
}

/* Makes sure that something is there to be taken, by a deadline (-1: whatever the reader's patience is). */
static enum got fill(struct reader *reader, long deadline) {
  while (reader->at == reader->end) {
    ssize_t n = recv(reader->fd, reader->data, sizeof reader->data, 0);
    if (n == 0) return GOT_END;
    if (n > 0) {
      reader->at = 0;
      reader->end = (size_t)n;
    } else if (errno == EAGAIN) {
      long until = deadline == -1 && reader->patience > 0 ? now_ms() + reader->patience : deadline;
      if (!await(reader, until)) return GOT_NOTHING;
    } else if (errno != EINTR) return GOT_END;
  }
  return GOT_DATA;
}

/* A line without its end, as a text. One that does not fit is cut: no line of the protocol is so long. */
static enum got read_line(struct reader *reader, char *line, size_t size, long deadline) {
  for (size_t length = 0;;) {
    enum got got = fill(reader, deadline);
    if (got != GOT_DATA) return got;
    char next = reader->data[reader->at++];
    if (next == '\n' || length + 1 == size) {
      line[length] = 0;
      return GOT_DATA;
    }
    line[length++] = next;
  }
}

/*
 * Has the daemon accepted? Nothing is done before it has said so, and it does nothing when it cannot say so: after shutdown it can no
 * more, and what it said before is still there to be read.
 */
static bool is_accepted(struct reader *reader, long deadline) {
  static char answer[MAX_ANSWER];
  enum got got = read_line(reader, answer, sizeof answer, deadline);
  if (got == GOT_NOTHING) {
    shutdown(reader->fd, SHUT_RD);
    got = read_line(reader, answer, sizeof answer, now_ms());
  }
  return got == GOT_DATA && strcmp(answer, ACCEPTED) == 0;
}

/* ---- what comes back ----------------------------------------------------------------------------------------------------- */

static void say(const char *format, ...) {
  char text[PATH_MAX + 256];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(text, sizeof text, format, values);
  va_end(values);
  if (length > 0) write_all(STDERR_FILENO, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

/* As libuv names what Node.js could meet there. */
static const char *trouble(int number) {
  switch (number) {
    case ENOSPC: return "ENOSPC: no space left on device";
    case EIO: return "EIO: i/o error";
    case EFBIG: return "EFBIG: file too large";
    case EBADF: return "EBADF: bad file descriptor";
    default: return strerror(number);
  }
}

static void output_lost(int number) {
  if (number == EPIPE || number == ECONNRESET) exit(0);
  say("lbctl: cannot write the output: %s, write\n", trouble(number));
  exit(1);
}

/* Copies so many bytes. Nobody who reads standard error is no reason to end: the exit status still counts. */
static enum got copy(struct reader *reader, int fd, unsigned long length) {
  wipe(&reader->waiting);
  /* What stands there now is not ours to write over. */
  reader->waiting.columns = 0;
  while (length > 0) {
    enum got got = fill(reader, -1);
    if (got != GOT_DATA) return got;
    size_t there = reader->end - reader->at;
    size_t part = there < length ? there : length;
    if (!write_all(fd, reader->data + reader->at, part) && fd == STDOUT_FILENO) output_lost(errno);
    reader->at += part;
    length -= part;
  }
  return GOT_DATA;
}

static enum got keep(struct reader *reader, struct words *words, unsigned long length) {
  for (words->length = 0; words->length < length; words->length++) {
    enum got got = fill(reader, -1);
    if (got != GOT_DATA) return got;
    words->text[words->length] = reader->data[reader->at++];
  }
  return GOT_DATA;
}

static void end_with(struct waiting *waiting, const struct words *words) {
  wipe(waiting);
  write_all(STDERR_FILENO, words->text, words->length);
  exit(words->status);
}

/* A line that lbd has us show; what is too long for one is none of ours. */
static enum got take_line(struct reader *reader, unsigned long length) {
  static struct words line;
  enum got got = keep(reader, &line, length);
  if (got != GOT_DATA) return got;
  reader->waiting.told = now_ms();
  if (reader->waiting.columns > 0) show(&reader->waiting, line.text, line.length);
  return got;
}

/* `o 17` -> 'o' and { 17 }. Exactly `count` numbers of at most nine digits, or false. */
static bool numbers_of(const char *header, unsigned long *values, size_t count) {
  const char *s = header + 1;
  for (size_t i = 0; i < count; i++) {
    size_t digits = *s == ' ' ? strspn(s + 1, "0123456789") : 0;
    if (digits == 0 || digits > 9) return false;
    values[i] = strtoul(s + 1, NULL, 10);
    s += 1 + digits;
  }
  return *s == 0;
}

/* The daemon's frames until the last one; never returns. */
static void follow(struct reader *reader, const char *socket_path) {
  static struct words died, quiet;
  died.status = quiet.status = UNREACHABLE;
  for (;;) {
    char header[MAX_HEADER];
    unsigned long values[3];
    enum got got = read_line(reader, header, sizeof header, -1);
    bool known = true;
    if (got == GOT_DATA && header[0] == 'x' && numbers_of(header, values, 1)) {
      wipe(&reader->waiting);
      exit((int)values[0]);
    } else if (got == GOT_DATA && header[0] == 'o' && numbers_of(header, values, 1)) got = copy(reader, STDOUT_FILENO, values[0]);
    else if (got == GOT_DATA && header[0] == 'e' && numbers_of(header, values, 1)) got = copy(reader, STDERR_FILENO, values[0]);
    else if (got == GOT_DATA && header[0] == 'w' && numbers_of(header, values, 1) && values[0] <= MAX_WORDS)
      got = take_line(reader, values[0]);
    else if (got == GOT_DATA && header[0] == 'd' && numbers_of(header, values, 2) && values[0] <= MAX_WORDS) {
      died.status = (int)values[1];
      got = keep(reader, &died, values[0]);
    } else if (got == GOT_DATA && header[0] == 'q' && numbers_of(header, values, 3) && values[0] <= MAX_WORDS) {
      quiet.status = (int)values[1];
      reader->patience = (long)values[2] * 1000;
      reader->for_output = values[2] == 0;
      got = keep(reader, &quiet, values[0]);
    } else known = got != GOT_DATA;
    if (!known) {
      wipe(&reader->waiting);
      say("lbctl: what answers on %s is not lbd, or not a version that this lbctl understands\n", socket_path);
      exit(UNREACHABLE);
    }
    if (got == GOT_END) end_with(&reader->waiting, &died);
    if (got == GOT_NOTHING) end_with(&reader->waiting, &quiet);
  }
}

/* ---- Node.js instead ----------------------------------------------------------------------------------------------------- */

/* bin/lbctl of the tree that this program is in: build/Release/lbctl, or prebuilds/PLATFORM/lbctl. */
static bool find_script(char *script, size_t size) {
  ssize_t length = readlink("/proc/self/exe", script, size - 1);
  if (length <= 0) return false;
  script[length] = 0;
  for (int up = 0; up < 3; up++) {
    char *slash = strrchr(script, '/');
    if (slash == NULL) return false;
    *slash = 0;
  }
  if (size - strlen(script) < sizeof "/bin/lbctl") return false;
  strcat(script, "/bin/lbctl");
  return true;
}

static int in_node(int count, char **words) {
  char script[PATH_MAX];
  char **argv = calloc((size_t)count + 3, sizeof *argv);
  if (argv == NULL || !find_script(script, sizeof script)) {
    say("lbctl: cannot find bin/lbctl: is /proc mounted?\n");
    return NO_NODE;
  }
  argv[0] = "node";
  argv[1] = script;
  memcpy(argv + 2, words, (size_t)count * sizeof *argv);
  execvp("node", argv);
  say("lbctl: cannot start node: %s\n", strerror(errno));
  return NO_NODE;
}

/* A descriptor that the caller closed must not become the socket: what is written to it goes nowhere, as in Node.js. */
static void open_standard_files(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
  static struct request request;
  static struct reader reader;
  char **words = argc > 0 ? argv + 1 : argv;
  open_standard_files();
  const char *socket_path = guess_socket(words);
  unsigned columns = terminal_columns(STDERR_FILENO);
  write_request(&request, words, socket_path, columns > 0);
  reader.fd = request.unfit ? -1 : connect_to(socket_path);
  if (reader.fd != -1) {
    long deadline = now_ms() + ACCEPT_MS;
    reader.waiting = (struct waiting){.columns = columns, .since = now_ms(), .told = now_ms()};
    if (send_all(reader.fd, &request, deadline) && is_accepted(&reader, deadline)) {
      signal(SIGPIPE, SIG_IGN);
      follow(&reader, socket_path);
    }
    wipe(&reader.waiting);
    close(reader.fd);
  }
  return in_node(argc > 0 ? argc - 1 : 0, words);
}
