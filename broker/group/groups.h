/*
 * The group coordinator: all groups of this broker, their timers and committed offsets, and their
 * records in __consumer_offsets, an ordinary topic through storage.
 *
 * Threads: one coordinator thread owns every group. Others hand it tasks (groups_post); what is
 * marked "coordinator thread" may be called from within a task only. Nothing on that thread waits
 * for the disk: an append is followed by a wait on the flusher, whose callback posts the rest.
 *
 * Invariant: what a client was told (generation with its assignment, committed offset, deletion) is
 * on disk. At start the thread reads all records before it runs the first task; until then
 * groups_loading says so, and handlers answer 14.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/group/group.h"
#include "broker/group/group_offsets.h"
#include "common/err.h"

struct clock;
struct controller;
struct groups;
struct logger;

#define GROUPS_TOPIC "__consumer_offsets"

struct groups_settings {
    struct controller *controller; /* outlives the coordinator; its group.* and offsets.* configs */
    const struct clock *clock;
    struct logger *logger;
};

ERR_MUST_CHECK enum err_code groups_open(const struct groups_settings *settings,
                                         struct groups **out_groups, struct err *e);
/* No more posts may come. Runs what is queued, answers with 15 all who wait, ends the thread,
 * frees. NULL is fine. */
void groups_close(struct groups *gs);
/* How many groups there were a moment ago. Any thread. */
size_t groups_published_count(const struct groups *gs);
bool groups_loading(const struct groups *gs);

/* A piece of work; the memory is the caller's until run begins. */
struct groups_task;
typedef void (*groups_task_fn)(struct groups *gs, struct groups_task *task);
struct groups_task {
    groups_task_fn run; /* on the coordinator thread */
    void *ctx;
    struct groups_task *next; /* private */
};
/* Any thread. False when the coordinator closes: the task will not run. */
bool groups_post(struct groups *gs, struct groups_task *task);

/* ---- coordinator thread ---------------------------------------------------------------------- */

/* What a JoinGroup or SyncGroup waits with: the token of group.h. */
struct groups_waiter {
    void (*joined)(struct groups_waiter *w, const struct group *g,
                   const struct group_join_answer *answer);
    void (*synced)(struct groups_waiter *w, const struct group_sync_answer *answer);
    void *ctx;
};

/* A group and its offsets. Simple groups (offsets only) are EMPTY without a protocol type. */
struct groups_entry {
    struct group *group;
    struct group_offsets offsets;
    size_t references; /* the table's, and one for each write under way */
    size_t place;      /* in the table */
    size_t timer;      /* in the heap of deadlines */
    int64_t deadline_ms;
    struct groups_task
        failed; /* tells the group of a write that could not begin; ctx NULL = idle */
};

int64_t groups_now_ms(const struct groups *gs);
const struct group_config *groups_group_config(const struct groups *gs);
/* offset.metadata.max.bytes */
int64_t groups_max_metadata(const struct groups *gs);
/* NULL when there is none. */
struct groups_entry *groups_find(struct groups *gs, struct bytes id);
/* NULL when memory is short or there are too many. */
struct groups_entry *groups_create(struct groups *gs, struct bytes id);
size_t groups_count(const struct groups *gs);
struct groups_entry *groups_at(const struct groups *gs, size_t index);
/* After every call that may have changed a group: its deadline, and its end if it is dead. */
void groups_changed(struct groups *gs, struct groups_entry *entry);

/* Calls done(ctx, 0) when __consumer_offsets is there, creating it if need be, or with 15. */
struct groups_topic_wait {
    void (*done)(void *ctx, int16_t error);
    void *ctx;
    struct groups_topic_wait *next; /* private */
};
void groups_await_topic(struct groups *gs, struct groups_topic_wait *wait);

/* Records for one group, which become durable together. */
struct groups_write;
typedef void (*groups_write_fn)(void *ctx, struct groups *gs, struct groups_entry *entry,
                                int16_t error, int64_t base_offset);
/* NULL when memory is short. */
struct groups_write *groups_write_begin(struct groups *gs, struct groups_entry *entry);
void groups_write_offset(struct groups_write *w, struct bytes topic, int32_t partition,
                         const struct group_offset *offset);
void groups_write_offset_tombstone(struct groups_write *w, struct bytes topic, int32_t partition);
void groups_write_group(struct groups_write *w);
void groups_write_group_tombstone(struct groups_write *w);
/* Appends; done runs later, on the coordinator thread, when the records are on disk or never will
 * be: error as group clients expect it (15, 16, -1). done may be NULL. Never calls back at once. */
void groups_write_end(struct groups_write *w, groups_write_fn done, void *ctx);
/* Bytes of the records so far. */
size_t groups_write_size(const struct groups_write *w);
/* Forgets it instead. */
void groups_write_drop(struct groups_write *w);
