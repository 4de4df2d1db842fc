#include "broker/storage/partition_clean.h"

#include <inttypes.h>

#include "broker/storage/key_offsets.h"
#include "broker/storage/partition_internal.h"

/* One cleaned segment is made of at most so many: each has a file open. */
#define CLEAN_GROUP_SEGMENTS 64

/* ---- what there is to do ---- */

/* Segments from the front that may be cleaned: nobody writes or flushes them any more, recovery
 * does not scan them, and none of their records is younger than min.compaction.lag.ms. Lock held.
 */
static size_t clean_cleanable(const struct partition *p, int64_t now_ms)
{
    size_t count = 0;
    int64_t end = p->recovery_point < p->last_stable ? p->recovery_point : p->last_stable;
    int64_t lag_ms = p->config.min_compaction_lag_ms;
    while (count + 1 < p->segment_count) {
        const struct segment *s = p->segments[count];
        bool young =
            s->next_offset > p->cleaned_to && lag_ms > 0 && s->max_timestamp > now_ms - lag_ms;
        if (!s->sealed || !s->indexes_stored || s->next_offset > end || young) {
            break;
        }
        count++;
    }
    return count;
}

static bool clean_is_dirty(const struct partition *p, const struct segment *s)
{
    return s->next_offset > p->cleaned_to;
}

void partition_get_dirt(struct partition *p, int64_t now_ms, struct partition_dirt *out_dirt)
{
    struct partition_dirt dirt = {0};
    int64_t dirty = 0;
    int64_t clean = 0;
    bool overdue = false;
    lock_acquire(&p->lock);
    bool wanted = p->status == PARTITION_OPEN && p->configured && p->config.cleanup_compact;
    size_t count = wanted ? clean_cleanable(p, now_ms) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct segment *s = p->segments[i];
        if (!clean_is_dirty(p, s)) {
            clean += s->size_bytes;
            continue;
        }
        dirty += s->size_bytes;
        /* The first is not known of a segment that was loaded without reading it. */
        int64_t oldest = s->first_timestamp >= 0 ? s->first_timestamp : s->max_timestamp;
        overdue = overdue || (oldest >= 0 && oldest < now_ms - p->config.max_compaction_lag_ms);
    }
    double min_ratio = p->config.min_dirty_ratio;
    lock_release(&p->lock);
    if (dirty > 0) {
        dirt.ratio = (double)dirty / (double)(dirty + clean);
        dirt.due = overdue || dirt.ratio > min_ratio;
    }
    *out_dirt = dirt;
}

/* ---- one cleaning ---- */

struct clean_work {
    struct partition *p;
    const struct partition_clean_options *options;
    struct partition_config config;
    int64_t limit; /* segments that begin below may be cleaned */
    int64_t dirty_from;
    int64_t end; /* what the table of keys knows about */
    struct key_offsets keys;
    struct partition_clean_copier copier;
};

/* Some neighbouring segments: references, files open. */
struct clean_taken {
    struct segment *segments[CLEAN_GROUP_SEGMENTS];
    size_t count;
};

static enum err_code clean_begin(struct clean_work *w, struct err *e)
{
    struct partition *p = w->p;
    enum err_code code = ERR_OK;
    lock_acquire(&p->lock);
    if (p->status != PARTITION_OPEN) {
        code = err_set(e, ERR_CLOSED, "the partition was stopped or deleted");
    } else {
        size_t count = clean_cleanable(p, w->options->now_ms);
        w->config = p->config;
        w->dirty_from = p->cleaned_to > p->log_start ? p->cleaned_to : p->log_start;
        w->limit = count > 0 ? p->segments[count - 1]->next_offset : w->dirty_from;
        w->end = w->limit;
    }
    lock_release(&p->lock);
    return code;
}

static void clean_release(struct clean_taken *taken)
{
    for (size_t i = 0; i < taken->count; i++) {
        segment_unref(taken->segments[i]);
    }
    taken->count = 0;
}

/* How many segments from `at` on may become one, if what stays of them fits. Lock held. */
static size_t clean_group_size(const struct clean_work *w, size_t at)
{
    const struct partition *p = w->p;
    int64_t base = p->segments[at]->base_offset;
    size_t count = 1;
    while (count < CLEAN_GROUP_SEGMENTS && at + count < p->segment_count &&
           p->segments[at + count]->base_offset < w->end &&
           p->segments[at + count]->next_offset - 1 - base <= INT32_MAX) {
        count++;
    }
    return count;
}

/* The segments that hold `from` and what follows, as many as become one, or only the first.
 * Nothing when they begin at or behind w->end. Release them. */
static enum err_code clean_take(const struct clean_work *w, int64_t from, bool only_first,
                                struct clean_taken *out_taken, struct err *e)
{
    struct partition *p = w->p;
    struct clean_taken taken = {.count = 0};
    enum err_code code = ERR_OK;
    lock_acquire(&p->lock);
    if (p->status != PARTITION_OPEN) {
        code = err_set(e, ERR_CLOSED, "the partition was stopped or deleted");
    } else {
        size_t at = partition_find_segment(p, from);
        bool any = from < w->end && p->segments[at]->base_offset < w->end;
        size_t count = !any ? 0 : only_first ? 1 : clean_group_size(w, at);
        while (code == ERR_OK && taken.count < count) {
            struct segment *s = p->segments[at + taken.count];
            taken.segments[taken.count++] = segment_ref(s);
            code = segment_use(s, p->path, e);
        }
    }
    lock_release(&p->lock);
    if (code != ERR_OK) {
        clean_release(&taken);
        return code;
    }
    *out_taken = taken;
    return ERR_OK;
}

