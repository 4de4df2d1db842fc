/* The small files of the log, by the first byte: 0 offset index, 1 time index, 2 producer snapshot,
 * 3 epoch file, 4 checkpoint. What loads must be usable, and written again be read the same. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/storage/checkpoint.h"
#include "broker/storage/epoch_cache.h"
#include "broker/storage/file_io.h"
#include "broker/storage/producer_state.h"
#include "broker/storage/segment_index.h"
#include "common/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_look_up_entry(const struct segment_index *x, size_t i)
{
    if (x->entry_bytes == SEGMENT_INDEX_OFFSET_BYTES) {
        struct segment_index_offset at = segment_index_offset_at(x, i);
        CHECK(segment_index_floor_offset(x, at.relative_offset) == at.position);
        CHECK(segment_index_floor_position(x, at.position) == at.position);
    } else {
        struct segment_index_time at = segment_index_time_at(x, i);
        CHECK(segment_index_before_time(x, at.timestamp) <= at.relative_offset);
    }
}

static void fuzz_look_up(const char *path, size_t entry_bytes)
{
    for (int mapped = 0; mapped <= 1; mapped++) {
        struct segment_index x;
        segment_index_init(&x, entry_bytes);
        struct err e;
        if (segment_index_load(&x, path, &e) != ERR_OK) {
            return;
        }
        if (mapped != 0) {
            segment_index_deinit(&x);
            CHECK(segment_index_map(&x, path, &e) == ERR_OK);
        }
        for (size_t i = 0; i < x.count; i++) {
            fuzz_look_up_entry(&x, i);
        }
        segment_index_deinit(&x);
    }
}

static void fuzz_snapshot(struct bytes data)
{
    struct producer_state s;
    producer_state_init(&s, 100);
    if (producer_state_decode(&s, data, NULL) == ERR_OK) {
        struct buf again;
        buf_init(&again, 1 << 20);
        producer_state_encode(&s, &again);
        struct producer_state t;
        producer_state_init(&t, 100);
        CHECK(producer_state_decode(&t, buf_bytes(&again), NULL) == ERR_OK);
        CHECK(t.count == s.count);
        CHECK(t.open_txn_count == s.open_txn_count);
        producer_state_deinit(&t);
        buf_deinit(&again);
    }
    producer_state_deinit(&s);
}

static void fuzz_epochs(const char *path)
{
    struct epoch_cache c;
    epoch_cache_init(&c);
    if (epoch_cache_load(&c, path, NULL) == ERR_OK) {
        int32_t epoch = 0;
        int64_t end = 0;
        epoch_cache_find(&c, 3, INT64_MAX, &epoch, &end);
        CHECK(epoch <= 3);
        (void)epoch_cache_cut_start(&c, 10);
        (void)epoch_cache_cut_end(&c, 20);
    }
    epoch_cache_deinit(&c);
}

static void fuzz_checkpoint(const char *path)
{
    struct checkpoint c;
    struct checkpoint again;
    checkpoint_init(&c);
    checkpoint_init(&again);
    if (checkpoint_load(&c, path, NULL) == ERR_OK) {
        CHECK(checkpoint_store(&c, path, NULL) == ERR_OK);
        CHECK(checkpoint_load(&again, path, NULL) == ERR_OK);
        CHECK(again.count == c.count);
    }
    checkpoint_deinit(&c);
    checkpoint_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    char path[] = "/tmp/weir-fuzz-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(file_io_write_at(fd, data + 1, size - 1, 0, path, NULL) == ERR_OK);
    file_io_close(fd);
    switch (data[0] % 5) {
    case 0:
        fuzz_look_up(path, SEGMENT_INDEX_OFFSET_BYTES);
        break;
    case 1:
        fuzz_look_up(path, SEGMENT_INDEX_TIME_BYTES);
        break;
    case 2:
        fuzz_snapshot(bytes_of(data + 1, size - 1));
        break;
    case 3:
        fuzz_epochs(path);
        break;
    default:
        fuzz_checkpoint(path);
        break;
    }
    (void)unlink(path);
    return 0;
}
