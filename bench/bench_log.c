/*
 * The log against the disk, in the same run and the same directory, taking turns.
 *   bench_log DIR BATCH_BYTES TOTAL_BYTES IN_FLIGHT
 * Raw: write + fdatasync per batch. Log: append and wait for the flush, with one batch in flight,
 * and with IN_FLIGHT of them. Prints "RAW_MB_per_s LOG1_MB_per_s LOGN_MB_per_s RAW_p99_ms
 * LOG1_p99_ms".
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "bench/stats.h"
#include "broker/storage/log_dir.h"
#include "common/lock.h"
#include "protocol/record_builder.h"

#define BENCH_ROUNDS 5
#define BENCH_IN_FLIGHT_MAX 64

struct bench {
    const char *dir;
    size_t batch_bytes;
    size_t count; /* batches per round and kind */
    size_t in_flight;
    struct buf batch;
    struct stats raw;
    struct stats log;
};

static void bench_die(const char *what, const struct err *e)
{
    (void)fprintf(stderr, "bench_log: %s: %s\n", what, e != NULL ? e->text : "failed");
    exit(1);
}

static int64_t bench_raw(struct bench *b)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/bench_log.raw", b->dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    int64_t begin = stats_now_ns();
    for (size_t i = 0; i < b->count; i++) {
        int64_t start = stats_now_ns();
        if (write(fd, b->batch.data, b->batch.len) != (ssize_t)b->batch.len || fdatasync(fd) != 0) {
            bench_die("raw write", NULL);
        }
        stats_add(&b->raw, stats_now_ns() - start);
    }
    int64_t took = stats_now_ns() - begin;
    (void)close(fd);
    (void)unlink(path);
    return took;
}

struct bench_slot {
    struct partition_waiter waiter;
    struct bench_gate *gate;
    int64_t start_ns;
    bool busy;
};

struct bench_gate {
    struct lock lock;
    struct cond wake;
    struct bench *bench;
    size_t left; /* slots that are busy */
    bool record;
    struct bench_slot slots[BENCH_IN_FLIGHT_MAX];
};

static void bench_on_flushed(struct partition_waiter *w, enum err_code status)
{
    struct bench_slot *slot = w->ctx;
    if (status != ERR_OK) {
        bench_die("flush", NULL);
    }
    lock_acquire(&slot->gate->lock);
    slot->busy = false;
    slot->gate->left--;
    if (slot->gate->record) {
        stats_add(&slot->gate->bench->log, stats_now_ns() - slot->start_ns);
    }
    cond_signal(&slot->gate->wake);
    lock_release(&slot->gate->lock);
}

/* A free slot, waiting for one. */
static struct bench_slot *bench_take_slot(struct bench_gate *gate, size_t in_flight)
{
    struct bench_slot *slot = NULL;
    lock_acquire(&gate->lock);
    while (gate->left >= in_flight) {
        cond_wait(&gate->wake, &gate->lock);
    }
    for (size_t i = 0; slot == NULL; i++) {
        slot = gate->slots[i].busy ? NULL : &gate->slots[i];
    }
    slot->busy = true;
    gate->left++;
    lock_release(&gate->lock);
    return slot;
}

static int64_t bench_log(struct bench *b, struct partition *p, size_t in_flight)
{
    struct bench_gate gate = {.bench = b, .record = in_flight == 1};
    lock_init(&gate.lock);
    cond_init(&gate.wake);
    int64_t begin = stats_now_ns();
    for (size_t i = 0; i < b->count; i++) {
        struct bench_slot *slot = bench_take_slot(&gate, in_flight);
        slot->start_ns = stats_now_ns();
        slot->gate = &gate;
        slot->waiter = (struct partition_waiter){.callback = bench_on_flushed, .ctx = slot};
        struct partition_append_options options = {.now_ms = 1, .from_client = true};
        struct partition_append_result result;
        struct err e;
        if (partition_append(p, b->batch.data, b->batch.len, &options, &result, &e) != ERR_OK) {
            bench_die("append", &e);
        }
        if (partition_wait_flushed(p, result.last_offset + 1, &slot->waiter)) {
            bench_on_flushed(&slot->waiter, ERR_OK);
        }
    }
    lock_acquire(&gate.lock);
    while (gate.left > 0) {
        cond_wait(&gate.wake, &gate.lock);
    }
    lock_release(&gate.lock);
    int64_t took = stats_now_ns() - begin;
    cond_deinit(&gate.wake);
    lock_deinit(&gate.lock);
    return took;
}

