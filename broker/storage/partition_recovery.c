/*
 * From the files of a folder to an open partition, in the order of reference 3.3. Below the
 * recovery point files are believed (they were on disk, indexes included); above it every batch is
 * read and its CRC checked, and the log is cut at the first that is not whole. Damage below the
 * recovery point is an error: acknowledged records are not thrown away in silence.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_clean.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "common/mem.h"
#include "protocol/record_batch.h"

#define PARTITION_RECOVERY_DIGITS 20

static enum err_code partition_push_offset(int64_t **list, size_t *count, size_t *capacity,
                                           int64_t offset, struct err *e)
{
    if (*count == *capacity) {
        size_t bigger = *capacity > 0 ? *capacity * 2 : 16;
        int64_t *grown = mem_realloc(*list, bigger * sizeof **list);
        if (grown == NULL) {
            return err_nomem(e, "list of files");
        }
        *list = grown;
        *capacity = bigger;
    }
    (*list)[(*count)++] = offset;
    return ERR_OK;
}

/* "<20 digits><suffix>"; false for any other name. */
static bool partition_parse_name(const char *name, int64_t *out_offset, const char **out_suffix)
{
    int64_t offset = 0;
    for (size_t i = 0; i < PARTITION_RECOVERY_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(offset, 10, &offset) ||
            __builtin_add_overflow(offset, name[i] - '0', &offset)) {
            return false;
        }
    }
    *out_offset = offset;
    *out_suffix = name + PARTITION_RECOVERY_DIGITS;
    return true;
}

static bool partition_ends_with(const char *text, const char *end)
{
    size_t text_len = strlen(text);
    size_t end_len = strlen(end);
    return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

static enum err_code partition_remove_file(const struct partition *p, const char *name,
                                           struct err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", p->path, name);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(e, ERR_LIMIT, "path too long: %s/%s", p->path, name);
    }
    return file_io_remove(path, e);
}

static enum err_code partition_list_entry(const struct partition *p, const char *name,
                                          struct partition_files *files, struct err *e)
{
    if (partition_ends_with(name, SEGMENT_SUFFIX_DELETED) ||
        partition_ends_with(name, SEGMENT_SUFFIX_CLEANED) || partition_ends_with(name, ".tmp")) {
        return partition_remove_file(p, name, e);
    }
    int64_t offset = 0;
    const char *suffix = NULL;
    if (!partition_parse_name(name, &offset, &suffix)) {
        return ERR_OK;
    }
    if (strcmp(suffix, SEGMENT_SUFFIX_LOG) == 0) {
        return partition_push_offset(&files->logs, &files->log_count, &files->log_capacity, offset,
                                     e);
    }
    if (strcmp(suffix, SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_SWAP) == 0) {
        return partition_push_offset(&files->swaps, &files->swap_count, &files->swap_capacity,
                                     offset, e);
    }
    if (strcmp(suffix, SEGMENT_SUFFIX_SNAPSHOT) == 0) {
        return partition_push_offset(&files->snapshots, &files->snapshot_count,
                                     &files->snapshot_capacity, offset, e);
    }
    return ERR_OK;
}

static int partition_compare_offsets(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;
    return (*left > *right) - (*left < *right);
}

static void partition_sort_offsets(int64_t *list, size_t count)
{
    if (count > 1) {
        qsort(list, count, sizeof *list, partition_compare_offsets);
    }
}

static enum err_code partition_list_files(const struct partition *p, struct partition_files *files,
                                          struct err *e)
{
    DIR *dir = opendir(p->path);
    if (dir == NULL) {
        return err_errno(e, errno, "open folder %s", p->path);
    }
    enum err_code code = ERR_OK;
    for (struct dirent *entry = readdir(dir); code == ERR_OK && entry != NULL;
         entry = readdir(dir)) {
        code = partition_list_entry(p, entry->d_name, files, e);
    }
    (void)closedir(dir);
    if (code == ERR_OK) {
        partition_sort_offsets(files->logs, files->log_count);
        partition_sort_offsets(files->snapshots, files->snapshot_count);
        partition_sort_offsets(files->swaps, files->swap_count);
    }
    return code;
}

