/*
 * What connectors, tasks and REST handlers of one worker share: set up before any of them starts,
 * unchanged until all have ended.
 */
#pragma once

#include <stdint.h>

#include "client/client_config.h"
#include "common/clock.h"
#include "connect/include/connect_config.h"
#include "connect/plugin_list.h"
#include "connect/runtime/client_overrides.h"

struct config_resolver;
struct config_store;
struct logger;
struct metric;
struct offset_store;
struct status_store;

struct worker_context {
    const struct plugin_list *plugins;
    const struct connect_config *defaults;  /* key.converter, value.converter.x, ... */
    const struct config_resolver *resolver; /* ${file:...} in configs; NULL: nothing is resolved */
    const struct client_config *client;     /* bootstrap servers and security of the worker */
    const struct client_config *producer;   /* bootstrap servers and the worker's producer.* */
    const struct client_config *admin;      /* the same with admin.*: makes topics for tasks */
    struct config_store *configs;
    struct offset_store *offsets;
    struct status_store *statuses;
    const struct clock *clock;
    struct logger *lg;
    const char *worker_id; /* host:port as others reach it */
    int64_t offset_flush_interval_ms;
    int offset_flush_timeout_ms;
    int64_t task_shutdown_timeout_ms;
    enum client_overrides_policy override_policy;
    bool topic_creation_enable;
    bool topic_tracking_enable;
    struct metric *records_polled;
    struct metric *records_produced;
    struct metric *records_failed;
    struct metric *records_skipped;
    /* Something ended or has news: the herder looks at everything again. Any thread, any lock. */
    void (*wake_herder)(void *ctx);
    void *ctx;
};
