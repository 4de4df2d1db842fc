/* partition_read: from an offset to a range of a file. The segment and bounds are taken under the
 * lock; headers are read without it, below sizes that were known then. */
#include <inttypes.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "protocol/kafka_error.h"

/* Where to look in one segment. */
struct partition_range {
    struct segment *segment; /* a reference */
    int64_t walk_from;       /* a batch begins here, at or before the one wanted */
    int64_t end;             /* no batch may run over this */
    int64_t limit;           /* nor hold this offset or a later one */
    int64_t end_offset;      /* behind the last batch below `end`, when ends_on_batch */
    bool ends_on_batch;
    int64_t following; /* where the next segment begins; the limit when there is none */
    int64_t hint;      /* a batch begins here too, and walk_from + max_bytes is not before it */
    bool with_records; /* batches without are passed over */
};

/* One way through the log. */
struct partition_search {
    int64_t offset; /* moves on from segment to segment */
    int64_t limit;
    bool with_records;
};

static int64_t partition_limit(const struct partition *p, enum partition_isolation isolation)
{
    switch (isolation) {
    case PARTITION_READ_UNCOMMITTED:
        return p->high_watermark;
    case PARTITION_READ_COMMITTED:
        return p->last_stable;
    case PARTITION_READ_LOG_END:
        return p->log_end;
    }
    return p->last_stable;
}

/* The part below the limit of the segment that holds the offset. Lock held. */
static enum err_code partition_take_range(struct partition *p, int64_t offset, int64_t limit,
                                          size_t max_bytes, struct partition_range *out_range,
                                          struct err *e)
{
    if (p->status == PARTITION_CLOSED) {
        return err_set(e, ERR_CLOSED, "the partition was deleted or closed");
    }
    if (offset < p->log_start) {
        /* Retention was faster than this read. */
        return err_set(e, ERR_NOT_FOUND, "offset %" PRId64 " was just deleted", offset);
    }
    size_t i = partition_find_segment(p, offset);
    struct segment *s = p->segments[i];
    enum err_code code = segment_use(s, p->path, e);
    if (code == ERR_OK) {
        code = segment_use_indexes(s, p->path, e);
    }
    if (code != ERR_OK) {
        return code == ERR_NOT_FOUND ? ERR_IO : code; /* a file is missing */
    }
    struct partition_range r = {
        .limit = limit,
        .following = i + 1 < p->segment_count ? p->segments[i + 1]->base_offset : limit,
        .end = s->size_bytes,
        .end_offset = s->next_offset,
        .ends_on_batch = s->next_offset <= limit,
        .walk_from = segment_index_floor_offset(&s->offsets, offset - s->base_offset),
    };
    if (r.walk_from < 0 || r.walk_from >= r.end) {
        return err_set(e, ERR_CORRUPT, "index of segment %" PRId64 " points outside it",
                       s->base_offset);
    }
    if (!r.ends_on_batch && limit == p->high_watermark && s->base_offset == p->hw_segment_base) {
        r.end = p->hw_position;
        r.end_offset = limit;
        r.ends_on_batch = true;
    }
    int64_t bytes = max_bytes < SEGMENT_BYTES_MAX ? (int64_t)max_bytes : SEGMENT_BYTES_MAX;
    int64_t furthest = bytes < r.end - r.walk_from ? r.walk_from + bytes : r.end;
    r.hint = r.ends_on_batch ? segment_index_floor_position(&s->offsets, furthest) : 0;
    r.segment = segment_ref(s);
    *out_range = r;
    return ERR_OK;
}

static enum err_code partition_wrap(enum err_code code, const struct segment *s, struct err *e)
{
    return e != NULL ? err_wrap(e, "segment %" PRId64, s->base_offset) : code;
}

/* The first batch that ends at or above the offset, with records if so asked. *out_found false when
 * the range has none. */
static enum err_code partition_find_batch(const struct partition_range *r, int64_t offset,
                                          int64_t *out_position, struct batch_header *out_header,
                                          bool *out_found, struct err *e)
{
    struct segment_walker w;
    CHECK(r->segment != NULL);
    segment_walker_init(&w, r->segment->fd, r->walk_from, r->end);
    for (;;) {
        int64_t position = w.position;
        bool found = false;
        enum err_code code = segment_walker_next(&w, out_header, &found, e);
        if (code != ERR_OK) {
            return partition_wrap(code, r->segment, e);
        }
        if (!found || out_header->last_offset >= r->limit) {
            *out_found = false;
            return ERR_OK;
        }
        if (out_header->last_offset >= offset &&
            (out_header->record_count > 0 || !r->with_records)) {
            *out_position = position;
            *out_found = true;
            return ERR_OK;
        }
    }
}

