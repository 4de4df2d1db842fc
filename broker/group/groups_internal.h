/* Shared by groups.c (thread, table, life), groups_write.c (records out), groups_load.c (records
 * in) and groups_expiry.c (offsets that end). */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "broker/controller/controller.h"
#include "broker/group/groups.h"
#include "common/lock.h"

struct partition;

struct groups {
    struct controller *controller;
    const struct clock *clock;
    struct logger *logger;
    struct group_config group_config;
    struct group_io io;
    int64_t wall_base_ms; /* wall clock at mono 0: time never goes back for the groups */
    int64_t retention_ms;
    int64_t max_metadata;
    int64_t expiry_interval_ms;
    int32_t topic_partitions; /* to create it with */
    char topic_segment_bytes[24];

    /* The coordinator thread's own. */
    struct partition **partitions; /* of __consumer_offsets, referenced; NULL until it exists */
    int32_t partition_count;
    struct groups_entry **entries;
    size_t entry_count;
    size_t entry_capacity;
    uint32_t *slots; /* hash of the id -> entry index + 1 */
    size_t slot_mask;
    struct groups_entry **timers; /* heap, by deadline */
    int64_t next_expiry_ms;
    struct groups_topic_wait *topic_waits;
    bool topic_creating;
    struct controller_create_topic topic_request;
    struct controller_config topic_configs[3];
    struct groups_task topic_created;

    atomic_size_t published_count; /* entry_count, for other threads */
    atomic_bool loading;
    pthread_t thread;
    bool thread_started;
    struct lock lock; /* guards what follows */
    struct cond changed;
    struct groups_task *first;
    struct groups_task **last;
    size_t writes; /* records on their way to the disk: closing waits for them */
    bool closing;
};

/* Takes the partitions of __consumer_offsets from the controller's view. False: not there. */
bool groups_open_partitions(struct groups *gs);
struct partition *groups_partition_of(struct groups *gs, struct bytes group_id);
void groups_unref(struct groups *gs, struct groups_entry *entry);
/* Takes the entry out of the table; it lives until its writes are done. */
void groups_remove(struct groups *gs, struct groups_entry *entry);
/* Reads all partitions; a record that cannot be read is logged and skipped. */
void groups_load(struct groups *gs);
/* Ends offsets that are too old and groups that have nothing left. */
void groups_expire(struct groups *gs);
void groups_drop_topic(struct groups *gs, struct bytes topic);
/* The task's owner is not gone before this returns: for writes that complete on other threads. */
void groups_post_write(struct groups *gs, struct groups_task *task);
