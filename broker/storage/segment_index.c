#include "broker/storage/segment_index.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "broker/storage/file_io.h"
#include "common/check.h"
#include "common/mem.h"

#define SEGMENT_INDEX_FIRST_CAPACITY 64
/* A segment's positions are int32 and entries are at least one batch header apart. */
#define SEGMENT_INDEX_ENTRIES_MAX ((size_t)INT32_MAX / 61)

static uint32_t segment_index_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void segment_index_put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

void segment_index_init(struct segment_index *x, size_t entry_bytes)
{
    *x = (struct segment_index){.entry_bytes = entry_bytes};
}

void segment_index_deinit(struct segment_index *x)
{
    if (x->mapped_bytes > 0) {
        (void)munmap(x->entries, x->mapped_bytes);
    } else {
        mem_free(x->entries);
    }
    *x = (struct segment_index){.entry_bytes = x->entry_bytes};
}

enum err_code segment_index_reserve(struct segment_index *x, size_t more, struct err *e)
{
    CHECK(x->mapped_bytes == 0);
    if (more <= x->capacity - x->count) {
        return ERR_OK;
    }
    if (more > SEGMENT_INDEX_ENTRIES_MAX - x->count) {
        return err_set(e, ERR_LIMIT, "segment index would exceed %zu entries",
                       SEGMENT_INDEX_ENTRIES_MAX);
    }
    size_t capacity = x->capacity > 0 ? x->capacity : SEGMENT_INDEX_FIRST_CAPACITY;
    while (capacity - x->count < more) {
        capacity *= 2;
    }
    uint8_t *entries = mem_realloc(x->entries, capacity * x->entry_bytes);
    if (entries == NULL) {
        return err_nomem(e, "segment index");
    }
    x->entries = entries;
    x->capacity = capacity;
    return ERR_OK;
}

void segment_index_push_offset(struct segment_index *x, struct segment_index_offset entry)
{
    CHECK(x->entry_bytes == SEGMENT_INDEX_OFFSET_BYTES);
    CHECK(x->count < x->capacity);
    uint8_t *p = x->entries + x->count * x->entry_bytes;
    segment_index_put32(p, (uint32_t)entry.relative_offset);
    segment_index_put32(p + 4, (uint32_t)entry.position);
    x->count++;
}

void segment_index_push_time(struct segment_index *x, struct segment_index_time entry)
{
    CHECK(x->entry_bytes == SEGMENT_INDEX_TIME_BYTES);
    CHECK(x->count < x->capacity);
    uint8_t *p = x->entries + x->count * x->entry_bytes;
    segment_index_put32(p, (uint32_t)((uint64_t)entry.timestamp >> 32));
    segment_index_put32(p + 4, (uint32_t)entry.timestamp);
    segment_index_put32(p + 8, (uint32_t)entry.relative_offset);
    x->count++;
}

struct segment_index_offset segment_index_decode_offset(const uint8_t *entry)
{
    return (struct segment_index_offset){(int32_t)segment_index_get32(entry),
                                         (int32_t)segment_index_get32(entry + 4)};
}

struct segment_index_time segment_index_decode_time(const uint8_t *entry)
{
    uint64_t timestamp =
        (uint64_t)segment_index_get32(entry) << 32 | segment_index_get32(entry + 4);
    return (struct segment_index_time){(int64_t)timestamp, (int32_t)segment_index_get32(entry + 8)};
}

struct segment_index_offset segment_index_offset_at(const struct segment_index *x, size_t i)
{
    CHECK(i < x->count);
    return segment_index_decode_offset(x->entries + i * SEGMENT_INDEX_OFFSET_BYTES);
}

struct segment_index_time segment_index_time_at(const struct segment_index *x, size_t i)
{
    CHECK(i < x->count);
    return segment_index_decode_time(x->entries + i * SEGMENT_INDEX_TIME_BYTES);
}

void segment_index_truncate(struct segment_index *x, size_t count)
{
    CHECK(x->mapped_bytes == 0);
    CHECK(count <= x->count);
    x->count = count;
    if (x->stored_count > count) {
        x->stored_count = count;
    }
}

/* What a look-up compares with. */
enum segment_index_key {
    SEGMENT_INDEX_BY_OFFSET,
    SEGMENT_INDEX_BY_POSITION,
    SEGMENT_INDEX_BY_TIME
};

static bool segment_index_at_or_below(const struct segment_index *x, size_t i,
                                      enum segment_index_key key, int64_t value)
{
    switch (key) {
    case SEGMENT_INDEX_BY_OFFSET:
        return segment_index_offset_at(x, i).relative_offset <= value;
    case SEGMENT_INDEX_BY_POSITION:
        return segment_index_offset_at(x, i).position <= value;
    case SEGMENT_INDEX_BY_TIME:
        return segment_index_time_at(x, i).timestamp < value;
    }
    return false;
}

