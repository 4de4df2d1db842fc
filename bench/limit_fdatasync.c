/*
 * The disk's own limit: appends blocks of a size to a file, fdatasync after each group of blocks.
 *   limit_fdatasync DIR BLOCK_BYTES BLOCKS_PER_SYNC TOTAL_BYTES
 * Prints "MB_per_s P50_ms P99_ms" of write(s) + fdatasync.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench/stats.h"

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr,
                      "usage: limit_fdatasync DIR BLOCK_BYTES BLOCKS_PER_SYNC TOTAL_BYTES\n");
        return 2;
    }
    size_t block = strtoull(argv[2], NULL, 10);
    size_t group = strtoull(argv[3], NULL, 10);
    size_t total = strtoull(argv[4], NULL, 10);
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/limit_fdatasync.tmp", argv[1]);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
    char *data = malloc(block);
    if (fd < 0 || data == NULL || block == 0 || group == 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    memset(data, 'x', block);
    struct stats stats = stats_create(total / (block * group) + 1);
    int64_t begin = stats_now_ns();
    size_t written = 0;
    while (written < total) {
        int64_t start = stats_now_ns();
        for (size_t i = 0; i < group; i++) {
            if (write(fd, data, block) != (ssize_t)block) {
                (void)fprintf(stderr, "write: %s\n", strerror(errno));
                return 1;
            }
        }
        if (fdatasync(fd) != 0) {
            (void)fprintf(stderr, "fdatasync: %s\n", strerror(errno));
            return 1;
        }
        written += block * group;
        stats_add(&stats, stats_now_ns() - start);
    }
    double seconds = (double)(stats_now_ns() - begin) / 1e9;
    (void)printf("%.1f %.3f %.3f\n", (double)written / 1e6 / seconds,
                 stats_percentile_ms(&stats, 50), stats_percentile_ms(&stats, 99));
    (void)unlink(path);
    (void)close(fd);
    free(data);
    free(stats.samples_ns);
    return 0;
}
