/*
 * A raw Fetch client (version 4): reads a partition to its end and drops the records, so that what
 * is measured is the server and the wire, not a client's parsing. bench_fetch HOST PORT TOPIC
 * MAX_BYTES ROUNDS       prints "MB_per_s"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/stats.h"
#include "common/buf.h"
#include "common/reader.h"

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_fetch: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_full(int fd, uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, data, len);
        if (n <= 0) {
            die("read");
        }
        data += n;
        len -= (size_t)n;
    }
}

static void request(struct buf *b, const char *topic, int64_t offset, uint32_t max_bytes)
{
    buf_clear(b);
    buf_append_be32(b, 0); /* length, known at the end */
    buf_append_be16(b, 1); /* Fetch */
    buf_append_be16(b, 4);
    buf_append_be32(b, 7);
    buf_append_be16(b, 0xffff);     /* no client id */
    buf_append_be32(b, UINT32_MAX); /* replica -1 */
    buf_append_be32(b, 100);        /* max wait */
    buf_append_be32(b, 1);          /* min bytes */
    buf_append_be32(b, max_bytes);
    buf_append_u8(b, 0);
    buf_append_be32(b, 1);
    buf_append_be16(b, (uint16_t)strlen(topic));
    buf_append_text(b, topic);
    buf_append_be32(b, 1);
    buf_append_be32(b, 0);
    buf_append_be64(b, (uint64_t)offset);
    buf_append_be32(b, max_bytes);
    buf_put_be32(b, 0, (uint32_t)b->len - 4);
}

/* The offset behind the last whole batch. */
static int64_t next_offset(const uint8_t *records, size_t len, int64_t offset)
{
    struct reader r;
    reader_init(&r, bytes_of(records, len));
    while (reader_left(&r) >= 61) {
        int64_t base = (int64_t)reader_be64(&r);
        uint32_t size = reader_be32(&r);
        if (size > reader_left(&r)) {
            break;
        }
        struct reader batch = r;
        reader_skip(&batch, 4 + 1 + 4 + 2);
        offset = base + (int32_t)reader_be32(&batch) + 1;
        reader_skip(&r, size);
    }
    return offset;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        (void)fprintf(stderr, "usage: bench_fetch HOST PORT TOPIC MAX_BYTES ROUNDS\n");
        return 2;
    }
    uint32_t max_bytes = (uint32_t)strtoul(argv[4], NULL, 10);
    long rounds = strtol(argv[5], NULL, 10);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
    (void)inet_pton(AF_INET, argv[1], &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct buf b;
    buf_init(&b, 4096);
    uint8_t *reply = malloc((size_t)max_bytes + (64 << 20));
    uint64_t total = 0;
    int64_t begin = stats_now_ns();
    for (long round = 0; round < rounds; round++) {
        int64_t offset = 0;
        int64_t high = 1;
        while (offset < high) {
            request(&b, argv[3], offset, max_bytes);
            if (write(fd, b.data, b.len) != (ssize_t)b.len) {
                die("write");
            }
            uint8_t head[4];
            read_full(fd, head, sizeof head);
            uint32_t size = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 |
                            (uint32_t)head[2] << 8 | head[3];
            read_full(fd, reply, size);
            struct reader r;
            reader_init(&r, bytes_of(reply, size));
            reader_skip(&r, 4 + 4 + 4);
            reader_skip(&r, reader_be16(&r));
            reader_skip(&r, 4 + 4);
            uint16_t error = reader_be16(&r);
            high = (int64_t)reader_be64(&r);
            reader_skip(&r, 8 + 4);
            uint32_t len = reader_be32(&r);
            struct bytes records = reader_bytes(&r, len);
            if (error != 0 || reader_failed(&r)) {
                (void)fprintf(stderr, "bench_fetch: error %u\n", error);
                return 1;
            }
            total += len;
            offset = next_offset(records.data, records.len, offset);
        }
    }
    double seconds = (double)(stats_now_ns() - begin) / 1e9;
    (void)printf("%.1f\n", (double)total / 1e6 / seconds);
    buf_deinit(&b);
    free(reply);
    (void)close(fd);
    return 0;
}
