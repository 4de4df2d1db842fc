/*
 * Keeps __consumer_offsets as small as what it says, because a start reads all of it: when most of
 * a partition's records are superseded, its groups are written again, and what stood before goes by
 * moving the log start.
 *
 * One partition at a time. `trim_to` is its log end when the pass begins. Each of its groups is
 * then written whole, in a moment when none of its records is on the way to the disk (so that what
 * is in memory includes all below trim_to) and no rebalance is under way (so that what is in memory
 * is what the log says). When all these records are on disk, nothing below trim_to is needed any
 * more. A crash before that leaves the old records and some of the new ones, which say the same.
 * A log that could not be read completely at start is left as it is.
 */
#include <inttypes.h>

#include "broker/group/groups_internal.h"
#include "broker/storage/partition.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"

/* Below it a start is quick whatever the share. */
#define REWRITE_RECORDS_MIN 10000
/* Superseded records for one that counts. */
#define REWRITE_SHARE 3
#define REWRITE_INTERVAL_MS 60000
/* For groups that were busy. */
#define REWRITE_RETRY_MS 100
/* A group that rebalances for so long holds up the others: next time perhaps. */
#define REWRITE_PATIENCE_MS 60000
/* A batch must fit into a segment. */
#define REWRITE_OFFSETS_PER_BATCH 1000
#define REWRITE_BATCH_BYTES ((size_t)512 << 10)

/* What counts of a group, in records. */
static int64_t live_records(const struct groups_entry *entry)
{
    int64_t count = 1;
    for (size_t t = 0; t < entry->offsets.count; t++) {
        count += (int64_t)entry->offsets.topics[t].count;
    }
    return count;
}

static bool belongs(const struct groups *gs, const struct groups_entry *entry)
{
    return group_record_partition(entry->group->id, gs->partition_count) == gs->rewrite.partition;
}

/* Begins a pass over the next partition that needs one; false when there is none. */
static bool begin_pass(struct groups *gs)
{
    struct groups_rewrite *r = &gs->rewrite;
    int64_t *live = mem_calloc((size_t)gs->partition_count, sizeof *live);
    if (live == NULL) {
        return false; /* later */
    }
    for (size_t i = 0; i < groups_count(gs); i++) {
        const struct groups_entry *entry = groups_at(gs, i);
        live[group_record_partition(entry->group->id, gs->partition_count)] += live_records(entry);
    }
    bool found = false;
    for (int32_t n = 1; !found && n <= gs->partition_count; n++) {
        int32_t index = (r->partition + n) % gs->partition_count;
        struct partition_offsets offsets = {0};
        if (gs->partitions[index] != NULL) {
            partition_get_offsets(gs->partitions[index], &offsets);
        }
        int64_t superseded = offsets.log_end - offsets.log_start - live[index];
        found = superseded >= REWRITE_RECORDS_MIN && superseded > REWRITE_SHARE * live[index];
        if (found) {
            uint64_t pass = r->pass + 1;
            *r = (struct groups_rewrite){.active = true,
                                         .partition = index,
                                         .pass = pass,
                                         .log_start = offsets.log_start,
                                         .trim_to = offsets.log_end,
                                         .begun_ms = groups_now_ms(gs)};
        }
    }
    mem_free(live);
    return found;
}

static void written(void *ctx, struct groups *gs, struct groups_entry *entry, int16_t error,
                    int64_t base_offset)
{
    (void)ctx;
    (void)entry;
    (void)base_offset;
    struct groups_rewrite *r = &gs->rewrite;
    CHECK(r->pending > 0);
    r->pending--;
    r->failed = r->failed || error != 0;
    if (r->pending == 0) {
        gs->next_rewrite_ms = groups_now_ms(gs);
    }
}

static void end_batch(struct groups *gs, struct groups_write **w)
{
    if (*w != NULL) {
        gs->rewrite.pending++;
        groups_write_end(*w, written, NULL);
        *w = NULL;
    }
}

/* One record goes in next: into the batch at hand, or into a new one. False: no memory. */
static bool make_room(struct groups *gs, struct groups_entry *entry, struct groups_write **w,
                      size_t records)
{
    if (*w != NULL &&
        (records % REWRITE_OFFSETS_PER_BATCH == 0 || groups_write_size(*w) > REWRITE_BATCH_BYTES)) {
        end_batch(gs, w);
    }
    *w = *w != NULL ? *w : groups_write_begin(gs, entry);
    gs->rewrite.failed = gs->rewrite.failed || *w == NULL;
    return *w != NULL;
}

static void write_entry(struct groups *gs, struct groups_entry *entry)
{
    struct groups_write *w = NULL;
    size_t records = 0;
    if (entry->group->generation > 0 && make_room(gs, entry, &w, records)) {
        groups_write_group(w);
        records++;
    }
    for (size_t t = 0; t < entry->offsets.count; t++) {
        const struct group_offsets_topic *topic = &entry->offsets.topics[t];
        for (size_t p = 0; p < topic->count && make_room(gs, entry, &w, records); p++) {
            groups_write_offset(w, topic->name, topic->partitions[p].index,
                                &topic->partitions[p].offset);
            records++;
        }
    }
    end_batch(gs, &w);
    gs->rewrite.records += records;
    entry->rewrite_pass = gs->rewrite.pass;
}

/* Writes the groups that can be written now; returns how many cannot. */
static size_t write_groups(struct groups *gs)
{
    size_t busy = 0;
    for (size_t i = 0; i < groups_count(gs) && !gs->rewrite.failed; i++) {
        struct groups_entry *entry = groups_at(gs, i);
        if (entry->rewrite_pass == gs->rewrite.pass || !belongs(gs, entry)) {
            continue;
        }
        bool settled = entry->group->state == GROUP_EMPTY || entry->group->state == GROUP_STABLE;
        if (settled && entry->references == 1) {
            write_entry(gs, entry);
        } else {
            busy++;
        }
    }
    return busy;
}

static void end_pass(struct groups *gs)
{
    struct groups_rewrite *r = &gs->rewrite;
    struct err e = {.text = "its records could not be written"};
    int64_t low = -1;
    int16_t error = 0;
    r->active = false;
    if (r->failed || partition_delete_records(gs->partitions[r->partition], r->trim_to, &low,
                                              &error, &e) != ERR_OK) {
        logger_warn(gs->logger, "groups.rewrite_failed",
                    "partition=%" PRId32 " error=\"%s\" next=\"nothing is removed, tried again\"",
                    r->partition, e.text);
        return;
    }
    logger_info(gs->logger, "groups.rewritten",
                "partition=%" PRId32 " records=%zu removed=%" PRId64 " ms=%" PRId64, r->partition,
                r->records, r->trim_to - r->log_start, groups_now_ms(gs) - r->begun_ms);
}

void groups_rewrite(struct groups *gs)
{
    struct groups_rewrite *r = &gs->rewrite;
    int64_t now = groups_now_ms(gs);
    gs->next_rewrite_ms = now + REWRITE_INTERVAL_MS;
    if (gs->partitions == NULL || r->forbidden || (!r->active && !begin_pass(gs))) {
        return;
    }
    size_t busy = write_groups(gs);
    if (r->pending > 0) {
        return; /* the last of them comes back here */
    }
    if (busy == 0 || r->failed) {
        end_pass(gs);
        gs->next_rewrite_ms = r->failed ? now + REWRITE_INTERVAL_MS : now; /* the next partition */
    } else if (now - r->begun_ms > REWRITE_PATIENCE_MS) {
        r->active = false;
    } else {
        gs->next_rewrite_ms = now + REWRITE_RETRY_MS;
    }
}
