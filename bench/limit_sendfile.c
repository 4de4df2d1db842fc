/*
 * The loopback's own limit: one thread sends a file from the page cache with sendfile, another
 * reads and drops it. limit_sendfile DIR TOTAL_BYTES CHUNK_BYTES Prints "MB_per_s".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/stats.h"

#define FILE_BYTES ((size_t)256 << 20)

struct sender {
    int fd;
    int file;
    size_t total;
    size_t chunk;
};

static void *sender_run(void *arg)
{
    struct sender *s = arg;
    size_t sent = 0;
    while (sent < s->total) {
        off_t at = (off_t)(sent % FILE_BYTES);
        size_t left = FILE_BYTES - (size_t)at;
        ssize_t n = sendfile(s->fd, s->file, &at, left < s->chunk ? left : s->chunk);
        if (n <= 0) {
            (void)fprintf(stderr, "sendfile: %s\n", strerror(errno));
            exit(1);
        }
        sent += (size_t)n;
    }
    (void)shutdown(s->fd, SHUT_WR);
    return NULL;
}

static int connected_pair(int *out_server, int *out_client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        return -1;
    }
    *out_client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(*out_client, (struct sockaddr *)&address, len) != 0) {
        return -1;
    }
    *out_server = accept(listener, NULL, NULL);
    (void)close(listener);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: limit_sendfile DIR TOTAL_BYTES CHUNK_BYTES\n");
        return 2;
    }
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/limit_sendfile.tmp", argv[1]);
    struct sender s = {.file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600),
                       .total = strtoull(argv[2], NULL, 10),
                       .chunk = strtoull(argv[3], NULL, 10)};
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (size_t i = 0; s.file >= 0 && i < FILE_BYTES / sizeof block; i++) {
        if (write(s.file, block, sizeof block) != (ssize_t)sizeof block) {
            return 1;
        }
    }
    int client = -1;
    if (s.file < 0 || connected_pair(&s.fd, &client) != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    pthread_t thread;
    int64_t begin = stats_now_ns();
    (void)pthread_create(&thread, NULL, sender_run, &s);
    size_t got = 0;
    ssize_t n = 0;
    while ((n = read(client, block, sizeof block)) > 0) {
        got += (size_t)n;
    }
    double seconds = (double)(stats_now_ns() - begin) / 1e9;
    (void)pthread_join(thread, NULL);
    (void)printf("%.1f\n", (double)got / 1e6 / seconds);
    (void)unlink(path);
    return got >= s.total ? 0 : 1;
}
