/* Producer state after a start: the newest good snapshot, then the batches after it. */
#include <inttypes.h>
#include <limits.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_internal.h"

#define PARTITION_REPLAY_SNAPSHOT_MAX ((size_t)1 << 30)

static enum err_code partition_replay_segment(struct partition *p, struct segment *s, int64_t from,
                                              struct err *e)
{
    enum err_code code = segment_use(s, p->path, e);
    if (code == ERR_OK) {
        code = segment_use_indexes(s, p->path, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct segment_walker w;
    int64_t start = segment_index_floor_offset(&s->offsets, from - s->base_offset);
    segment_walker_init(&w, s->fd, start, s->size_bytes);
    for (;;) {
        struct batch_header h;
        bool found = false;
        code = segment_walker_next(&w, &h, &found, e);
        if (code != ERR_OK || !found) {
            return code;
        }
        if (h.base_offset >= from && h.producer_id >= 0) {
            code = producer_state_prepare(&p->producers, h.producer_id, e);
            if (code != ERR_OK) {
                return code;
            }
            producer_state_update(&p->producers, &h);
        }
    }
}

static enum err_code partition_load_snapshot(struct partition *p, int64_t offset, struct err *e)
{
    char path[PATH_MAX];
    struct buf data;
    buf_init(&data, PARTITION_REPLAY_SNAPSHOT_MAX);
    enum err_code code =
        segment_path(p->path, offset, SEGMENT_SUFFIX_SNAPSHOT, path, sizeof path, e);
    if (code == ERR_OK) {
        code = file_io_read_all(path, &data, e);
    }
    if (code == ERR_OK) {
        code = producer_state_decode(&p->producers, buf_bytes(&data), e);
    }
    buf_deinit(&data);
    return code;
}

enum err_code partition_load_producers(struct partition *p, const struct partition_recovery *how,
                                       const struct partition_files *files, struct err *e)
{
    int64_t newest_allowed = how->clean ? p->log_end : how->recovery_point;
    int64_t from = p->log_start;
    size_t kept = 0;
    for (size_t i = files->snapshot_count; i > 0; i--) {
        int64_t offset = files->snapshots[i - 1];
        bool usable = offset <= newest_allowed && offset <= p->log_end;
        if (usable && kept == 0) {
            enum err_code code = partition_load_snapshot(p, offset, e);
            if (code == ERR_NOMEM) {
                return code;
            }
            usable = code == ERR_OK;
            from = usable ? offset : from;
        }
        if (usable && kept < PARTITION_SNAPSHOTS_KEPT) {
            p->snapshots[kept++] = offset;
            continue;
        }
        char path[PATH_MAX];
        enum err_code code =
            segment_path(p->path, offset, SEGMENT_SUFFIX_SNAPSHOT, path, sizeof path, e);
        if (code == ERR_OK) {
            code = file_io_remove(path, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    enum err_code code = ERR_OK;
    for (size_t i = partition_find_segment(p, from);
         code == ERR_OK && from < p->log_end && i < p->segment_count; i++) {
        code = partition_replay_segment(p, p->segments[i], from, e);
    }
    return code;
}
