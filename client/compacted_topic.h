/*
 * A table kept in a compacted topic: everything is read from the beginning, then followed; what is
 * written is seen when it has been read back, so that the order in the topic decides for all
 * readers. The store behind it (a hash table, a state machine) belongs to the user: it is changed
 * in on_record only.
 *
 * Threads: one reader thread per topic creates the topic when it is absent, checks that it is
 * compacted, reads, and calls on_record and on_state. Writes come from any thread and wait.
 *
 * A broker that is away, at the start or later, is waited for without end: the state says so, the
 * log says so once, and reading goes on where it was.
 *
 *   CONNECTING -> READING -> LIVE          LIVE: everything that was there at the start is read
 *        \________________\_____-> FAILED  the topic cannot be used (cleanup policy, rights)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/client_config.h"
#include "common/bytes.h"
#include "common/err.h"

struct compacted_topic;
struct logger;

enum compacted_topic_state {
    COMPACTED_TOPIC_CONNECTING,
    COMPACTED_TOPIC_READING,
    COMPACTED_TOPIC_LIVE,
    COMPACTED_TOPIC_FAILED,
};

struct compacted_topic_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct bytes key;    /* null: no key */
    struct bytes value;  /* null: tombstone */
    struct bytes header; /* of the config's header_name; null: none */
    /* Read before LIVE: history, not news. */
    bool initial;
};

struct compacted_topic_config {
    const struct client_config *client;              /* copied */
    const char *topic;                               /* copied */
    int partitions;                                  /* for creation; -1 = the cluster's default */
    int required_partitions;                         /* > 0: an existing topic must have as many */
    int replication_factor;                          /* -1 = the cluster's default */
    const struct client_config_entry *topic_configs; /* beside cleanup.policy; used during open */
    size_t topic_config_count;
    const char *header_name; /* copied; a record header that is read and written, or NULL */
    /* Reader thread; must not write to the same topic. bytes are valid during the call. */
    void (*on_record)(void *ctx, const struct compacted_topic_record *record);
    /* Optional, reader thread: LIVE and FAILED. */
    void (*on_state)(void *ctx, enum compacted_topic_state state, const struct err *why);
    void *ctx;
    struct logger *lg;
};

/* Starts the reader thread; needs no broker. */
enum err_code compacted_topic_open(const struct compacted_topic_config *config,
                                   struct compacted_topic **out_topic, struct err *e);
/* Stops reading, drops unfinished writes with ERR_CLOSED, frees. NULL is fine. No other thread may
 * be inside another function. */
void compacted_topic_close(struct compacted_topic *t);

/* The owner is about to close: from now on no call waits for more than timeout_ms, and a topic that
 * is not LIVE yet will not become so. Those that wait already are told, too (ERR_CLOSED). Any
 * thread; NULL is fine. */
void compacted_topic_hurry(struct compacted_topic *t, int timeout_ms);

enum compacted_topic_state compacted_topic_state(struct compacted_topic *t);
/* The reason of FAILED, or of still CONNECTING. ERR_OK when there is none. */
enum err_code compacted_topic_problem(struct compacted_topic *t, struct err *e);
/* Waits for LIVE. ERR_TIMEOUT, or the reason of FAILED. */
enum err_code compacted_topic_wait_live(struct compacted_topic *t, int timeout_ms, struct err *e);

/* The id of the cluster as far as it is known now; never waits. mem_free; NULL when it is not. */
char *compacted_topic_cluster_id(struct compacted_topic *t);

struct compacted_topic_write {
    struct bytes key;
    struct bytes value;  /* null: tombstone */
    struct bytes header; /* null: none */
    /* Set by a successful compacted_topic_write. */
    int32_t partition;
    int64_t offset;
};

/* Writes all records in order and waits until the cluster has acknowledged each (acks=all), at most
 * timeout_ms. On failure some may have been written; the text says what the broker has against it,
 * as far as it said anything. */
enum err_code compacted_topic_write(struct compacted_topic *t, struct compacted_topic_write *writes,
                                    size_t count, int timeout_ms, struct err *e);
/* Queues one record and returns: for what may be lost with the process (states, caches). A record
 * that cannot be written is logged. */
enum err_code compacted_topic_post(struct compacted_topic *t, struct bytes key, struct bytes value,
                                   struct err *e);
/* compacted_topic_write, then waits until on_record has seen them all. Not from on_record. */
enum err_code compacted_topic_write_read_back(struct compacted_topic *t,
                                              struct compacted_topic_write *writes, size_t count,
                                              int timeout_ms, struct err *e);
/* Waits until on_record has seen what was in the topic when this was called, whoever wrote it; at
 * most timeout_ms, leader or not. */
enum err_code compacted_topic_read_to_end(struct compacted_topic *t, int timeout_ms, struct err *e);
