#include "broker/storage/segment.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "broker/storage/file_io.h"
#include "common/check.h"
#include "common/mem.h"

enum err_code segment_path(const char *dir, int64_t base_offset, const char *suffix, char *out_path,
                           size_t size, struct err *e)
{
    int n = snprintf(out_path, size, "%s/%020" PRId64 "%s", dir, base_offset, suffix);
    if (n < 0 || (size_t)n >= size) {
        return err_set(e, ERR_LIMIT, "path of segment %" PRId64 " in %s is too long", base_offset,
                       dir);
    }
    return ERR_OK;
}

static enum err_code segment_open_path(const char *path, int flags, int *out_fd, int64_t *out_size,
                                       struct err *e)
{
    int fd = -1;
    enum err_code code = file_io_open(path, flags, &fd, e);
    if (code != ERR_OK) {
        return code;
    }
    code = file_io_size(fd, path, out_size, e);
    if (code == ERR_OK && *out_size > SEGMENT_BYTES_MAX) {
        code = err_set(e, ERR_CORRUPT, "%s is larger than any segment: %" PRId64, path, *out_size);
    }
    if (code != ERR_OK) {
        file_io_close(fd);
        return code;
    }
    *out_fd = fd;
    return ERR_OK;
}

static enum err_code segment_make(const char *path, int64_t base_offset, int64_t now_ms, int flags,
                                  struct segment **out_segment, struct err *e)
{
    struct segment *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "segment");
    }
    enum err_code code = segment_open_path(path, flags, &s->fd, &s->size_bytes, e);
    if (code != ERR_OK) {
        mem_free(s);
        return code;
    }
    atomic_init(&s->refs, 1);
    s->base_offset = base_offset;
    s->created_ms = now_ms;
    s->indexes_loaded = true;
    segment_index_init(&s->offsets, SEGMENT_INDEX_OFFSET_BYTES);
    segment_index_init(&s->times, SEGMENT_INDEX_TIME_BYTES);
    int64_t size = s->size_bytes;
    segment_forget(s);
    s->size_bytes = size;
    *out_segment = s;
    return ERR_OK;
}

static enum err_code segment_make_in(const char *dir, int64_t base_offset, int64_t now_ms,
                                     int flags, struct segment **out_segment, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = segment_path(dir, base_offset, SEGMENT_SUFFIX_LOG, path, sizeof path, e);
    return code == ERR_OK ? segment_make(path, base_offset, now_ms, flags, out_segment, e) : code;
}

enum err_code segment_create(const char *dir, int64_t base_offset, int64_t now_ms,
                             struct segment **out_segment, struct err *e)
{
    return segment_make_in(dir, base_offset, now_ms, O_CREAT | O_EXCL, out_segment, e);
}

enum err_code segment_open(const char *dir, int64_t base_offset, int64_t now_ms,
                           struct segment **out_segment, struct err *e)
{
    return segment_make_in(dir, base_offset, now_ms, 0, out_segment, e);
}

enum err_code segment_create_copy(const char *path, int64_t base_offset, int64_t now_ms,
                                  struct segment **out_segment, struct err *e)
{
    return segment_make(path, base_offset, now_ms, O_CREAT | O_TRUNC, out_segment, e);
}

struct segment *segment_ref(struct segment *s)
{
    CHECK(atomic_fetch_add(&s->refs, 1) > 0);
    return s;
}

void segment_unref(struct segment *s)
{
    if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1) {
        return;
    }
    file_io_close(s->fd);
    segment_index_deinit(&s->offsets);
    segment_index_deinit(&s->times);
    mem_free(s);
}

