/*
 * The origin server for uploads: discards request content and answers with its length.
 * A program of its own, because a web server that reads content also stores it, and because
 * MSG_TRUNC lets the kernel drop the bytes without copying them, so that this stays cheaper than any proxy.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 65536, HEAD_SIZE = 16384, DISCARD = 4 << 20 };

enum phase { HEAD, FIXED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILERS };

struct connection {
  enum phase phase;
  long long left;
  long long total;
  int line;
  size_t length;
  char head[HEAD_SIZE];
};

static struct connection *connections[MAX_FD];

static int send_all(int fd, const char *text, size_t length) {
  return send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

static int answer(int fd, struct connection *c) {
  char body[32], response[160];
  int n = snprintf(body, sizeof body, "%lld\n", c->total);
  int m = snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", n, body);
  c->phase = HEAD;
  c->total = 0;
  return send_all(fd, response, m);
}

/* Takes `n` bytes of chunked content; a request that follows in the same read is not supported, and not needed. */
static int take_chunked(int fd, struct connection *c, const char *p, size_t n) {
  const char *end = p + n;
  while (p < end) {
    if (c->phase == CHUNK_DATA) {
      long long take = end - p < c->left ? end - p : c->left;
      p += take;
      c->left -= take;
      c->total += take;
      if (c->left == 0) c->phase = CHUNK_END;
      continue;
    }
    char byte = *p++;
    if (c->phase == CHUNK_SIZE) {
      if (byte == '\n') {
        c->phase = c->left == 0 ? TRAILERS : CHUNK_DATA;
        c->line = 0;
      } else if (byte >= '0' && byte <= '9') {
        c->left = c->left * 16 + (byte - '0');
      } else if ((byte | 32) >= 'a' && (byte | 32) <= 'f') {
        c->left = c->left * 16 + ((byte | 32) - 'a' + 10);
      } else if (byte != '\r') {
        return -1;
      }
    } else if (c->phase == CHUNK_END) {
      if (byte == '\n') {
        c->phase = CHUNK_SIZE;
        c->left = 0;
      }
    } else if (byte == '\n') {
      if (c->line == 0) return answer(fd, c);
      c->line = 0;
    } else if (byte != '\r') {
      c->line = 1;
    }
  }
  return 0;
}

static const char *field(const char *head, const char *name) {
  const char *found = strcasestr(head, name);
  return found ? found + strlen(name) : NULL;
}

static int take_head(int fd, struct connection *c) {
  ssize_t n = recv(fd, c->head + c->length, HEAD_SIZE - 1 - c->length, 0);
  if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
  c->length += n;
  c->head[c->length] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (!end) return c->length < HEAD_SIZE - 1 ? 0 : -1;
  *end = 0;
  const char *content = end + 4;
  size_t early = c->head + c->length - content;
  const char *length = field(c->head, "\r\ncontent-length:");
  const char *coding = field(c->head, "\r\ntransfer-encoding:");
  const char *expect = field(c->head, "\r\nexpect:");
  c->length = 0;
  c->total = 0;
  if (expect && send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25)) return -1;
  if (coding) {
    c->phase = CHUNK_SIZE;
    c->left = 0;
    return take_chunked(fd, c, content, early);
  }
  c->left = (length ? atoll(length) : 0) - (long long)early;
  c->total = early;
  if (c->left <= 0) return answer(fd, c);
  c->phase = FIXED;
  return 0;
}

static int take(int fd, struct connection *c) {
  if (c->phase == HEAD) return take_head(fd, c);
  if (c->phase == FIXED) {
    ssize_t n = recv(fd, NULL, c->left < DISCARD ? c->left : DISCARD, MSG_TRUNC);
    if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
    c->left -= n;
    c->total += n;
    return c->left == 0 ? answer(fd, c) : 0;
  }
  static char buffer[256 << 10];
  ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
  return take_chunked(fd, c, buffer, n);
}

int main(int argc, char **argv) {
  int one = 1;
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0) };
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
    perror("sink");
    return 1;
  }
  int poller = epoll_create1(0);
  struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[64];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(poller, events, 64, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (client < 0 || client >= MAX_FD) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connections[client] = calloc(1, sizeof(struct connection));
        event.data.fd = client;
        epoll_ctl(poller, EPOLL_CTL_ADD, client, &event);
      } else if (take(fd, connections[fd])) {
        free(connections[fd]);
        close(fd);
      }
    }
  }
}
