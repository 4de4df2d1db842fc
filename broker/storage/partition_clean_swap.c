/*
 * A cleaned segment takes the place of those it was made from:
 *
 *   1. "<base>.log.cleaned" becomes "<base>.log.swap", on disk: from here on it counts
 *   2. the list in memory
 *   3. the old files go, all but the base's log; on disk
 *   4. "<base>.log.swap" becomes "<base>.log"; its indexes lose their ".cleaned"
 *
 * A crash before 1 leaves files that the start removes. A crash after it is finished by the start:
 * logs that begin inside the swap file's offsets go, and 4 follows, with indexes built anew.
 * Everything is done under files_lock; the partition's lock is taken for 2 alone. Readers have the
 * old files open.
 */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_clean.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"

static enum err_code swap_remove(const struct partition *p, int64_t base, const char *suffix,
                                 struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = segment_path(p->path, base, suffix, path, sizeof path, e);
    return code == ERR_OK ? file_io_remove(path, e) : code;
}

static enum err_code swap_rename(const struct partition *p, int64_t base, const char *from_suffix,
                                 const char *to_suffix, struct err *e)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    enum err_code code = segment_path(p->path, base, from_suffix, from, sizeof from, e);
    if (code == ERR_OK) {
        code = segment_path(p->path, base, to_suffix, to, sizeof to, e);
    }
    return code == ERR_OK ? file_io_rename(from, to, e) : code;
}

void partition_clean_discard(const struct partition *p, int64_t base_offset)
{
    /* What stays is removed by the next cleaning or start. */
    (void)swap_remove(p, base_offset, SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_CLEANED, NULL);
    (void)swap_remove(p, base_offset, SEGMENT_SUFFIX_INDEX SEGMENT_SUFFIX_CLEANED, NULL);
    (void)swap_remove(p, base_offset, SEGMENT_SUFFIX_TIMEINDEX SEGMENT_SUFFIX_CLEANED, NULL);
}

static enum err_code swap_remove_indexes(const struct partition *p, int64_t base, struct err *e)
{
    enum err_code code = swap_remove(p, base, SEGMENT_SUFFIX_INDEX, e);
    return code == ERR_OK ? swap_remove(p, base, SEGMENT_SUFFIX_TIMEINDEX, e) : code;
}

/* Where the group stands in the list; false when retention has taken some of it. Lock held. */
static bool swap_find(const struct partition *p, const struct partition_clean_group *group,
                      size_t *out_at)
{
    for (size_t i = 0; group->count <= p->segment_count - i && i < p->segment_count; i++) {
        if (p->segments[i] == group->segments[0]) {
            *out_at = i;
            return memcmp(p->segments + i, group->segments,
                          group->count * sizeof(struct segment *)) == 0;
        }
    }
    return false;
}

/* Step 2. The list's references to the old ones go; the caller has others. Lock held. */
static void swap_list(struct partition *p, size_t at, size_t count, struct segment *clean)
{
    for (size_t i = 0; i < count; i++) {
        segment_unref(p->segments[at + i]);
    }
    p->segments[at] = segment_ref(clean);
    memmove(p->segments + at + 1, p->segments + at + count,
            (p->segment_count - at - count) * sizeof(struct segment *));
    p->segment_count -= count - 1;
}

/* Steps 3 and 4. */
static enum err_code swap_files(const struct partition *p,
                                const struct partition_clean_group *group, struct err *e)
{
    int64_t base = group->segments[0]->base_offset;
    enum err_code code = swap_remove_indexes(p, base, e);
    for (size_t i = 1; code == ERR_OK && i < group->count; i++) {
        code = swap_remove_indexes(p, group->segments[i]->base_offset, e);
        if (code == ERR_OK) {
            code = swap_remove(p, group->segments[i]->base_offset, SEGMENT_SUFFIX_LOG, e);
        }
    }
    if (code == ERR_OK) {
        code = file_io_sync_dir(p->path, e);
    }
    if (code == ERR_OK) {
        code = swap_rename(p, base, SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_SWAP, SEGMENT_SUFFIX_LOG, e);
    }
    if (code == ERR_OK) {
        code = swap_rename(p, base, SEGMENT_SUFFIX_INDEX SEGMENT_SUFFIX_CLEANED,
                           SEGMENT_SUFFIX_INDEX, e);
    }
    if (code == ERR_OK) {
        code = swap_rename(p, base, SEGMENT_SUFFIX_TIMEINDEX SEGMENT_SUFFIX_CLEANED,
                           SEGMENT_SUFFIX_TIMEINDEX, e);
    }
    return code;
}