static void bench_make_batch(struct bench *b)
{
    struct record_builder builder;
    struct err e;
    record_builder_init(&builder, b->batch_bytes + 1000);
    buf_init(&b->batch, b->batch_bytes + 1000);
    uint8_t *value = calloc(1, b->batch_bytes);
    record_builder_append(&builder, 1, bytes_null(), bytes_of(value, b->batch_bytes), NULL, 0);
    if (value == NULL || record_builder_finish(&builder, &b->batch, &e) != ERR_OK) {
        bench_die("batch", &e);
    }
    record_builder_deinit(&builder);
    free(value);
}

static struct partition *bench_open(const char *dir, struct log_dir **out_dir)
{
    struct log_dir_config config;
    struct partition_config topic;
    struct partition *p = NULL;
    struct err e;
    log_dir_config_init(&config);
    partition_config_init(&topic);
    topic.max_message_bytes = INT64_C(1) << 28;
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/bench_log.data", dir);
    config.path = path;
    struct partition_id id = {.topic = "bench", .topic_id = {1}};
    if (log_dir_open(&config, clock_system(), NULL, out_dir, &e) != ERR_OK ||
        log_dir_create_partition(*out_dir, &id, &topic, &p, &e) != ERR_OK) {
        bench_die("open", &e);
    }
    return p;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr, "usage: bench_log DIR BATCH_BYTES TOTAL_BYTES IN_FLIGHT\n");
        return 2;
    }
    struct bench b = {.dir = argv[1], .batch_bytes = strtoull(argv[2], NULL, 10)};
    b.count = strtoull(argv[3], NULL, 10) / (b.batch_bytes > 0 ? b.batch_bytes : 1) / BENCH_ROUNDS;
    b.in_flight = strtoull(argv[4], NULL, 10);
    if (b.count == 0 || b.in_flight == 0 || b.in_flight > BENCH_IN_FLIGHT_MAX) {
        (void)fprintf(stderr, "bench_log: bad sizes\n");
        return 2;
    }
    bench_make_batch(&b);
    b.raw = stats_create(b.count * BENCH_ROUNDS);
    b.log = stats_create(b.count * BENCH_ROUNDS);
    struct log_dir *dir = NULL;
    struct partition *p = bench_open(b.dir, &dir);
    int64_t raw = 0;
    int64_t one = 0;
    int64_t many = 0;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        raw += bench_raw(&b);
        one += bench_log(&b, p, 1);
        many += bench_log(&b, p, b.in_flight);
    }
    double megabytes = (double)b.count * BENCH_ROUNDS * (double)b.batch.len / 1e6;
    (void)printf("%.1f %.1f %.1f %.3f %.3f\n", megabytes / ((double)raw / 1e9),
                 megabytes / ((double)one / 1e9), megabytes / ((double)many / 1e9),
                 stats_percentile_ms(&b.raw, 99), stats_percentile_ms(&b.log, 99));
    partition_unref(p);
    (void)log_dir_delete_partition(dir, "bench", 0, NULL);
    struct err e;
    if (log_dir_close(dir, &e) != ERR_OK) {
        bench_die("close", &e);
    }
    buf_deinit(&b.batch);
    free(b.raw.samples_ns);
    free(b.log.samples_ns);
    return 0;
}
