/* The second pass of a cleaning: some neighbouring segments into a new one, without what is
 * superseded. No lock is held: sealed segments do not change. */
#include <inttypes.h>
#include <limits.h>

#include "broker/storage/file_io.h"
#include "broker/storage/key_offsets.h"
#include "broker/storage/partition_clean.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "common/mem.h"

/* What one batch may become when decompressed. */
#define CLEAN_SCRATCH_MAX ((size_t)256 << 20)
#define CLEAN_READ_BYTES ((size_t)1 << 20)
#define CLEAN_WRITE_BYTES ((size_t)1 << 20)
/* Small portions, so that the fdatasync of a producer does not wait behind a large one. */
#define CLEAN_SYNC_BYTES ((int64_t)4 << 20)

void partition_clean_copier_init(struct partition_clean_copier *c)
{
    record_filter_init(&c->filter, CLEAN_SCRATCH_MAX);
    buf_init(&c->in, SEGMENT_BYTES_MAX);
    buf_init(&c->out, SEGMENT_BYTES_MAX);
}

void partition_clean_copier_deinit(struct partition_clean_copier *c)
{
    record_filter_deinit(&c->filter);
    buf_deinit(&c->in);
    buf_deinit(&c->out);
}

/* ---- reading ---- */

void partition_batch_reader_init(struct partition_batch_reader *r, const struct segment *s,
                                 struct buf *buf)
{
    *r = (struct partition_batch_reader){.segment = s, .buf = buf};
    buf_clear(buf);
}

/* At least `size` bytes of the file, from r->position on, at the start of the buffer. */
static enum err_code reader_fill(struct partition_batch_reader *r, size_t size, struct err *e)
{
    int64_t left = r->segment->size_bytes - r->position;
    if ((int64_t)size > left) {
        return err_set(e, ERR_CORRUPT, "batch at %" PRId64 " runs over the end", r->position);
    }
    size_t want = size > CLEAN_READ_BYTES ? size : CLEAN_READ_BYTES;
    want = (int64_t)want < left ? want : (size_t)left;
    buf_clear(r->buf);
    r->at = 0;
    uint8_t *data = buf_reserve(r->buf, want);
    if (data == NULL) {
        return buf_check(r->buf, "read batches", e);
    }
    enum err_code code = file_io_read_at(r->segment->fd, data, want, r->position, "segment", e);
    if (code == ERR_OK) {
        buf_commit(r->buf, want);
    }
    return code;
}

