/*
 * Clients that read slowly: readers <port> <path> <connections> <bytes/s each> <seconds> <finish: 0 or 1>
 * With <finish> they then read the rest as fast as it comes. Prints one line of JSON.
 * The kernel discards the content (MSG_TRUNC), so that a thousand of them cost next to nothing.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_SIZE = 8192, TICK_US = 50000, RAMP_US = 2000, DISCARD = 4 << 20 };

struct reader {
  int fd;
  double started;
  size_t head_length;
  int head_done;
  long long expected;
  long long received;
  char head[HEAD_SIZE];
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Bytes read, 0 if none are there, -1 at the end or on an error. */
static long long take(struct reader *r, size_t limit, int flags) {
  if (r->head_done) {
    ssize_t n = recv(r->fd, NULL, limit, MSG_TRUNC | flags);
    if (n > 0) r->received += n;
    return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
  }
  size_t room = HEAD_SIZE - 1 - r->head_length;
  ssize_t n = recv(r->fd, r->head + r->head_length, room < limit ? room : limit, flags);
  if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
  r->head_length += n;
  r->head[r->head_length] = 0;
  char *end = strstr(r->head, "\r\n\r\n");
  if (!end) return r->head_length < HEAD_SIZE - 1 ? n : -1;
  if (strncmp(r->head, "HTTP/1.1 200", 12)) return -1;
  char *length = strcasestr(r->head, "\r\ncontent-length:");
  r->expected = length ? atoll(length + 17) : -1;
  r->received = r->head + r->head_length - (end + 4);
  r->head_done = 1;
  return n;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int port = atoi(argv[1]), count = atoi(argv[3]), finish = atoi(argv[6]);
  double rate = atof(argv[4]), seconds = atof(argv[5]);
  char request[1024];
  int request_length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", argv[2], port);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);

  struct reader *readers = calloc(count, sizeof *readers);
  int failed = 0;
  for (int i = 0; i < count; i++) {
    struct reader *r = &readers[i];
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    /*
     * The segments of a real network. With those of the loopback interface the kernel holds megabytes for each
     * connection, and the proxy would have nothing to do for the first half minute.
     */
    int segment = 1448;
    setsockopt(r->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    if (connect(r->fd, (struct sockaddr *)&address, sizeof address) ||
        send(r->fd, request, request_length, MSG_NOSIGNAL) != request_length) {
      close(r->fd);
      r->fd = -1;
      failed++;
    }
    r->started = now();
    usleep(RAMP_US);
  }

  double deadline = now() + seconds;
  while (now() < deadline) {
    for (int i = 0; i < count; i++) {
      struct reader *r = &readers[i];
      if (r->fd < 0) continue;
      long long due = (now() - r->started) * rate - r->received;
      if (due > 0 && take(r, due, MSG_DONTWAIT) < 0) {
        close(r->fd);
        r->fd = -1;
        failed++;
      }
    }
    usleep(TICK_US);
  }

  double fast_started = now();
  long long slow = 0, total = 0;
  for (int i = 0; i < count; i++) {
    struct reader *r = &readers[i];
    slow += r->received;
    while (finish && r->fd >= 0 && (!r->head_done || r->received < r->expected)) {
      if (take(r, DISCARD, 0) < 0) break;
    }
    if (finish && r->received != r->expected) failed++;
    total += r->received;
  }
  printf("{\"connections\":%d,\"failed\":%d,\"slowBytes\":%lld,\"totalBytes\":%lld,\"fastSeconds\":%.3f}\n",
         count, failed, slow, total, now() - fast_started);
  return 0;
}
