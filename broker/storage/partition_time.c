/* From a time to an offset: the segment by its largest timestamp, the batch by the time index, the
 * record by looking into the batch. */
#include <inttypes.h>

#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "common/mem.h"
#include "protocol/record_iterator.h"

/* What one batch may become when decompressed. */
#define PARTITION_TIME_SCRATCH_MAX ((size_t)256 << 20)

struct partition_time_query {
    int64_t time_ms;
    int64_t log_start;
    int64_t limit; /* records from here on are not seen */
};

/* Where the first record at or after the time must be, if anywhere. */
struct partition_time_range {
    struct segment *segment; /* a reference; NULL = nowhere */
    int64_t walk_from;
    int64_t end;
};

/* The first segment from *at on whose largest timestamp reaches the time. Lock held. */
static enum err_code partition_time_segment(struct partition *p, size_t at, int64_t time_ms,
                                            struct partition_time_range *out_range, struct err *e)
{
    while (at < p->segment_count && p->segments[at]->max_timestamp < time_ms) {
        at++;
    }
    if (at == p->segment_count) {
        out_range->segment = NULL;
        return ERR_OK;
    }
    struct segment *s = p->segments[at];
    enum err_code code = segment_use(s, p->path, e);
    if (code == ERR_OK) {
        code = segment_use_indexes(s, p->path, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    int32_t before = segment_index_before_time(&s->times, time_ms);
    out_range->walk_from = before >= 0 ? segment_index_floor_offset(&s->offsets, before) : 0;
    out_range->end = s->size_bytes;
    out_range->segment = segment_ref(s);
    return ERR_OK;
}

/* The first record of the batch at or after the time and the log start; untouched when it has none.
 */
static enum err_code partition_time_in_batch(const struct segment *s, int64_t position,
                                             const struct batch_header *h,
                                             const struct partition_time_query *query,
                                             struct partition_found_offset *out_found,
                                             struct err *e)
{
    size_t size = (size_t)h->size_bytes;
    uint8_t *data = mem_alloc(size);
    if (data == NULL) {
        return err_nomem(e, "batch");
    }
    struct partition_slice whole = {.fd = s->fd, .position = position, .length = size};
    struct buf scratch;
    buf_init(&scratch, PARTITION_TIME_SCRATCH_MAX);
    enum err_code code = partition_slice_read(&whole, 0, data, size, e);
    struct record_batch batch;
    struct record_iterator it;
    if (code == ERR_OK && (record_batch_parse(bytes_of(data, size), &batch) != RECORD_BATCH_OK ||
                           record_iterator_init(&it, &batch, &scratch) != RECORD_BATCH_OK)) {
        code = err_set(e, ERR_CORRUPT, "batch at %" PRId64 " cannot be read", position);
    }
    struct record r;
    while (code == ERR_OK && out_found->offset < 0 && record_iterator_next(&it, &r)) {
        if (r.timestamp >= query->time_ms && r.offset >= query->log_start) {
            *out_found = (struct partition_found_offset){r.offset, r.timestamp, h->leader_epoch};
        }
    }
    buf_deinit(&scratch);
    mem_free(data);
    return code;
}

/* Through the batches of one range. *out_done when a record was found or the limit was reached. */
static enum err_code partition_time_walk(const struct partition_time_range *range,
                                         const struct partition_time_query *query,
                                         struct partition_found_offset *out_found, bool *out_done,
                                         struct err *e)
{
    struct segment_walker w;
    segment_walker_init(&w, range->segment->fd, range->walk_from, range->end);
    *out_done = false;
    for (;;) {
        struct batch_header h;
        bool more = false;
        int64_t position = w.position;
        enum err_code code = segment_walker_next(&w, &h, &more, e);
        if (code != ERR_OK || !more) {
            return code;
        }
        if (h.last_offset >= query->limit) {
            *out_done = true;
            return ERR_OK;
        }
        if (h.max_timestamp < query->time_ms || h.last_offset < query->log_start) {
            continue;
        }
        code = partition_time_in_batch(range->segment, position, &h, query, out_found, e);
        if (code != ERR_OK || out_found->offset >= 0) {
            *out_done = true;
            return code;
        }
    }
}

static enum err_code partition_find_time(struct partition *p, int64_t time_ms, int64_t limit,
                                         struct partition_found_offset *out_found, struct err *e)
{
    int64_t from = 0; /* segments based below are done */
    for (;;) {
        struct partition_time_range range = {0};
        lock_acquire(&p->lock);
        enum err_code code = ERR_OK;
        struct partition_time_query query = {time_ms, p->log_start, limit};
        if (p->status == PARTITION_CLOSED) {
            code = err_set(e, ERR_CLOSED, "the partition was deleted or closed");
        } else {
            size_t at = 0;
            while (at < p->segment_count && p->segments[at]->base_offset < from) {
                at++;
            }
            code = partition_time_segment(p, at, time_ms, &range, e);
        }
        lock_release(&p->lock);
        if (code != ERR_OK || range.segment == NULL) {
            return code;
        }
        bool done = false;
        code = partition_time_walk(&range, &query, out_found, &done, e);
        from = range.segment->base_offset + 1;
        segment_unref(range.segment);
        if (code != ERR_OK || done) {
            return code;
        }
    }
}

/* The largest timestamp below the limit. Segments above the limit's are not considered; in that of
 * the limit a larger one above it hides those below, which only read_committed can see. */
static int64_t partition_max_timestamp(struct partition *p, int64_t limit)
{
    int64_t max = -1;
    lock_acquire(&p->lock);
    for (size_t i = 0; i < p->segment_count && p->segments[i]->base_offset < limit; i++) {
        if (p->segments[i]->max_timestamp > max) {
            max = p->segments[i]->max_timestamp;
        }
    }
    lock_release(&p->lock);
    return max;
}

static int64_t partition_time_limit(struct partition *p, enum partition_isolation isolation,
                                    int64_t *out_log_start, int32_t *out_latest_epoch)
{
    lock_acquire(&p->lock);
    int64_t limit = p->high_watermark;
    if (isolation == PARTITION_READ_COMMITTED) {
        limit = p->last_stable;
    } else if (isolation == PARTITION_READ_LOG_END) {
        limit = p->log_end;
    }
    *out_log_start = p->log_start;
    *out_latest_epoch = epoch_cache_latest(&p->epochs);
    lock_release(&p->lock);
    return limit;
}

enum err_code partition_offset_for_time(struct partition *p, int64_t time_ms,
                                        enum partition_isolation isolation,
                                        struct partition_found_offset *out_found, struct err *e)
{
    int64_t log_start = 0;
    int32_t epoch = -1;
    int64_t limit = partition_time_limit(p, isolation, &log_start, &epoch);
    struct partition_found_offset found = {-1, -1, -1};
    enum err_code code = ERR_OK;
    if (time_ms == PARTITION_TIME_LATEST) {
        found = (struct partition_found_offset){limit, -1, epoch};
    } else if (time_ms == PARTITION_TIME_EARLIEST) {
        lock_acquire(&p->lock);
        found = (struct partition_found_offset){log_start, -1,
                                                epoch_cache_epoch_of(&p->epochs, log_start)};
        lock_release(&p->lock);
    } else if (time_ms == PARTITION_TIME_MAX) {
        /* Up to the log end when nothing is hidden on purpose: a larger one that is not on disk yet
         * must not hide all others. */
        if (isolation == PARTITION_READ_UNCOMMITTED) {
            limit = INT64_MAX;
        }
        int64_t max = partition_max_timestamp(p, limit);
        code = max >= 0 ? partition_find_time(p, max, limit, &found, e) : ERR_OK;
    } else if (time_ms < 0) {
        return err_set(e, ERR_UNSUPPORTED, "special time %" PRId64 " is unknown", time_ms);
    } else {
        code = partition_find_time(p, time_ms, limit, &found, e);
    }
    if (code == ERR_OK) {
        *out_found = found;
    }
    return code;
}
