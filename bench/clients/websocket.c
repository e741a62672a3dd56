/*
 * The client of a WebSocket: websocket <port> <path> [<file>]
 * Receives one binary frame, into the file if one is named; otherwise the kernel discards it (MSG_TRUNC).
 * Prints the length of what arrived, and the seconds that it took.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_SIZE = 8192, FRAME_HEAD = 10, DISCARD = 4 << 20 };

static char buffer[256 << 10];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static int fail(const char *what) {
  fprintf(stderr, "error: %s\n", what);
  return 1;
}

/* Exactly so many bytes. */
static int take(int fd, char *bytes, size_t n) {
  return recv(fd, bytes, n, MSG_WAITALL) == (ssize_t)n ? 0 : -1;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int port = atoi(argv[1]), file = argc > 3 ? open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  char head[HEAD_SIZE] = "";
  int length = snprintf(head, sizeof head,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        argv[2], port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  double started = now();
  if (connect(fd, (struct sockaddr *)&address, sizeof address) || send(fd, head, length, MSG_NOSIGNAL) != length)
    return fail("cannot connect");
  for (length = 0; length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4); length++)
    if (length == HEAD_SIZE - 1 || take(fd, head + length, 1)) return fail("no response head");
  if (strncmp(head, "HTTP/1.1 101", 12)) return fail("the status is not 101");

  unsigned char frame[FRAME_HEAD];
  if (take(fd, (char *)frame, sizeof frame) || frame[0] != 0x82 || frame[1] != 127) return fail("not such a frame");
  long long expected = 0, received = 0;
  for (int i = 2; i < FRAME_HEAD; i++) expected = expected << 8 | frame[i];
  while (received < expected) {
    long long left = expected - received, limit = file < 0 ? DISCARD : (long long)sizeof buffer;
    ssize_t n = recv(fd, file < 0 ? NULL : buffer, left < limit ? left : limit, file < 0 ? MSG_TRUNC : 0);
    if (n <= 0) return fail("the tunnel ended early");
    if (file >= 0 && write(file, buffer, n) != n) return fail("cannot write");
    received += n;
  }
  printf("%lld %.6f\n", received, now() - started);
  return 0;
}