static void partition_free_files(struct partition_files *files)
{
    mem_free(files->logs);
    mem_free(files->snapshots);
    mem_free(files->swaps);
}

/* Removes the files of a segment that is not kept. */
static enum err_code partition_remove_segment_files(const struct partition *p, int64_t base,
                                                    struct err *e)
{
    static const char *const suffixes[] = {SEGMENT_SUFFIX_LOG, SEGMENT_SUFFIX_INDEX,
                                           SEGMENT_SUFFIX_TIMEINDEX};
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[PATH_MAX];
        code = segment_path(p->path, base, suffixes[i], path, sizeof path, e);
        if (code == ERR_OK) {
            code = file_io_remove(path, e);
        }
    }
    return code;
}

/* ---- scanning ---- */

/* CRC of the batch at the position. */
static enum err_code partition_check_crc(const struct segment *s, int64_t position,
                                         const struct batch_header *h, struct buf *scratch,
                                         struct err *e)
{
    buf_clear(scratch);
    uint8_t *data = buf_reserve(scratch, (size_t)h->size_bytes);
    if (data == NULL) {
        return buf_check(scratch, "batch", e);
    }
    enum err_code code =
        file_io_read_at(s->fd, data, (size_t)h->size_bytes, position, "segment", e);
    if (code != ERR_OK) {
        return code;
    }
    struct record_batch batch;
    if (record_batch_parse(bytes_of(data, (size_t)h->size_bytes), &batch) != RECORD_BATCH_OK ||
        record_batch_check_crc(&batch) != RECORD_BATCH_OK) {
        code = err_set(e, ERR_CORRUPT, "checksum of the batch at %" PRId64 " is wrong", position);
    }
    return code;
}

struct partition_scan_checks {
    bool crc;
    int64_t contiguous_from; /* from this offset on there are no gaps; the CRC leaves offsets out */
};

/*
 * Notes all whole batches from s->size_bytes (what was noted before) to file_size; s->size_bytes is
 * where they end. ERR_CORRUPT with the reason when that is not file_size.
 */
static enum err_code partition_scan(struct partition *p, struct segment *s, int64_t file_size,
                                    struct partition_scan_checks checks, struct err *e)
{
    struct buf scratch;
    buf_init(&scratch, SEGMENT_BYTES_MAX);
    struct segment_walker w;
    segment_walker_init(&w, s->fd, s->size_bytes, file_size);
    enum err_code code = ERR_OK;
    for (;;) {
        struct batch_header h;
        bool found = false;
        code = segment_walker_next(&w, &h, &found, e);
        if (code != ERR_OK || !found) {
            break;
        }
        bool gap = h.base_offset > s->next_offset && s->next_offset >= checks.contiguous_from;
        if (gap || h.base_offset < s->next_offset || h.last_offset - s->base_offset > INT32_MAX) {
            code = err_set(e, ERR_CORRUPT,
                           "batch with offset %" PRId64 " at %" PRId64 " after %" PRId64,
                           h.base_offset, s->size_bytes, s->next_offset);
            break;
        }
        if (checks.crc) {
            code = partition_check_crc(s, s->size_bytes, &h, &scratch, e);
        }
        if (code == ERR_OK) {
            code = segment_reserve(s, 1, e);
        }
        if (code == ERR_OK) {
            code = epoch_cache_reserve(&p->epochs, e);
        }
        if (code != ERR_OK) {
            break;
        }
        segment_note(s, &h, p->config.index_interval_bytes);
        if (epoch_cache_assign(&p->epochs, h.leader_epoch, h.base_offset)) {
            p->epochs_dirty = true;
        }
    }
    buf_deinit(&scratch);
    return code;
}

static enum err_code partition_load_indexes(const struct partition *p, struct segment *s,
                                            struct err *e)
{
    char path[PATH_MAX];
    enum err_code code =
        segment_path(p->path, s->base_offset, SEGMENT_SUFFIX_INDEX, path, sizeof path, e);
    if (code == ERR_OK) {
        code = segment_index_load(&s->offsets, path, e);
    }
    if (code == ERR_OK) {
        code =
            segment_path(p->path, s->base_offset, SEGMENT_SUFFIX_TIMEINDEX, path, sizeof path, e);
    }
    if (code == ERR_OK) {
        code = segment_index_load(&s->times, path, e);
    }
    if (code != ERR_OK) {
        segment_index_deinit(&s->offsets);
        segment_index_deinit(&s->times);
    }
    return code;
}