/* How far the whole batches from `position` reach within max_bytes. */
static enum err_code partition_measure(const struct partition_range *r, int64_t position,
                                       const struct batch_header *first,
                                       const struct partition_read_options *options,
                                       struct partition_slice *slice, struct err *e)
{
    int64_t max_bytes =
        options->max_bytes < SEGMENT_BYTES_MAX ? (int64_t)options->max_bytes : SEGMENT_BYTES_MAX;
    if (first->size_bytes > max_bytes) {
        slice->length = options->min_one_batch ? (size_t)first->size_bytes : 0;
        slice->next_offset = options->min_one_batch ? first->last_offset + 1 : options->offset;
        return ERR_OK;
    }
    if (r->ends_on_batch && r->end - position <= max_bytes) {
        slice->length = (size_t)(r->end - position);
        slice->next_offset = r->end_offset;
        return ERR_OK;
    }
    struct segment_walker w;
    CHECK(r->segment != NULL);
    segment_walker_init(&w, r->segment->fd, position, r->end);
    if (r->hint > position) {
        w.position = r->hint;
        /* What lies before the hint fits; its last offset shows only with the next batch. */
    }
    int64_t end = w.position;
    int64_t next_offset = -1;
    for (;;) {
        struct batch_header h;
        bool found = false;
        enum err_code code = segment_walker_next(&w, &h, &found, e);
        if (code != ERR_OK) {
            return partition_wrap(code, r->segment, e);
        }
        if (found && next_offset < 0) {
            next_offset = h.base_offset;
        }
        if (!found || h.last_offset >= r->limit || w.position - position > max_bytes) {
            break;
        }
        end = w.position;
        next_offset = h.last_offset + 1;
    }
    slice->length = (size_t)(end - position);
    slice->next_offset = next_offset;
    return ERR_OK;
}

/* From the offset on within its segment. The search moves on when that has no batch for it: a hole,
 * as compaction leaves them at the end of a segment. */
static enum err_code partition_read_segment(struct partition *p,
                                            const struct partition_read_options *options,
                                            struct partition_search *search,
                                            struct partition_slice *slice, struct err *e)
{
    struct partition_range r = {0};
    lock_acquire(&p->lock);
    enum err_code code =
        partition_take_range(p, search->offset, search->limit, options->max_bytes, &r, e);
    lock_release(&p->lock);
    if (code != ERR_OK) {
        return code;
    }
    struct batch_header first;
    int64_t position = 0;
    bool found = false;
    r.with_records = search->with_records;
    code = partition_find_batch(&r, search->offset, &position, &first, &found, e);
    if (code == ERR_OK && found) {
        code = partition_measure(&r, position, &first, options, slice, e);
    }
    if (code == ERR_OK && slice->length > 0) {
        CHECK(r.segment != NULL);
        slice->segment = r.segment;
        slice->fd = r.segment->fd;
        slice->position = position;
        return ERR_OK;
    }
    segment_unref(r.segment);
    if (code == ERR_OK) {
        search->offset = !found && r.following > search->offset ? r.following : search->limit;
    }
    return code;
}

/*
 * Compaction leaves batches without records. Readers pass over them to the first that has some: an
 * answer of nothing else looks to librdkafka as if its fetch size were too small, and the tenth in
 * a row is an error. When nothing else comes up to the limit they are given after all, so that a
 * reader reaches the end.
 */
static enum err_code partition_read_from(struct partition *p,
                                         const struct partition_read_options *options,
                                         int64_t limit, struct partition_slice *slice,
                                         struct err *e)
{
    enum err_code code = ERR_OK;
    for (int pass = 0; pass < 2 && code == ERR_OK && slice->segment == NULL; pass++) {
        struct partition_search search = {options->offset, limit, pass == 0};
        while (code == ERR_OK && search.offset < limit && slice->segment == NULL) {
            code = partition_read_segment(p, options, &search, slice, e);
        }
    }
    return code;
}

static int16_t partition_read_error(enum err_code code)
{
    switch (code) { /* NOLINT(clang-diagnostic-switch-enum): the rest is the disk's */
    case ERR_OK:
        return KAFKA_ERROR_NONE;
    case ERR_CLOSED:
        return KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    case ERR_NOT_FOUND:
        return KAFKA_ERROR_OFFSET_OUT_OF_RANGE;
    default:
        return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    }
}

enum err_code partition_read(struct partition *p, const struct partition_read_options *options,
                             struct partition_slice *out_slice, struct err *e)
{
    lock_acquire(&p->lock);
    *out_slice = (struct partition_slice){
        .fd = -1,
        .next_offset = options->offset,
        .high_watermark = p->high_watermark,
        .last_stable_offset = p->last_stable,
        .log_start_offset = p->log_start,
    };
    int64_t limit = partition_limit(p, options->isolation);
    int64_t log_end = p->log_end;
    bool closed = p->status == PARTITION_CLOSED;
    lock_release(&p->lock);
    if (closed) {
        out_slice->error_code = KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
        return err_set(e, ERR_CLOSED, "the partition was deleted or closed");
    }
    if (options->offset < out_slice->log_start_offset || options->offset > log_end) {
        out_slice->error_code = KAFKA_ERROR_OFFSET_OUT_OF_RANGE;
        return err_set(e, ERR_INVALID,
                       "offset %" PRId64 " is outside the log, %" PRId64 " to %" PRId64,
                       options->offset, out_slice->log_start_offset, log_end);
    }
    enum err_code code = partition_read_from(p, options, limit, out_slice, e);
    out_slice->error_code = partition_read_error(code);
    return code;
}

enum err_code partition_slice_read(const struct partition_slice *slice, size_t at, void *out_data,
                                   size_t len, struct err *e)
{
    CHECK(at <= slice->length);
    CHECK(len <= slice->length - at);
    if (len == 0) {
        return ERR_OK;
    }
    return file_io_read_at(slice->fd, out_data, len, slice->position + (int64_t)at, "segment", e);
}

void partition_slice_release(struct partition_slice *slice)
{
    segment_unref(slice->segment);
    slice->segment = NULL;
    slice->fd = -1;
    slice->length = 0;
}
