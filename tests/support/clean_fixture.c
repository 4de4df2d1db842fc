#include "tests/support/clean_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/storage/partition_clean.h"
#include "protocol/record_builder.h"
#include "tests/support/test.h"

static struct partition_config compact_config(void)
{
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = 2000;
    config.index_interval_bytes = 300;
    config.cleanup_delete = false;
    config.cleanup_compact = true;
    config.min_dirty_ratio = 0;
    return config;
}

void clean_fixture_open(struct clean_fixture *f)
{
    *f = (struct clean_fixture){.config = compact_config(), .now_ms = STORAGE_FIXTURE_NOW};
    storage_fixture_open(&f->storage);
    f->p = storage_partition(&f->storage, "t", &f->config);
    f->model = calloc(1, sizeof *f->model);
    assert_non_null(f->model);
}

void clean_fixture_close(struct clean_fixture *f)
{
    partition_unref(f->p);
    storage_fixture_close(&f->storage);
    free(f->model);
}

void clean_fixture_reopen(struct clean_fixture *f, bool clean)
{
    partition_unref(f->p);
    storage_fixture_reopen(&f->storage, clean);
    f->p = log_dir_find_partition(f->storage.dir, "t", 0);
    assert_non_null(f->p);
    partition_set_config(f->p, &f->config);
}

static void key_text(int key, char *out, size_t size)
{
    /* Now and then longer than a digest. */
    (void)snprintf(out, size, key % 5 == 0 ? "key-%0100d" : "k%d", key);
}

static void value_text(int64_t offset, char *out, size_t size)
{
    (void)snprintf(out, size, "value of %" PRId64, offset);
}

/* One batch of records with the keys; a negative value makes a tombstone of -key - 2. */
void clean_fixture_put_batch(struct clean_fixture *f, const int *keys, int32_t count,
                             bool idempotent)
{
    struct record_builder b;
    struct buf data;
    struct err e;
    record_builder_init(&b, 1 << 20);
    buf_init(&data, 1 << 20);
    b.attributes = (int16_t)f->codec;
    b.producer_id = idempotent ? 7 : -1;
    b.producer_epoch = idempotent ? 0 : -1;
    b.base_sequence = idempotent ? f->sequence : -1;
    for (int32_t i = 0; i < count; i++) {
        int64_t offset = f->model->count + i;
        bool tombstone = keys[i] < NO_KEY;
        int key = tombstone ? -keys[i] - 2 : keys[i];
        char key_data[160];
        char value[64];
        key_text(key, key_data, sizeof key_data);
        value_text(offset, value, sizeof value);
        struct record_header header = {bytes_of_text("h"), bytes_of_text(value)};
        f->model->records[offset] = (struct model_record){key, !tombstone, f->now_ms + i};
        record_builder_append(&b, f->now_ms + i,
                              key == NO_KEY ? bytes_null() : bytes_of_text(key_data),
                              tombstone ? bytes_null() : bytes_of_text(value), &header, 1);
    }
    assert_int_equal(record_builder_finish(&b, &data, &e), ERR_OK);
    struct partition_append_options options = {.now_ms = f->now_ms, .from_client = true};
    struct partition_append_result result;
    if (partition_append(f->p, data.data, data.len, &options, &result, &e) != ERR_OK) {
        fail_msg("append: %s", e.text);
    }
    assert_int_equal(result.base_offset, f->model->count);
    f->model->count += count;
    f->sequence += idempotent ? count : 0;
    record_builder_deinit(&b);
    buf_deinit(&data);
}

void clean_fixture_put(struct clean_fixture *f, int key)
{
    clean_fixture_put_batch(f, &key, 1, false);
}

/* Everything so far into sealed segments below the recovery point. */
void clean_fixture_seal(struct clean_fixture *f)
{
    lock_acquire(&f->p->lock);
    struct err e;
    if (partition_active(f->p)->size_bytes > 0) {
        assert_int_equal(partition_roll(f->p, f->now_ms, &e), ERR_OK);
    }
    lock_release(&f->p->lock);
    assert_int_equal(partition_flush(f->p, PARTITION_FLUSH_CHECKPOINT, NULL), ERR_OK);
}

enum err_code clean_fixture_clean(struct clean_fixture *f)
{
    atomic_bool stop = false;
    struct partition_clean_options options = {
        .now_ms = f->now_ms, .key_table_bytes = 1 << 20, .stop = &stop};
    struct partition_clean_result result;
    struct err e;
    return partition_clean(f->p, &options, &result, &e);
}

static void check_record(const struct clean_fixture *f, const struct record *r)
{
    assert_true(r->offset >= 0 && r->offset < f->model->count);
    const struct model_record *m = &f->model->records[r->offset];
    char key[160];
    char value[64];
    key_text(m->key, key, sizeof key);
    value_text(r->offset, value, sizeof value);
    assert_true(bytes_equal(r->key, m->key == NO_KEY ? bytes_null() : bytes_of_text(key)));
    assert_true(bytes_equal(r->value, m->value ? bytes_of_text(value) : bytes_null()));
    assert_int_equal(r->timestamp, m->timestamp);
    assert_int_equal(r->header_count, 1);
    struct reader headers;
    struct record_header header;
    reader_init(&headers, r->headers);
    assert_true(record_header_next(&headers, &header));
    assert_true(bytes_equal(header.key, bytes_of_text("h")));
    assert_true(bytes_equal(header.value, bytes_of_text(value)));
}