/* Sets first_timestamp from the file. */
static enum err_code partition_load_first(struct segment *s, int64_t file_size, struct err *e)
{
    struct segment_walker w;
    struct batch_header h;
    bool found = false;
    segment_walker_init(&w, s->fd, 0, file_size);
    enum err_code code = segment_walker_next(&w, &h, &found, e);
    if (code == ERR_OK && found) {
        s->first_timestamp = h.max_timestamp;
    }
    return code;
}

/*
 * Takes over the index entries below the recovery point, so that the scan begins at the last of
 * them. Anything wrong with them and the scan begins at 0.
 */
static void partition_trust_indexes(const struct partition *p, struct segment *s, int64_t file_size,
                                    int64_t recovery_point)
{
    struct err ignored; /* an index can be rebuilt */
    if (partition_load_indexes(p, s, &ignored) != ERR_OK) {
        return;
    }
    struct segment_index *x = &s->offsets;
    while (x->count > 0 &&
           segment_index_offset_at(x, x->count - 1).relative_offset + s->base_offset >=
               recovery_point) {
        segment_index_truncate(x, x->count - 1);
    }
    struct segment_index *t = &s->times;
    int64_t last = x->count > 0 ? segment_index_offset_at(x, x->count - 1).relative_offset : -1;
    while (t->count > 0 && segment_index_time_at(t, t->count - 1).relative_offset > last) {
        segment_index_truncate(t, t->count - 1);
    }
    if (x->count == 0) {
        segment_index_truncate(t, 0);
        return;
    }
    struct segment_index_offset from = segment_index_offset_at(x, x->count - 1);
    struct segment_walker w;
    struct batch_header h;
    bool found = false;
    segment_walker_init(&w, s->fd, from.position, file_size);
    if (segment_walker_next(&w, &h, &found, &ignored) != ERR_OK || !found ||
        h.last_offset != s->base_offset + from.relative_offset ||
        partition_load_first(s, file_size, &ignored) != ERR_OK) {
        segment_index_truncate(x, 0);
        segment_index_truncate(t, 0);
        return;
    }
    /* As if the batches before had been noted; the entry's own batch is next and is not indexed
     * again, since the interval begins with it. */
    s->size_bytes = from.position;
    s->next_offset = h.base_offset;
    s->unindexed_bytes = 0;
    if (t->count > 0) {
        struct segment_index_time newest = segment_index_time_at(t, t->count - 1);
        s->max_timestamp = newest.timestamp;
        s->max_timestamp_offset = s->base_offset + newest.relative_offset;
    }
}

/* What the ends of the index files say of a sealed segment. False when they are missing, or cannot
 * belong to a segment of that size and these offsets. */
static bool partition_peek_indexes(const struct partition *p, struct segment *s, int64_t file_size,
                                   int64_t next_offset)
{
    char path[PATH_MAX];
    struct err ignored; /* an index can be rebuilt */
    uint8_t entry[SEGMENT_INDEX_TIME_BYTES];
    size_t count = 0;
    if (segment_path(p->path, s->base_offset, SEGMENT_SUFFIX_INDEX, path, sizeof path, &ignored) !=
            ERR_OK ||
        segment_index_peek(&s->offsets, path, &count, entry, &ignored) != ERR_OK) {
        return false;
    }
    if (count > 0) {
        struct segment_index_offset last = segment_index_decode_offset(entry);
        if (last.position >= file_size || s->base_offset + last.relative_offset >= next_offset) {
            return false;
        }
    }
    if (segment_path(p->path, s->base_offset, SEGMENT_SUFFIX_TIMEINDEX, path, sizeof path,
                     &ignored) != ERR_OK ||
        segment_index_peek(&s->times, path, &count, entry, &ignored) != ERR_OK) {
        return false;
    }
    if (count > 0) {
        struct segment_index_time last = segment_index_decode_time(entry);
        s->max_timestamp = last.timestamp;
        s->max_timestamp_offset = s->base_offset + last.relative_offset;
    }
    return s->max_timestamp_offset < next_offset;
}