enum err_code partition_batch_reader_next(struct partition_batch_reader *r,
                                          struct record_batch *out_batch, bool *out_found,
                                          struct err *e)
{
    *out_found = r->position < r->segment->size_bytes;
    if (!*out_found) {
        return ERR_OK;
    }
    struct batch_header h;
    enum err_code code = ERR_OK;
    if (r->buf->len - r->at < BATCH_HEADER_BYTES) {
        code = reader_fill(r, BATCH_HEADER_BYTES, e);
    }
    if (code == ERR_OK && !batch_header_decode(r->buf->data + r->at, &h)) {
        code = err_set(e, ERR_CORRUPT, "no record batch at %" PRId64, r->position);
    }
    if (code == ERR_OK && (uint64_t)h.size_bytes > r->buf->len - r->at) {
        code = reader_fill(r, (size_t)h.size_bytes, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct record_batch batch;
    struct bytes bytes = bytes_of(r->buf->data + r->at, (size_t)h.size_bytes);
    if (record_batch_parse(bytes, &batch) != RECORD_BATCH_OK ||
        record_batch_check_crc(&batch) != RECORD_BATCH_OK) {
        return err_set(e, ERR_CORRUPT, "checksum of the batch at %" PRId64 " is wrong",
                       r->position);
    }
    r->at += bytes.len;
    r->position += h.size_bytes;
    *out_batch = batch;
    return ERR_OK;
}

/* ---- judging ---- */

struct clean_judge {
    const struct partition_clean_rules *rules;
    bool tombstones_expired; /* of this batch */
};

static bool clean_keeps(void *ctx, const struct record *r)
{
    const struct clean_judge *judge = ctx;
    if (r->offset >= judge->rules->end) {
        return true;
    }
    if (bytes_is_null(r->key) || r->offset < key_offsets_get(judge->rules->keys, r->key)) {
        return false;
    }
    return !bytes_is_null(r->value) || !judge->tombstones_expired;
}

static bool clean_is_special(const struct record_batch *b)
{
    return record_batch_is_control(b) || record_batch_is_transactional(b);
}

/* The batch whose sequence the next one of its producer is compared with. */
static bool clean_is_last_of_producer(struct partition *p, const struct record_batch *b)
{
    if (b->producer_id < 0) {
        return false;
    }
    lock_acquire(&p->lock);
    bool last = producer_state_is_last(&p->producers, b->producer_id, record_batch_last_offset(b));
    lock_release(&p->lock);
    return last;
}

/* ---- writing ---- */

struct clean_target {
    struct partition *p;
    struct partition_clean_copier *c;
    const struct partition_clean_rules *rules;
    struct segment *s;
    char path[PATH_MAX];
    int64_t written; /* of s->size_bytes */
    int64_t synced;
};

static enum err_code clean_write_out(struct clean_target *t, bool all, struct err *e)
{
    struct buf *out = &t->c->out;
    enum err_code code = ERR_OK;
    if (out->len > 0 && (all || out->len >= CLEAN_WRITE_BYTES)) {
        code = file_io_write_at(t->s->fd, out->data, out->len, t->written, t->path, e);
        t->written += (int64_t)out->len;
        buf_clear(out);
    }
    if (code == ERR_OK && (all || t->written - t->synced >= CLEAN_SYNC_BYTES)) {
        code = file_io_sync(t->s->fd, t->path, e);
        t->synced = t->written;
    }
    return code;
}

/* What stays of a batch, to the end of c->out. */
static enum err_code clean_put_batch(struct clean_target *t, const struct record_batch *b,
                                     bool last_of_group, struct err *e)
{
    struct buf *out = &t->c->out;
    if (clean_is_special(b)) {
        buf_append_bytes(out, b->bytes);
        return buf_check(out, "batch", e);
    }
    bool horizon_set = (b->attributes & RECORD_BATCH_ATTR_DELETE_HORIZON) != 0;
    struct clean_judge judge = {t->rules, horizon_set && t->rules->now_ms >= b->base_timestamp};
    struct record_filter_survey survey = {0};
    enum record_batch_status status =
        record_filter_survey(&t->c->filter, b, clean_keeps, &judge, &survey);
    if (status != RECORD_BATCH_OK) {
        return err_set(e, status == RECORD_BATCH_NO_MEMORY ? ERR_NOMEM : ERR_CORRUPT,
                       "batch at offset %" PRId64 ": %s", b->base_offset,
                       record_batch_status_text(status));
    }
    if (survey.kept == 0) {
        if (last_of_group || clean_is_last_of_producer(t->p, b)) {
            record_filter_write_empty(b, out);
        }
        return buf_check(out, "batch", e);
    }
    bool set_horizon = survey.tombstones && !horizon_set;
    if (survey.kept == b->count && !set_horizon) {
        buf_append_bytes(out, b->bytes);
        return buf_check(out, "batch", e);
    }
    int64_t horizon = -1;
    if (set_horizon &&
        __builtin_add_overflow(t->rules->now_ms, t->rules->delete_retention_ms, &horizon)) {
        horizon = INT64_MAX;
    }
    return record_filter_write(&t->c->filter, horizon, out, e);
}

static enum err_code clean_copy_batch(struct clean_target *t, const struct record_batch *b,
                                      bool last_of_group, struct err *e)
{
    size_t start = t->c->out.len;
    enum err_code code = clean_put_batch(t, b, last_of_group, e);
    if (code != ERR_OK || t->c->out.len == start) {
        return code;
    }
    struct batch_header h;
    CHECK(batch_header_decode(t->c->out.data + start, &h));
    if (h.size_bytes > SEGMENT_BYTES_MAX - t->s->size_bytes) {
        return err_set(e, ERR_LIMIT, "with delete horizons it would exceed %d bytes",
                       SEGMENT_BYTES_MAX);
    }
    if (h.base_offset < t->s->next_offset || h.last_offset - t->s->base_offset > INT32_MAX) {
        return err_set(e, ERR_CORRUPT, "offset %" PRId64 " after %" PRId64, h.base_offset,
                       t->s->next_offset);
    }
    code = segment_reserve(t->s, 1, e);
    if (code == ERR_OK) {
        segment_note(t->s, &h, t->rules->index_interval_bytes);
        code = clean_write_out(t, false, e);
    }
    return code;
}

static enum err_code clean_copy_segment(struct clean_target *t, const struct segment *from,
                                        bool last_of_group, struct err *e)
{
    struct partition_batch_reader r;
    partition_batch_reader_init(&r, from, &t->c->in);
    for (;;) {
        struct record_batch batch = {0};
        bool found = false;
        enum err_code code = partition_batch_reader_next(&r, &batch, &found, e);
        if (code == ERR_OK && found) {
            code = clean_copy_batch(t, &batch, last_of_group && r.position == from->size_bytes, e);
        }
        if (code == ERR_OK && atomic_load(t->rules->stop)) {
            code = err_set(e, ERR_CANCELLED, "the broker stops");
        }
        if (code != ERR_OK) {
            return e != NULL ? err_wrap(e, "segment %" PRId64, from->base_offset) : code;
        }
        if (!found) {
            return ERR_OK;
        }
    }
}

static enum err_code clean_store_index(struct clean_target *t, struct segment_index *x,
                                       const char *suffix, struct err *e)
{
    char path[PATH_MAX];
    int fd = -1;
    enum err_code code = segment_path(t->p->path, t->s->base_offset, suffix, path, sizeof path, e);
    if (code == ERR_OK) {
        code = segment_index_store(x, path, &fd, e);
    }
    if (code == ERR_OK) {
        code = file_io_sync(fd, path, e);
        file_io_close(fd);
    }
    return code;
}

/* Seals the copy; its files are on disk afterwards. */
static enum err_code clean_finish(struct clean_target *t, struct err *e)
{
    enum err_code code = clean_write_out(t, true, e);
    if (code != ERR_OK) {
        return code;
    }
    segment_seal(t->s);
    code = clean_store_index(t, &t->s->offsets, SEGMENT_SUFFIX_INDEX SEGMENT_SUFFIX_CLEANED, e);
    if (code == ERR_OK) {
        code =
            clean_store_index(t, &t->s->times, SEGMENT_SUFFIX_TIMEINDEX SEGMENT_SUFFIX_CLEANED, e);
    }
    t->s->indexes_stored = code == ERR_OK;
    return code;
}

/* In the partition's own folder, not in that of a namesake made after its deletion. */
static enum err_code clean_create(struct clean_target *t, int64_t base, struct err *e)
{
    lock_acquire(&t->p->files_lock);
    lock_acquire(&t->p->lock);
    bool open = t->p->status == PARTITION_OPEN;
    int64_t now_ms = open ? clock_wall_ms(t->p->env->clock) : 0;
    lock_release(&t->p->lock);
    enum err_code code =
        open ? segment_path(t->p->path, base, SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_CLEANED, t->path,
                            sizeof t->path, e)
             : err_set(e, ERR_CLOSED, "the partition was stopped or deleted");
    if (code == ERR_OK) {
        code = segment_create_copy(t->path, base, now_ms, &t->s, e);
    }
    lock_release(&t->p->files_lock);
    return code;
}

enum err_code partition_clean_copy(struct partition *p, struct partition_clean_copier *c,
                                   struct partition_clean_group *group,
                                   const struct partition_clean_rules *rules,
                                   struct segment **out_clean, struct err *e)
{
    struct clean_target t = {.p = p, .c = c, .rules = rules};
    int64_t base = group->segments[0]->base_offset;
    buf_clear(&c->out);
    enum err_code code = clean_create(&t, base, e);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(t.s != NULL);
    size_t copied = 0;
    while (code == ERR_OK && copied < group->count) {
        const struct segment *from = group->segments[copied++];
        /* Known before its last batch is judged: whether the next surely fits too. */
        bool last =
            copied == group->count || group->segments[copied]->size_bytes >
                                          group->bytes_max - t.s->size_bytes - from->size_bytes;
        code = clean_copy_segment(&t, from, last, e);
        if (last) {
            break;
        }
    }
    group->count = copied;
    if (code == ERR_OK) {
        code = clean_finish(&t, e);
    }
    if (code != ERR_OK) {
        segment_unref(t.s);
        partition_clean_discard(p, base);
        return code;
    }
    t.s->next_offset = group->segments[group->count - 1]->next_offset;
    *out_clean = t.s;
    return ERR_OK;
}
