/* A record of __consumer_offsets: i16 length of the key, the key, the value. What is understood,
 * written again, must be understood the same. */
#include <string.h>

#include "broker/group/group_record.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/check.h"
#include "common/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_offset_again(const struct group_record *record, struct arena *arena)
{
    struct buf key;
    struct buf value;
    struct group_record again;
    buf_init(&key, 1 << 20);
    buf_init(&value, 1 << 20);
    group_record_offset_key(&key, record->group, record->topic, record->partition);
    if (!record->tombstone) {
        group_record_offset_value(&value, &record->offset);
    }
    if (!buf_failed(&key) && !buf_failed(&value)) {
        struct bytes v = record->tombstone ? bytes_null() : buf_bytes(&value);
        CHECK(group_record_decode(buf_bytes(&key), v, arena, &again, NULL) == ERR_OK);
        CHECK(again.kind == GROUP_RECORD_OFFSET && again.partition == record->partition);
        CHECK(again.tombstone == record->tombstone);
        CHECK(bytes_equal(again.group, record->group) && bytes_equal(again.topic, record->topic));
        CHECK(record->tombstone || again.offset.offset == record->offset.offset);
    }
    buf_deinit(&key);
    buf_deinit(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct reader r;
    reader_init(&r, bytes_of(data, size));
    struct bytes key = reader_bytes(&r, reader_be16(&r));
    if (!reader_failed(&r)) {
        struct bytes value =
            reader_left(&r) == 0 ? bytes_null() : reader_bytes(&r, reader_left(&r));
        struct group_record record;
        struct err e;
        if (group_record_decode(key, value, &arena, &record, &e) == ERR_OK) {
            if (record.kind == GROUP_RECORD_OFFSET) {
                fuzz_offset_again(&record, &arena);
            }
            CHECK(group_record_partition(record.group, 50) < 50);
        }
        const struct bytes *topics = NULL;
        (void)group_record_subscription(value, &arena, &topics);
    }
    arena_deinit(&arena);
    return 0;
}
