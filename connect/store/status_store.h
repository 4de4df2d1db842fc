/*
 * The status topic (_connect-status) as a table: states of connectors and tasks, and the topics
 * that each connector has written to. What this worker knows first-hand is seen at once; the topic
 * carries it to other readers and over a restart, without waiting.
 *
 * Threads: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/client_config.h"
#include "client/compacted_topic.h"
#include "common/err.h"

struct buf;
struct logger;
struct status_store;

enum status_store_state {
    STATUS_STORE_UNASSIGNED,
    STATUS_STORE_RUNNING,
    STATUS_STORE_PAUSED,
    STATUS_STORE_FAILED,
    STATUS_STORE_RESTARTING,
    STATUS_STORE_STOPPED,
};

#define STATUS_STORE_CONNECTOR (-1)

struct status_store_config {
    const struct client_config *client;
    const char *topic;
    int replication_factor;
    const char *worker_id; /* "host:port"; copied */
    void (*on_live)(void *ctx);
    void *ctx;
    struct logger *lg;
};

struct status_store_entry {
    enum status_store_state state;
    char *trace; /* NULL: none */
    char *worker_id;
    int64_t generation;
};

enum err_code status_store_open(const struct status_store_config *config,
                                struct status_store **out_store, struct err *e);
void status_store_close(struct status_store *s);
/* What it is kept in: whether that is read, and how long calls may wait. NULL for NULL. */
struct compacted_topic *status_store_topic(struct status_store *s);

/* "RUNNING", static. */
const char *status_store_word(enum status_store_state state);

/* task STATUS_STORE_CONNECTOR: the connector itself. trace may be NULL. */
void status_store_set(struct status_store *s, const char *connector, int task,
                      enum status_store_state state, const char *trace);
void status_store_remove(struct status_store *s, const char *connector, int task);
/* Everything of a connector: its own state, tasks, topics. */
void status_store_remove_all(struct status_store *s, const char *connector);

/* A copy (status_store_entry_deinit); false when there is none. */
bool status_store_get(struct status_store *s, const char *connector, int task,
                      struct status_store_entry *out_entry);
void status_store_entry_deinit(struct status_store_entry *entry);
/* Ids of the tasks that have a state, ascending (mem_free). */
enum err_code status_store_tasks(struct status_store *s, const char *connector, int **out_ids,
                                 size_t *out_count, struct err *e);

/* How many tasks are in the state. */
size_t status_store_count_tasks(struct status_store *s, enum status_store_state state);

/* Notes that the task has written to a topic; the first time only costs anything. */
void status_store_add_topic(struct status_store *s, const char *connector, int task,
                            const char *topic, int64_t now_ms);
void status_store_reset_topics(struct status_store *s, const char *connector);
/* Appends ["a","b"]. */
void status_store_write_topics(struct status_store *s, const char *connector, struct buf *out);
