/*
 * The origin server for tunnels: websocket <port> <directory>
 * Accepts each request for a WebSocket and sends the file that the last part of the path names, as one binary frame.
 * The kernel sends the file (sendfile), so that this stays cheaper than any proxy. One connection at a time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_SIZE = 16384 };

/* The answer to the key of RFC 6455 section 1.3, which the client always sends. */
static const char head[] =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static int read_head(int fd, char *request) {
  size_t length = 0;
  while (length < HEAD_SIZE - 1) {
    ssize_t n = recv(fd, request + length, HEAD_SIZE - 1 - length, 0);
    if (n <= 0) return -1;
    length += n;
    request[length] = 0;
    if (strstr(request, "\r\n\r\n")) return 0;
  }
  return -1;
}

static void serve(int fd, const char *directory) {
  char request[HEAD_SIZE], path[4096];
  if (read_head(fd, request)) return;
  char *end = strchr(request, '\r'), *name;
  *end = 0;
  if (!(end = strrchr(request, ' '))) return;
  *end = 0;
  if (!(name = strrchr(request, '/'))) return;
  snprintf(path, sizeof path, "%s%s", directory, name);
  int file = open(path, O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info)) return;
  unsigned char frame[10] = {0x82, 127};
  for (int i = 0; i < 8; i++) frame[2 + i] = (uint64_t)info.st_size >> (56 - 8 * i);
  if (send(fd, head, sizeof head - 1, MSG_NOSIGNAL | MSG_MORE) == sizeof head - 1 &&
      send(fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_MORE) == sizeof frame) {
    off_t position = 0;
    while (position < info.st_size && sendfile(fd, file, &position, info.st_size - position) > 0);
  }
  close(file);
  /* The client closes first, so that nothing is lost. */
  while (recv(fd, request, sizeof request, 0) > 0);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64)) {
    perror("websocket");
    return 1;
  }
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    serve(fd, argv[2]);
    close(fd);
  }
}
