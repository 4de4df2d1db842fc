#include "tests/support/storage_fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/storage/batch_header.h"
#include "common/lock.h"
#include "protocol/record_builder.h"
#include "tests/support/test.h"

#define STORAGE_DEADLINE_NS INT64_C(20000000000)

static void storage_open(struct storage_fixture *f)
{
    struct err e;
    f->config.path = f->path;
    if (log_dir_open(&f->config, &f->clock.clock, NULL, &f->dir, &e) != ERR_OK) {
        fail_msg("open: %s", e.text);
    }
}

void storage_fixture_open(struct storage_fixture *f)
{
    *f = (struct storage_fixture){0};
    (void)snprintf(f->path, sizeof f->path, "/tmp/weir-storage-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    clock_manual_init(&f->clock, STORAGE_FIXTURE_NOW);
    log_dir_config_init(&f->config);
    f->config.background = false;
    storage_open(f);
}

void storage_fixture_reopen(struct storage_fixture *f, bool clean)
{
    struct err e;
    if (!clean) {
        log_dir_abandon(f->dir);
    } else if (log_dir_close(f->dir, &e) != ERR_OK) {
        fail_msg("close: %s", e.text);
    }
    storage_open(f);
}

/* NOLINTNEXTLINE(misc-no-recursion): the tree is two levels deep */
void storage_remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        char child[4096];
        struct stat st;
        (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (lstat(child, &st) == 0 && S_ISDIR(st.st_mode)) {
            storage_remove_tree(child);
        } else {
            (void)unlink(child);
        }
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

void storage_fixture_close(struct storage_fixture *f)
{
    log_dir_abandon(f->dir);
    storage_remove_tree(f->path);
}

struct partition *storage_partition(struct storage_fixture *f, const char *topic,
                                    const struct partition_config *config)
{
    struct partition_id id = {.index = 0, .topic_id = {1, 2, 3}};
    (void)snprintf(id.topic, sizeof id.topic, "%s", topic);
    struct partition *p = NULL;
    struct err e;
    if (log_dir_create_partition(f->dir, &id, config, &p, &e) != ERR_OK) {
        fail_msg("create: %s", e.text);
    }
    return p;
}

void storage_encode(struct buf *out, const struct storage_batch *batch)
{
    struct record_builder b;
    struct buf value;
    struct err e;
    record_builder_init(&b, (size_t)64 << 20);
    buf_init(&value, (size_t)64 << 20);
    uint8_t *fill = buf_reserve(&value, batch->value_bytes);
    assert_non_null(fill);
    memset(fill, batch->fill, batch->value_bytes);
    buf_commit(&value, batch->value_bytes);
    b.attributes = batch->attributes;
    b.producer_id = batch->producer_id;
    b.producer_epoch = batch->producer_id >= 0 ? batch->producer_epoch : -1;
    b.base_sequence = batch->producer_id >= 0 ? batch->base_sequence : -1;
    for (int32_t i = 0; i < batch->count; i++) {
        record_builder_append(&b, batch->timestamp + i, bytes_null(), buf_bytes(&value), NULL, 0);
    }
    if (record_builder_finish(&b, out, &e) != ERR_OK) {
        fail_msg("batch: %s", e.text);
    }
    record_builder_deinit(&b);
    buf_deinit(&value);
}

enum err_code storage_append_batch(struct partition *p, const struct storage_batch *batch,
                                   struct partition_append_result *out_result)
{
    struct buf data;
    buf_init(&data, (size_t)64 << 20);
    storage_encode(&data, batch);
    struct partition_append_options options = {.now_ms = STORAGE_FIXTURE_NOW, .from_client = true};
    struct err e;
    enum err_code code = partition_append(p, data.data, data.len, &options, out_result, &e);
    buf_deinit(&data);
    return code;
}

int64_t storage_append(struct partition *p, int64_t timestamp, size_t value_bytes)
{
    struct storage_batch batch = {.timestamp = timestamp,
                                  .count = 1,
                                  .value_bytes = value_bytes,
                                  .producer_id = -1,
                                  .fill = 'v'};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(p, &batch, &result), ERR_OK);
    assert_int_equal(result.error_code, 0);
    return result.base_offset;
}

struct storage_wait {
    struct partition_waiter waiter;
    struct lock lock;
    struct cond wake;
    bool done;
    enum err_code status;
};

static void storage_on_flushed(struct partition_waiter *w, enum err_code status)
{
    struct storage_wait *wait = w->ctx;
    lock_acquire(&wait->lock);
    wait->done = true;
    wait->status = status;
    cond_signal(&wait->wake);
    lock_release(&wait->lock);
}

static enum err_code storage_wait(struct partition *p, int64_t offset, bool synced)
{
    struct storage_wait wait = {.waiter = {.callback = storage_on_flushed}};
    wait.waiter.ctx = &wait;
    lock_init(&wait.lock);
    cond_init(&wait.wake);
    bool done = synced ? partition_wait_synced(p, &wait.waiter)
                       : partition_wait_flushed(p, offset, &wait.waiter);
    int64_t deadline_ns = clock_mono_ns(clock_system()) + STORAGE_DEADLINE_NS;
    lock_acquire(&wait.lock);
    while (!done && !wait.done) {
        if (!cond_wait_until(&wait.wake, &wait.lock, deadline_ns)) {
            fail_msg("not flushed in time");
        }
    }
    lock_release(&wait.lock);
    cond_deinit(&wait.wake);
    lock_deinit(&wait.lock);
    return done ? ERR_OK : wait.status;
}

enum err_code storage_wait_flushed(struct partition *p, int64_t offset)
{
    return storage_wait(p, offset, false);
}

enum err_code storage_wait_synced(struct partition *p)
{
    return storage_wait(p, 0, true);
}

void storage_settle(struct partition *p)
{
    assert_int_equal(storage_wait_synced(p), ERR_OK);
}

/* Appends the slice's bytes to out and checks that they are whole batches in order. */
static int64_t storage_take(const struct partition_slice *slice, int64_t offset, size_t max_bytes,
                            struct buf *out)
{
    struct err e;
    uint8_t *to = buf_reserve(out, slice->length);
    assert_non_null(to);
    if (partition_slice_read(slice, 0, to, slice->length, &e) != ERR_OK) {
        fail_msg("slice: %s", e.text);
    }
    buf_commit(out, slice->length);
    int64_t last = -1;
    int batches = 0;
    for (size_t at = 0; at < slice->length; batches++) {
        struct batch_header h;
        assert_true(slice->length - at >= BATCH_HEADER_BYTES);
        assert_true(batch_header_decode(to + at, &h));
        assert_true((size_t)h.size_bytes <= slice->length - at);
        assert_true(h.last_offset >= offset);
        assert_true(last < 0 || h.base_offset == last + 1);
        last = h.last_offset;
        at += (size_t)h.size_bytes;
    }
    assert_int_equal(slice->next_offset, last + 1);
    assert_true(batches == 1 || slice->length <= max_bytes);
    return slice->next_offset;
}

int64_t storage_read_all_isolated(struct partition *p, int64_t offset, size_t max_bytes,
                                  enum partition_isolation isolation, struct buf *out)
{
    for (;;) {
        struct partition_read_options options = {.offset = offset,
                                                 .max_bytes = max_bytes,
                                                 .min_one_batch = true,
                                                 .isolation = isolation};
        struct partition_slice slice;
        struct err e;
        if (partition_read(p, &options, &slice, &e) != ERR_OK) {
            fail_msg("read at %" PRId64 ": %s", offset, e.text);
        }
        if (slice.length == 0) {
            assert_int_equal(slice.next_offset, offset);
            partition_slice_release(&slice);
            return offset;
        }
        offset = storage_take(&slice, offset, max_bytes, out);
        partition_slice_release(&slice);
    }
}

int64_t storage_read_all(struct partition *p, int64_t offset, size_t max_bytes, struct buf *out)
{
    return storage_read_all_isolated(p, offset, max_bytes, PARTITION_READ_UNCOMMITTED, out);
}

int storage_count_files(const struct storage_fixture *f, const char *folder, const char *suffix)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", f->path, folder);
    DIR *dir = opendir(path);
    int count = 0;
    for (struct dirent *entry = dir != NULL ? readdir(dir) : NULL; entry != NULL;
         entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        size_t end = strlen(suffix);
        count += len >= end && strcmp(entry->d_name + len - end, suffix) == 0;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

void storage_path(const struct storage_fixture *f, const char *folder, int64_t base,
                  const char *suffix, char *out_path, size_t size)
{
    (void)snprintf(out_path, size, "%s/%s/%020" PRId64 "%s", f->path, folder, base, suffix);
}

uint64_t storage_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