enum err_code segment_use(struct segment *s, const char *dir, struct err *e)
{
    if (s->fd >= 0) {
        return ERR_OK;
    }
    int64_t size = 0;
    int fd = -1;
    char path[PATH_MAX];
    enum err_code code =
        segment_path(dir, s->base_offset, SEGMENT_SUFFIX_LOG, path, sizeof path, e);
    if (code == ERR_OK) {
        code = segment_open_path(path, 0, &fd, &size, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (size < s->size_bytes) {
        file_io_close(fd);
        return err_set(e, ERR_CORRUPT,
                       "segment %" PRId64 " of %s shrank from %" PRId64 " to %" PRId64 " bytes",
                       s->base_offset, dir, s->size_bytes, size);
    }
    s->fd = fd;
    return ERR_OK;
}

enum err_code segment_use_indexes(struct segment *s, const char *dir, struct err *e)
{
    if (s->indexes_loaded) {
        return ERR_OK;
    }
    char path[PATH_MAX];
    enum err_code code =
        segment_path(dir, s->base_offset, SEGMENT_SUFFIX_INDEX, path, sizeof path, e);
    if (code == ERR_OK) {
        code = segment_index_map(&s->offsets, path, e);
    }
    if (code == ERR_OK) {
        code = segment_path(dir, s->base_offset, SEGMENT_SUFFIX_TIMEINDEX, path, sizeof path, e);
    }
    if (code == ERR_OK) {
        code = segment_index_map(&s->times, path, e);
    }
    if (code != ERR_OK) {
        segment_index_deinit(&s->offsets);
        segment_index_deinit(&s->times);
        return code;
    }
    s->indexes_loaded = true;
    return ERR_OK;
}

void segment_rest(struct segment *s)
{
    if (!s->sealed || !s->indexes_stored || atomic_load(&s->refs) != 1) {
        return;
    }
    file_io_close(s->fd);
    s->fd = -1;
    segment_index_deinit(&s->offsets);
    segment_index_deinit(&s->times);
    s->indexes_loaded = false;
}

enum err_code segment_reserve(struct segment *s, size_t batches, struct err *e)
{
    enum err_code code = segment_index_reserve(&s->offsets, batches, e);
    return code == ERR_OK ? segment_index_reserve(&s->times, batches + 1, e) : code;
}

/* A time entry says more than the one before, or it is left out. */
static void segment_push_time(struct segment *s)
{
    int64_t last = -1;
    if (s->times.count > 0) {
        last = segment_index_time_at(&s->times, s->times.count - 1).timestamp;
    }
    if (s->max_timestamp > last) {
        segment_index_push_time(
            &s->times, (struct segment_index_time){
                           s->max_timestamp, (int32_t)(s->max_timestamp_offset - s->base_offset)});
    }
}

void segment_note(struct segment *s, const struct batch_header *h, int64_t index_interval_bytes)
{
    CHECK(h->base_offset >= s->next_offset);
    CHECK(h->last_offset - s->base_offset <= INT32_MAX);
    if (s->size_bytes == 0) {
        s->first_timestamp = h->max_timestamp;
    }
    /* A batch that compaction left without records keeps its time, but nobody can find it. */
    if (h->record_count > 0 && h->max_timestamp > s->max_timestamp) {
        s->max_timestamp = h->max_timestamp;
        s->max_timestamp_offset = h->last_offset;
    }
    if (s->unindexed_bytes > index_interval_bytes) {
        segment_index_push_offset(
            &s->offsets, (struct segment_index_offset){(int32_t)(h->last_offset - s->base_offset),
                                                       (int32_t)s->size_bytes});
        segment_push_time(s);
        s->unindexed_bytes = 0;
    }
    s->unindexed_bytes += h->size_bytes;
    s->size_bytes += h->size_bytes;
    s->next_offset = h->last_offset + 1;
}

void segment_seal(struct segment *s)
{
    CHECK(!s->sealed);
    if (s->times.count < s->times.capacity) {
        segment_push_time(s);
    } else {
        /* Only an empty segment has no room reserved, and it has no timestamp. */
        CHECK(s->max_timestamp < 0);
    }
    s->sealed = true;
}

void segment_forget(struct segment *s)
{
    s->next_offset = s->base_offset;
    s->size_bytes = 0;
    s->max_timestamp = -1;
    s->max_timestamp_offset = -1;
    s->first_timestamp = -1;
    s->unindexed_bytes = 0;
    segment_index_truncate(&s->offsets, 0);
    segment_index_truncate(&s->times, 0);
}

void segment_walker_init(struct segment_walker *w, int fd, int64_t position, int64_t end)
{
    w->fd = fd;
    w->position = position;
    w->end = end;
    w->buf_position = 0;
    w->buf_len = 0;
}

/* Makes the header at w->position lie in the buffer; it is known to be below the end. */
static enum err_code segment_walker_fill(struct segment_walker *w, const uint8_t **out_header,
                                         struct err *e)
{
    int64_t at = w->position - w->buf_position;
    if (at < 0 || at + BATCH_HEADER_BYTES > (int64_t)w->buf_len) {
        int64_t left = w->end - w->position;
        size_t want = left < (int64_t)sizeof w->buf ? (size_t)left : sizeof w->buf;
        size_t got = 0;
        enum err_code code = file_io_read_some(w->fd, w->buf, want, w->position, &got, e);
        if (code != ERR_OK) {
            return code;
        }
        w->buf_position = w->position;
        w->buf_len = got;
        at = 0;
        if (got < BATCH_HEADER_BYTES) {
            return err_set(e, ERR_CORRUPT, "the file ends at %" PRId64, w->position + (int64_t)got);
        }
    }
    *out_header = w->buf + at;
    return ERR_OK;
}

enum err_code segment_walker_next(struct segment_walker *w, struct batch_header *out_header,
                                  bool *out_found, struct err *e)
{
    if (w->position >= w->end) {
        *out_found = false;
        return ERR_OK;
    }
    if (w->end - w->position < BATCH_HEADER_BYTES) {
        return err_set(e, ERR_CORRUPT, "%" PRId64 " stray bytes at %" PRId64, w->end - w->position,
                       w->position);
    }
    const uint8_t *data = NULL;
    enum err_code code = segment_walker_fill(w, &data, e);
    if (code != ERR_OK) {
        return code;
    }
    struct batch_header h;
    if (!batch_header_decode(data, &h)) {
        return err_set(e, ERR_CORRUPT, "no record batch at %" PRId64, w->position);
    }
    if (h.size_bytes > w->end - w->position) {
        return err_set(e, ERR_CORRUPT,
                       "batch of %" PRId64 " bytes at %" PRId64 " runs over the end", h.size_bytes,
                       w->position);
    }
    w->position += h.size_bytes;
    *out_header = h;
    *out_found = true;
    return ERR_OK;
}
