/*
 * The disk's own limit: appends blocks of a size to a file, fdatasync after each group of blocks.
 *   limit_fdatasync DIR BLOCK_BYTES BLOCKS_PER_SYNC TOTAL_BYTES [RATE]
 * Prints "MB_per_s P50_ms P99_ms" of write(s) + fdatasync. With a RATE, so many blocks fall due per
 * second, all that are due share one fdatasync, and the time of each counts from when it was due:
 * one slow call is then as many slow blocks as it would be slow records.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench/stats.h"

static void write_and_sync(int fd, const char *data, size_t block, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (write(fd, data, block) != (ssize_t)block) {
            (void)fprintf(stderr, "write: %s\n", strerror(errno));
            exit(1);
        }
    }
    if (fdatasync(fd) != 0) {
        (void)fprintf(stderr, "fdatasync: %s\n", strerror(errno));
        exit(1);
    }
}

static void run_paced(int fd, const char *data, size_t block, size_t count, int64_t rate,
                      struct stats *stats)
{
    int64_t begin = stats_now_ns();
    for (size_t i = 0; i < count;) {
        int64_t due = begin + (int64_t)i * 1000000000 / rate;
        struct timespec at = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
        }
        size_t until = (size_t)((stats_now_ns() - begin) * rate / 1000000000) + 1;
        until = until < count ? until : count;
        write_and_sync(fd, data, block, until - i);
        int64_t now = stats_now_ns();
        for (; i < until; i++) {
            stats_add(stats, now - begin - (int64_t)i * 1000000000 / rate);
        }
    }
}

static void run_unpaced(int fd, const char *data, size_t block, size_t group, size_t total,
                        struct stats *stats)
{
    for (size_t written = 0; written < total; written += block * group) {
        int64_t start = stats_now_ns();
        write_and_sync(fd, data, block, group);
        stats_add(stats, stats_now_ns() - start);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        (void)fprintf(
            stderr, "usage: limit_fdatasync DIR BLOCK_BYTES BLOCKS_PER_SYNC TOTAL_BYTES [RATE]\n");
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
    int64_t rate = argc == 6 ? strtoll(argv[5], NULL, 10) : 0;
    struct stats stats = stats_create(total / block + 1);
    int64_t begin = stats_now_ns();
    if (rate > 0) {
        run_paced(fd, data, block, total / block, rate, &stats);
    } else {
        run_unpaced(fd, data, block, group, total, &stats);
    }
    double seconds = (double)(stats_now_ns() - begin) / 1e9;
    (void)printf("%.1f %.3f %.3f\n", (double)total / 1e6 / seconds, stats_percentile_ms(&stats, 50),
                 stats_percentile_ms(&stats, 99));
    (void)unlink(path);
    (void)close(fd);
    free(data);
    free(stats.samples_ns);
    return 0;
}