static void check_batch(const struct clean_fixture *f, struct bytes bytes, struct buf *scratch,
                        struct seen *seen)
{
    struct record_batch b;
    struct record_iterator it;
    struct record r;
    assert_int_equal(record_batch_parse(bytes, &b), RECORD_BATCH_OK);
    assert_int_equal(record_batch_check_crc(&b), RECORD_BATCH_OK);
    assert_true(b.base_offset >= seen->next);
    assert_int_equal(record_iterator_init(&it, &b, scratch), RECORD_BATCH_OK);
    int64_t largest = -1;
    while (record_iterator_next(&it, &r)) {
        assert_true(r.offset >= b.base_offset && r.offset <= record_batch_last_offset(&b));
        assert_false(seen->at[r.offset]);
        check_record(f, &r);
        seen->at[r.offset] = true;
        seen->count++;
        largest = r.timestamp > largest ? r.timestamp : largest;
    }
    assert_int_equal(it.status, RECORD_BATCH_OK);
    if (b.count > 0) {
        assert_int_equal(b.max_timestamp, largest);
        assert_int_equal(record_batch_codec(&b), b.attributes & 7);
    }
    seen->batches++;
    seen->empty_batches += b.count == 0;
    seen->next = record_batch_last_offset(&b) + 1;
}

/* Reads from the offset to the end as a consumer does. */
void clean_fixture_read(const struct clean_fixture *f, int64_t offset, struct seen *seen)
{
    struct buf data;
    struct buf scratch;
    buf_init(&data, 1 << 20);
    buf_init(&scratch, 1 << 20);
    *seen = (struct seen){0};
    for (;;) {
        struct partition_read_options options = {
            .offset = offset, .max_bytes = 700, .min_one_batch = true};
        struct partition_slice slice;
        struct err e;
        if (partition_read(f->p, &options, &slice, &e) != ERR_OK) {
            fail_msg("read at %" PRId64 ": %s", offset, e.text);
        }
        buf_clear(&data);
        uint8_t *to = buf_reserve(&data, slice.length);
        assert_non_null(to);
        assert_int_equal(partition_slice_read(&slice, 0, to, slice.length, &e), ERR_OK);
        for (size_t at = 0; at < slice.length;) {
            struct batch_header h;
            assert_true(batch_header_decode(to + at, &h));
            assert_true(h.last_offset >= offset);
            check_batch(f, bytes_of(to + at, (size_t)h.size_bytes), &scratch, seen);
            at += (size_t)h.size_bytes;
        }
        bool end = slice.length == 0;
        offset = end ? offset : slice.next_offset;
        partition_slice_release(&slice);
        if (end) {
            break;
        }
    }
    buf_deinit(&data);
    buf_deinit(&scratch);
}

/* The newest offset of a key below `end`; -1 = none. */
static int64_t newest(const struct clean_fixture *f, int key, int64_t end)
{
    for (int64_t o = end - 1; o >= 0; o--) {
        if (f->model->records[o].key == key) {
            return o;
        }
    }
    return -1;
}

/* The rules of compaction, for a log that was cleaned up to `cleaned_to` for sure, and perhaps in
 * parts up to `touched_to`. Tombstones may be missing when they may be gone. */
void clean_fixture_check_rules(const struct clean_fixture *f, int64_t cleaned_to,
                               int64_t touched_to, bool tombstones_may_go)
{
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    clean_fixture_read(f, 0, seen);
    for (int64_t o = 0; o < f->model->count; o++) {
        const struct model_record *m = &f->model->records[o];
        bool superseded =
            o < cleaned_to && (m->key == NO_KEY || newest(f, m->key, cleaned_to) != o);
        bool optional = o < touched_to && ((!m->value && tombstones_may_go) || m->key == NO_KEY ||
                                           newest(f, m->key, touched_to) != o);
        if (superseded && seen->at[o]) {
            fail_msg("offset %" PRId64 " (key %d) is still there", o, m->key);
        }
        if (!optional && !seen->at[o]) {
            fail_msg("offset %" PRId64 " (key %d) is gone", o, m->key);
        }
    }
    struct partition_offsets offsets;
    partition_get_offsets(f->p, &offsets);
    assert_int_equal(offsets.log_end, f->model->count);
    free(seen);
}

void clean_fixture_check(const struct clean_fixture *f, int64_t cleaned_to, bool tombstones_may_go)
{
    storage_settle(f->p);
    clean_fixture_check_rules(f, cleaned_to, cleaned_to, tombstones_may_go);
}

/* A read from every offset begins with the first record at or behind it. */
void clean_fixture_check_every_offset(const struct clean_fixture *f)
{
    struct seen *all = calloc(1, sizeof *all);
    struct seen *some = calloc(1, sizeof *some);
    assert_non_null(all);
    assert_non_null(some);
    clean_fixture_read(f, 0, all);
    for (int64_t from = 0; from <= f->model->count; from += 3) {
        clean_fixture_read(f, from, some);
        for (int64_t o = from; o < f->model->count; o++) {
            assert_int_equal(some->at[o], all->at[o]);
        }
    }
    free(all);
    free(some);
}