/* A sealed segment below the recovery point: without reading it. */
static enum err_code partition_load_sealed(struct partition *p, struct segment *s,
                                           int64_t file_size, int64_t next_offset, struct err *e)
{
    if (file_size > 0 && partition_peek_indexes(p, s, file_size, next_offset)) {
        s->size_bytes = file_size;
        s->next_offset = next_offset;
        s->sealed = true;
        s->indexes_stored = true;
        segment_rest(s);
        return ERR_OK;
    }
    segment_forget(s);
    /* Missing or damaged: from the log. */
    const struct partition_scan_checks checks = {.contiguous_from = INT64_MAX};
    enum err_code code = partition_scan(p, s, file_size, checks, e);
    if (code == ERR_OK && s->next_offset > next_offset) {
        code =
            err_set(e, ERR_CORRUPT, "it holds offset %" PRId64 ", which the next segment has too",
                    s->next_offset - 1);
    }
    if (code == ERR_OK) {
        segment_seal(s);
        s->next_offset = next_offset;
    }
    return code;
}

/* ---- the steps ---- */

struct partition_load {
    const struct partition_recovery *how;
    const struct partition_files *files;
    int64_t cut_bytes; /* thrown away above the recovery point */
    bool cut;
};

/* Deletes what comes after a cut. */
static enum err_code partition_cut_rest(const struct partition *p, struct partition_load *load,
                                        size_t from, struct err *e)
{
    enum err_code code = ERR_OK;
    for (size_t i = from; code == ERR_OK && i < load->files->log_count; i++) {
        code = partition_remove_segment_files(p, load->files->logs[i], e);
        load->cut = true;
    }
    return code;
}

/* One that reaches over the recovery point: scanned, cut when needed. */
static enum err_code partition_load_open(struct partition *p, struct partition_load *load, size_t i,
                                         struct segment *s, int64_t file_size, struct err *e)
{
    const struct partition_recovery *how = load->how;
    partition_trust_indexes(p, s, file_size, how->clean ? INT64_MAX : how->recovery_point);
    /* The last segment is the one that was written: compaction has never seen it. */
    bool last = i + 1 == load->files->log_count;
    const struct partition_scan_checks checks = {
        .crc = !how->clean, .contiguous_from = last ? how->recovery_point : INT64_MAX};
    enum err_code code = partition_scan(p, s, file_size, checks, e);
    if (code == ERR_OK) {
        return ERR_OK;
    }
    /* After a clean stop the log ended at the recovery point: what lies there now is nobody's. */
    bool behind = how->clean ? last && s->next_offset == how->recovery_point
                             : s->next_offset >= how->recovery_point;
    if (code != ERR_CORRUPT || !behind) {
        return code;
    }
    logger_warn(p->env->logger, "recovery.cut",
                "topic=%s partition=%" PRId32 " segment=%" PRId64 " position=%" PRId64
                " bytes=%" PRId64 " later_segments=%zu reason=\"%s\"",
                p->id.topic, p->id.index, s->base_offset, s->size_bytes, file_size - s->size_bytes,
                load->files->log_count - i - 1, e->text);
    load->cut = true;
    code = file_io_truncate(s->fd, s->size_bytes, p->path, e);
    return code == ERR_OK ? partition_cut_rest(p, load, i + 1, e) : code;
}

static enum err_code partition_load_segment(struct partition *p, struct partition_load *load,
                                            size_t i, struct err *e)
{
    const int64_t *logs = load->files->logs;
    bool last = i + 1 == load->files->log_count;
    struct segment *s = NULL;
    enum err_code code = segment_open(p->path, logs[i], clock_wall_ms(p->env->clock), &s, e);
    if (code != ERR_OK) {
        return code;
    }
    code = partition_push_segment(p, s, e);
    if (code != ERR_OK) {
        segment_unref(s);
        return code;
    }
    int64_t file_size = s->size_bytes;
    s->size_bytes = 0;
    if (!last && (load->how->clean || logs[i + 1] <= load->how->recovery_point)) {
        code = partition_load_sealed(p, s, file_size, logs[i + 1], e);
    } else {
        code = partition_load_open(p, load, i, s, file_size, e);
        if (code == ERR_OK && !last && !load->cut) {
            if (segment_reserve(s, 1, e) != ERR_OK) {
                code = ERR_NOMEM;
            } else {
                segment_seal(s);
            }
        }
    }
    if (code != ERR_OK) {
        return err_wrap(e, "segment %020" PRId64 " of %s", logs[i], p->path);
    }
    return ERR_OK;
}