/* How many entries, from the front, are at or below the value. */
static size_t segment_index_bound(const struct segment_index *x, enum segment_index_key key,
                                  int64_t value)
{
    size_t low = 0;
    size_t high = x->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (segment_index_at_or_below(x, mid, key, value)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

int32_t segment_index_floor_offset(const struct segment_index *x, int64_t relative_offset)
{
    size_t n = segment_index_bound(x, SEGMENT_INDEX_BY_OFFSET, relative_offset);
    return n > 0 ? segment_index_offset_at(x, n - 1).position : 0;
}

int32_t segment_index_floor_position(const struct segment_index *x, int64_t position)
{
    size_t n = segment_index_bound(x, SEGMENT_INDEX_BY_POSITION, position);
    return n > 0 ? segment_index_offset_at(x, n - 1).position : 0;
}

int32_t segment_index_before_time(const struct segment_index *x, int64_t timestamp)
{
    size_t n = segment_index_bound(x, SEGMENT_INDEX_BY_TIME, timestamp);
    return n > 0 ? segment_index_time_at(x, n - 1).relative_offset : -1;
}

enum err_code segment_index_store(struct segment_index *x, const char *path, int *out_fd,
                                  struct err *e)
{
    CHECK(x->mapped_bytes == 0);
    int fd = -1;
    enum err_code code = file_io_open(path, O_CREAT, &fd, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t from = x->stored_count * x->entry_bytes;
    code = file_io_truncate(fd, (int64_t)from, path, e);
    if (code == ERR_OK && x->count > x->stored_count) {
        code = file_io_write_at(fd, x->entries + from, x->count * x->entry_bytes - from,
                                (int64_t)from, path, e);
    }
    if (code != ERR_OK) {
        file_io_close(fd);
        return code;
    }
    x->stored_count = x->count;
    *out_fd = fd;
    return ERR_OK;
}

static bool segment_index_sorted(const struct segment_index *x)
{
    for (size_t i = 0; i < x->count; i++) {
        if (x->entry_bytes == SEGMENT_INDEX_OFFSET_BYTES) {
            struct segment_index_offset at = segment_index_offset_at(x, i);
            struct segment_index_offset before = {-1, -1};
            if (i > 0) {
                before = segment_index_offset_at(x, i - 1);
            }
            if (at.relative_offset <= before.relative_offset || at.position <= before.position) {
                return false;
            }
        } else {
            struct segment_index_time at = segment_index_time_at(x, i);
            struct segment_index_time before = {INT64_MIN, -1};
            if (i > 0) {
                before = segment_index_time_at(x, i - 1);
            }
            if (at.relative_offset < before.relative_offset || at.timestamp <= before.timestamp) {
                return false;
            }
        }
    }
    return true;
}

/* Opens the file and finds how many entries it has. */
static enum err_code segment_index_open(const struct segment_index *x, const char *path,
                                        int *out_fd, size_t *out_count, struct err *e)
{
    int fd = -1;
    enum err_code code = file_io_open(path, 0, &fd, e);
    if (code != ERR_OK) {
        return code;
    }
    int64_t size = 0;
    code = file_io_size(fd, path, &size, e);
    if (code == ERR_OK && ((size_t)size % x->entry_bytes != 0 ||
                           (size_t)size / x->entry_bytes > SEGMENT_INDEX_ENTRIES_MAX)) {
        code =
            err_set(e, ERR_CORRUPT, "%s: %lld bytes are not whole entries", path, (long long)size);
    }
    if (code != ERR_OK) {
        file_io_close(fd);
        return code;
    }
    *out_fd = fd;
    *out_count = (size_t)size / x->entry_bytes;
    return ERR_OK;
}

enum err_code segment_index_load(struct segment_index *x, const char *path, struct err *e)
{
    CHECK(x->entries == NULL);
    int fd = -1;
    size_t count = 0;
    enum err_code code = segment_index_open(x, path, &fd, &count, e);
    if (code != ERR_OK) {
        return code;
    }
    if (count > 0) {
        code = segment_index_reserve(x, count, e);
        if (code == ERR_OK) {
            code = file_io_read_at(fd, x->entries, count * x->entry_bytes, 0, path, e);
        }
    }
    file_io_close(fd);
    if (code == ERR_OK) {
        x->count = count;
        x->stored_count = count;
        if (!segment_index_sorted(x)) {
            code = err_set(e, ERR_CORRUPT, "%s: entries are not in order", path);
        }
    }
    if (code != ERR_OK) {
        segment_index_deinit(x);
    }
    return code;
}

enum err_code segment_index_peek(const struct segment_index *x, const char *path, size_t *out_count,
                                 uint8_t *out_last, struct err *e)
{
    int fd = -1;
    size_t count = 0;
    enum err_code code = segment_index_open(x, path, &fd, &count, e);
    if (code != ERR_OK) {
        return code;
    }
    if (count > 0) {
        code = file_io_read_at(fd, out_last, x->entry_bytes,
                               (int64_t)((count - 1) * x->entry_bytes), path, e);
    }
    file_io_close(fd);
    if (code == ERR_OK) {
        *out_count = count;
    }
    return code;
}

enum err_code segment_index_map(struct segment_index *x, const char *path, struct err *e)
{
    CHECK(x->entries == NULL);
    int fd = -1;
    size_t count = 0;
    enum err_code code = segment_index_open(x, path, &fd, &count, e);
    if (code != ERR_OK) {
        return code;
    }
    if (count > 0) {
        size_t bytes = count * x->entry_bytes;
        void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            code = err_errno(e, errno, "map %s", path);
        } else {
            x->entries = map;
            x->mapped_bytes = bytes;
            x->count = count;
            x->stored_count = count;
        }
    }
    file_io_close(fd);
    return code;
}
