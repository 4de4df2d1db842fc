/*
 * The config topic (_connect-configs) as a table of connectors. It is the truth that every worker
 * of a group follows, so nothing changes here but by reading the topic; writes wait until they have
 * been read back.
 *
 * Task configs become visible with the commit record behind them, and only when all of them are
 * there; otherwise the connector is inconsistent and its tasks must not run.
 *
 * Threads: reads from any; writes from the herder only. on_change comes from the reader thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/client_config.h"
#include "client/compacted_topic.h"
#include "common/err.h"
#include "connect/store/connector_state.h"

struct config_store;
struct logger;

struct config_store_config {
    const struct client_config *client;
    const char *topic;
    int replication_factor;
    /* Something has changed (or everything is read): look again. Any thread's lock may not be held
     * by what it does. */
    void (*on_change)(void *ctx);
    /* Another worker, or this one, asked for a restart. */
    void (*on_restart)(void *ctx, const char *connector, bool include_tasks, bool only_failed);
    void *ctx;
    struct logger *lg;
};

enum err_code config_store_open(const struct config_store_config *config,
                                struct config_store **out_store, struct err *e);
void config_store_close(struct config_store *s);
/* What it is kept in: whether that is read, and how long calls may wait. NULL for NULL. */
struct compacted_topic *config_store_topic(struct config_store *s);

/* A reference, or NULL when there is no such connector. */
const struct connector_state *config_store_get(struct config_store *s, const char *name);
/* In name order. */
enum err_code config_store_list(struct config_store *s, struct connector_state_list *out_list,
                                struct err *e);

/* target < 0: the target state stays (or is STARTED for a new connector). */
enum err_code config_store_put_connector(struct config_store *s, const char *name,
                                         const struct connect_config *config, int target,
                                         struct err *e);
enum err_code config_store_put_target(struct config_store *s, const char *name,
                                      enum connector_state_target target, struct err *e);
/* The whole set, with its commit. */
enum err_code config_store_put_tasks(struct config_store *s, const char *name,
                                     const struct connect_config_set *tasks, struct err *e);
enum err_code config_store_delete(struct config_store *s, const char *name, struct err *e);