static enum err_code partition_load_segments(struct partition *p, struct partition_load *load,
                                             struct err *e)
{
    const struct partition_recovery *how = load->how;
    for (size_t i = 0; i < load->files->log_count && !load->cut; i++) {
        int64_t end = i > 0 ? partition_active(p)->next_offset : load->files->logs[0];
        if (load->files->logs[i] < end) {
            return err_set(e, ERR_CORRUPT,
                           "segment %020" PRId64 " of %s begins inside the one before",
                           load->files->logs[i], p->path);
        }
        if (load->files->logs[i] > end && end >= how->recovery_point && !how->clean) {
            /* Its tail was lost before it was on disk, so nobody was promised what follows. A
             * cleaned segment still ends where the next begins. */
            logger_warn(p->env->logger, "recovery.cut",
                        "topic=%s partition=%" PRId32 " segment=%" PRId64 " later_segments=%zu "
                        "reason=\"the one before ends at offset %" PRId64 "\"",
                        p->id.topic, p->id.index, load->files->logs[i],
                        load->files->log_count - i - 1, end);
            return partition_cut_rest(p, load, i, e);
        }
        enum err_code code = partition_load_segment(p, load, i, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code partition_add_first(struct partition *p, int64_t base, struct err *e)
{
    struct segment *s = NULL;
    enum err_code code = segment_create(p->path, base, clock_wall_ms(p->env->clock), &s, e);
    if (code != ERR_OK) {
        return code;
    }
    code = partition_push_segment(p, s, e);
    if (code != ERR_OK) {
        segment_unref(s);
        return code;
    }
    p->dir_dirty = true;
    p->state_seq++;
    return ERR_OK;
}

/* Reference 3.3, step 5: an end below the log start means that all of it was deleted. */
static enum err_code partition_settle_start(struct partition *p, int64_t log_start, struct err *e)
{
    enum err_code code = ERR_OK;
    if (p->segment_count == 0) {
        code = partition_add_first(p, log_start, e);
    } else if (partition_active(p)->next_offset < log_start) {
        for (size_t i = 0; code == ERR_OK && i < p->segment_count; i++) {
            code = partition_remove_segment_files(p, p->segments[i]->base_offset, e);
        }
        for (size_t i = 0; i < p->segment_count; i++) {
            segment_unref(p->segments[i]);
        }
        p->segment_count = 0;
        if (code == ERR_OK) {
            code = partition_add_first(p, log_start, e);
        }
    }
    if (code == ERR_OK) {
        int64_t first = p->segments[0]->base_offset;
        p->log_start = log_start > first ? log_start : first;
        p->log_end = partition_active(p)->next_offset;
    }
    return code;
}

static enum err_code partition_load_epochs(struct partition *p, struct err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/" PARTITION_EPOCHS_NAME, p->path);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(e, ERR_LIMIT, "path too long: %s", p->path);
    }
    struct err why;
    enum err_code code = epoch_cache_load(&p->epochs, path, &why);
    if (code == ERR_CORRUPT) {
        /* The scan below fills it again from what it reads. */
        logger_warn(p->env->logger, "epochs.dropped", "reason=\"%s\"", why.text);
        epoch_cache_deinit(&p->epochs);
        p->epochs_dirty = true;
        return ERR_OK;
    }
    return code == ERR_OK ? ERR_OK : err_set(e, code, "%s", why.text);
}

/* Everything found is on disk, and its names: after a kill -9 it may still be in the page cache
 * only. A partition without anything new is left to its first flush: many are empty. */
static enum err_code partition_sync_found(struct partition *p, const struct partition_load *load,
                                          struct err *e)
{
    enum err_code code = ERR_OK;
    bool found = load->cut;
    for (size_t i = 0; code == ERR_OK && i < p->segment_count; i++) {
        struct segment *s = p->segments[i];
        if (s->next_offset > load->how->recovery_point && s->size_bytes > 0) {
            found = true;
            code = segment_use(s, p->path, e);
            if (code == ERR_OK) {
                code = file_io_sync(s->fd, p->path, e);
            }
        }
    }
    p->metadata_dirty = !found;
    p->dir_dirty = !found;
    if (!found) {
        p->state_seq++;
        return code;
    }
    if (code == ERR_OK) {
        code = partition_metadata_sync(p, e);
    }
    if (code == ERR_OK) {
        code = file_io_sync_dir(p->path, e);
    }
    return code == ERR_OK ? partition_sync_parent(p, e) : code;
}

static void partition_open_at(struct partition *p)
{
    const struct segment *active = partition_active(p);
    p->flushed = p->log_end;
    p->high_watermark = p->log_end;
    p->hw_segment_base = active->base_offset;
    p->hw_position = active->size_bytes;
    p->end_bytes = 0;
    p->hw_bytes = 0;
    p->dirty_since_ms = clock_wall_ms(p->env->clock);
    partition_update_last_stable(p);
    p->status = PARTITION_OPEN;
}

static enum err_code partition_recover_files(struct partition *p,
                                             const struct partition_recovery *how,
                                             struct partition_files *files, struct err *e)
{
    enum err_code code = partition_list_files(p, files, e);
    struct partition_load load = {.how = how, .files = files};
    if (code == ERR_OK) {
        code = partition_clean_finish_swaps(p, files->swaps, files->swap_count, files->logs,
                                            &files->log_count, e);
    }
    if (code == ERR_OK) {
        code = partition_load_epochs(p, e);
    }
    if (code == ERR_OK) {
        code = partition_load_segments(p, &load, e);
    }
    int64_t found_end =
        code == ERR_OK && p->segment_count > 0 ? partition_active(p)->next_offset : 0;
    if (code == ERR_OK && found_end < how->recovery_point && found_end >= how->log_start) {
        code = err_set(e, ERR_CORRUPT,
                       "%s ends at offset %" PRId64 ", but all below %" PRId64
                       " was on disk: files are missing or were cut",
                       p->path, found_end, how->recovery_point);
    }
    if (code == ERR_OK) {
        code = partition_settle_start(p, how->log_start, e);
    }
    if (code == ERR_OK && epoch_cache_cut_end(&p->epochs, p->log_end)) {
        p->epochs_dirty = true;
    }
    if (code == ERR_OK) {
        code = partition_load_producers(p, how, files, e);
    }
    if (code == ERR_OK && (!how->clean || load.cut)) {
        code = partition_sync_found(p, &load, e);
    }
    return code;
}

enum err_code partition_recover(struct partition *p, const struct partition_recovery *how,
                                struct err *e)
{
    CHECK(p->status == PARTITION_CLOSED);
    struct partition_files files = {0};
    enum err_code code = partition_metadata_load(p, e);
    if (code == ERR_OK) {
        code = partition_recover_files(p, how, &files, e);
    }
    partition_free_files(&files);
    if (code != ERR_OK) {
        return code;
    }
    p->recovery_point = how->clean ? p->log_end : how->recovery_point;
    if (p->recovery_point > p->log_end) {
        p->recovery_point = p->log_end;
    }
    p->cleaned_to = how->cleaned_to <= partition_active(p)->base_offset ? how->cleaned_to : 0;
    if (p->epochs_dirty) {
        p->state_seq++;
    }
    partition_open_at(p);
    return ERR_OK;
}

enum err_code partition_start_new(struct partition *p, struct err *e)
{
    CHECK(p->status == PARTITION_CLOSED);
    if (mkdir(p->path, 0750) != 0) {
        return err_errno(e, errno, "create folder %s", p->path);
    }
    enum err_code code = partition_metadata_store(p, e);
    if (code == ERR_OK) {
        code = partition_add_first(p, 0, e);
    }
    if (code != ERR_OK) {
        (void)file_io_remove_dir(p->path, NULL); /* the first error is the one to tell */
        return code;
    }
    p->metadata_dirty = true;
    partition_open_at(p);
    return ERR_OK;
}