static enum err_code swap_locked(struct partition *p, const struct partition_clean_group *group,
                                 struct segment *clean, struct err *e)
{
    size_t at = 0;
    lock_acquire(&p->lock);
    bool there = p->status == PARTITION_OPEN && swap_find(p, group, &at);
    lock_release(&p->lock);
    if (!there) {
        return err_set(e, ERR_CANCELLED, "retention or a deletion took what was cleaned");
    }
    enum err_code code =
        swap_rename(p, clean->base_offset, SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_CLEANED,
                    SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_SWAP, e);
    if (code != ERR_OK) {
        return code == ERR_NOT_FOUND ? err_set(e, ERR_CLOSED, "the partition was deleted") : code;
    }
    code = file_io_sync_dir(p->path, e);
    lock_acquire(&p->lock);
    if (code == ERR_OK) {
        swap_list(p, at, group->count, clean);
    }
    lock_release(&p->lock);
    if (code == ERR_OK) {
        code = swap_files(p, group, e);
    }
    if (code != ERR_OK && code != ERR_NOT_FOUND) {
        /* The names are between two states, which only a start can bring to an end. */
        lock_acquire(&p->lock);
        partition_stop(p, e != NULL ? e->text : "compaction");
        lock_release(&p->lock);
    }
    return code == ERR_NOT_FOUND ? err_set(e, ERR_CLOSED, "the partition was deleted") : code;
}

enum err_code partition_clean_swap(struct partition *p, const struct partition_clean_group *group,
                                   struct segment *clean, struct err *e)
{
    CHECK(clean->sealed && clean->indexes_stored);
    CHECK(clean->size_bytes > 0);
    lock_acquire(&p->files_lock);
    enum err_code code = swap_locked(p, group, clean, e);
    lock_release(&p->files_lock);
    if (code != ERR_OK) {
        partition_clean_discard(p, clean->base_offset);
    }
    segment_unref(clean);
    return code;
}

/* ---- after a crash ---- */

/* Behind the last batch of a swap file. It was on disk before it got that name. */
static enum err_code swap_end(const struct partition *p, int64_t base, int64_t *out_end,
                              struct err *e)
{
    char path[PATH_MAX];
    int fd = -1;
    int64_t size = 0;
    enum err_code code =
        segment_path(p->path, base, SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_SWAP, path, sizeof path, e);
    if (code == ERR_OK) {
        code = file_io_open(path, 0, &fd, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    code = file_io_size(fd, path, &size, e);
    struct segment_walker w;
    segment_walker_init(&w, fd, 0, size);
    int64_t end = base;
    bool found = true;
    while (code == ERR_OK && found) {
        struct batch_header h;
        code = segment_walker_next(&w, &h, &found, e);
        if (code == ERR_OK && found) {
            end = h.last_offset + 1;
        }
    }
    file_io_close(fd);
    if (code == ERR_OK && end <= base) {
        code = err_set(e, ERR_CORRUPT, "no record batch");
    }
    if (code != ERR_OK) {
        return err_wrap(e, "%s", path);
    }
    *out_end = end;
    return ERR_OK;
}

static enum err_code swap_finish(const struct partition *p, int64_t base, int64_t *logs,
                                 size_t *log_count, struct err *e)
{
    int64_t end = 0;
    enum err_code code = swap_end(p, base, &end, e);
    size_t kept = 0;
    bool listed = false;
    for (size_t i = 0; code == ERR_OK && i < *log_count; i++) {
        int64_t log = logs[i];
        if (log > base && log < end) {
            code = swap_remove_indexes(p, log, e);
            if (code == ERR_OK) {
                code = swap_remove(p, log, SEGMENT_SUFFIX_LOG, e);
            }
        } else {
            listed = listed || log == base;
            logs[kept++] = log;
        }
    }
    if (code == ERR_OK && !listed) {
        /* Only a rename of the base's own log ends its life, and that is the swap's end too. */
        code = err_set(e, ERR_CORRUPT, "%s: segment %020" PRId64 " is missing beside its .swap",
                       p->path, base);
    }
    if (code == ERR_OK) {
        code = swap_remove_indexes(p, base, e);
    }
    if (code == ERR_OK) {
        code = file_io_sync_dir(p->path, e);
    }
    if (code == ERR_OK) {
        code = swap_rename(p, base, SEGMENT_SUFFIX_LOG SEGMENT_SUFFIX_SWAP, SEGMENT_SUFFIX_LOG, e);
    }
    if (code == ERR_OK) {
        *log_count = kept;
    }
    return code;
}

enum err_code partition_clean_finish_swaps(const struct partition *p, const int64_t *swaps,
                                           size_t swap_count, int64_t *logs, size_t *log_count,
                                           struct err *e)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < swap_count; i++) {
        code = swap_finish(p, swaps[i], logs, log_count, e);
    }
    if (code == ERR_OK && swap_count > 0) {
        code = file_io_sync_dir(p->path, e);
    }
    return code;
}