/* A batch's keys into the table. When it is full, w->end is the first offset that it does not
 * know. */
static enum err_code clean_map_batch(struct clean_work *w, const struct record_batch *b,
                                     bool *out_full, struct err *e)
{
    struct record_iterator it;
    struct record r;
    if (record_iterator_init(&it, b, &w->copier.filter.scratch) == RECORD_BATCH_OK) {
        while (record_iterator_next(&it, &r)) {
            if (r.offset < w->dirty_from || bytes_is_null(r.key)) {
                continue;
            }
            if (!key_offsets_put(&w->keys, r.key, r.offset)) {
                w->end = r.offset;
                *out_full = true;
                return ERR_OK;
            }
        }
    }
    return it.status == RECORD_BATCH_OK
               ? ERR_OK
               : err_set(e, it.status == RECORD_BATCH_NO_MEMORY ? ERR_NOMEM : ERR_CORRUPT,
                         "batch at offset %" PRId64 ": %s", b->base_offset, it.reason);
}

static enum err_code clean_map_segment(struct clean_work *w, const struct segment *s,
                                       bool *out_full, struct err *e)
{
    struct partition_batch_reader r;
    partition_batch_reader_init(&r, s, &w->copier.in);
    for (;;) {
        struct record_batch b;
        bool found = false;
        enum err_code code = partition_batch_reader_next(&r, &b, &found, e);
        bool counts = code == ERR_OK && found && record_batch_last_offset(&b) >= w->dirty_from &&
                      !record_batch_is_control(&b) && !record_batch_is_transactional(&b);
        if (counts) {
            code = clean_map_batch(w, &b, out_full, e);
        }
        if (code == ERR_OK && atomic_load(w->options->stop)) {
            code = err_set(e, ERR_CANCELLED, "the broker stops");
        }
        if (code != ERR_OK) {
            return err_wrap(e, "segment %" PRId64, s->base_offset);
        }
        if (!found || *out_full) {
            return ERR_OK;
        }
    }
}

/* The first pass. */
static enum err_code clean_map(struct clean_work *w, struct err *e)
{
    enum err_code code = key_offsets_init(&w->keys, (uint64_t)(w->limit - w->dirty_from),
                                          w->options->key_table_bytes, e);
    bool full = false;
    bool more = true;
    for (int64_t from = w->dirty_from; code == ERR_OK && more && !full;) {
        struct clean_taken taken = {.count = 0};
        code = clean_take(w, from, true, &taken, e);
        more = taken.count > 0;
        if (more) {
            from = taken.segments[0]->next_offset;
            code = clean_map_segment(w, taken.segments[0], &full, e);
        }
        clean_release(&taken);
    }
    return code;
}

/* *out_next is where the group ended. */
static enum err_code clean_group(struct clean_work *w, const struct clean_taken *taken,
                                 struct partition_clean_result *result, int64_t *out_next,
                                 struct err *e)
{
    struct partition_clean_group group = {
        .segments = taken->segments,
        .count = taken->count,
        .bytes_max = w->config.segment_bytes < SEGMENT_BYTES_MAX ? w->config.segment_bytes
                                                                 : SEGMENT_BYTES_MAX,
    };
    struct partition_clean_rules rules = {
        .keys = &w->keys,
        .end = w->end,
        .now_ms = w->options->now_ms,
        .delete_retention_ms = w->config.delete_retention_ms,
        .index_interval_bytes = w->config.index_interval_bytes,
        .stop = w->options->stop,
    };
    struct segment *clean = NULL;
    enum err_code code = partition_clean_copy(w->p, &w->copier, &group, &rules, &clean, e);
    if (code != ERR_OK) {
        return code;
    }
    int64_t bytes_after = clean->size_bytes;
    code = partition_clean_swap(w->p, &group, clean, e);
    if (code != ERR_OK) {
        return code;
    }
    for (size_t i = 0; i < group.count; i++) {
        result->bytes_before += taken->segments[i]->size_bytes;
    }
    result->bytes_after += bytes_after;
    result->segments_before += group.count;
    result->segments_after++;
    *out_next = taken->segments[group.count - 1]->next_offset;
    return ERR_OK;
}

/* The second pass, from the log's start. */
static enum err_code clean_groups(struct clean_work *w, struct partition_clean_result *result,
                                  struct err *e)
{
    enum err_code code = ERR_OK;
    bool more = true;
    for (int64_t from = 0; code == ERR_OK && more;) {
        struct clean_taken taken = {.count = 0};
        code = clean_take(w, from, false, &taken, e);
        more = taken.count > 0;
        if (more) {
            code = clean_group(w, &taken, result, &from, e);
        }
        clean_release(&taken);
    }
    return code;
}

enum err_code partition_clean(struct partition *p, const struct partition_clean_options *options,
                              struct partition_clean_result *out_result, struct err *e)
{
    struct err local;
    struct err *error = e != NULL ? e : &local;
    struct clean_work w = {.p = p, .options = options};
    struct partition_clean_result result = {0};
    partition_clean_copier_init(&w.copier);
    enum err_code code = clean_begin(&w, error);
    if (code == ERR_OK && w.end > w.dirty_from) {
        code = clean_map(&w, error);
        if (code == ERR_OK) {
            code = clean_groups(&w, &result, error);
        }
    }
    if (code == ERR_OK) {
        result.cleaned_to = w.end > w.dirty_from ? w.end : w.dirty_from;
        lock_acquire(&p->lock);
        p->cleaned_to = result.cleaned_to;
        lock_release(&p->lock);
        *out_result = result;
    }
    key_offsets_deinit(&w.keys);
    partition_clean_copier_deinit(&w.copier);
    return code;
}
