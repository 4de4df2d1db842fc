/*
 * A Kafka Connect worker: REST interface, internal topics, connectors and tasks, in one process.
 *
 *     struct connect_worker_config config;
 *     connect_worker_config_init(&config);
 *     config.bootstrap_servers = "127.0.0.1:9092";
 *     config.plugins = my_plugins;
 *     connect_worker_start(&config, lg, metrics, &worker, &e);
 *
 * No broker needs to be there: the REST port opens at once, says 503 on /health, and everything
 * else waits until the internal topics have been read. A worker runs all connectors of its group
 * alone; a second one with the same group would run them again (no group protocol yet).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "connect/include/connect_plugin.h"

struct logger;
struct metrics;
struct connect_worker;

struct connect_worker_property {
    const char *key; /* NULL ends the list */
    const char *value;
};

struct connect_worker_config {
    const char *bootstrap_servers;
    const char *host;            /* NULL = 127.0.0.1 */
    uint16_t port;               /* 0 = any free one */
    const char *advertised_host; /* NULL = host; what worker_id shows */
    uint16_t advertised_port;    /* 0 = the one listened on */
    const char *group_id;
    const char *config_topic;
    const char *offset_topic;
    const char *status_topic;
    int replication_factor; /* of the three topics; -1 = the cluster's default */
    const char *key_converter;
    const char *value_converter;
    const char *header_converter;
    int64_t offset_flush_interval_ms;
    int offset_flush_timeout_ms;
    int64_t task_shutdown_timeout_ms;
    bool topic_creation_enable;
    bool topic_tracking_enable;
    bool topic_tracking_allow_reset;
    /* More of the originals' worker properties, or NULL: key.converter*, value.converter*,
     * header.converter*, producer.*, admin.*, config.providers*,
     * connector.client.config.override.policy, top-level client settings
     * (security.protocol, sasl.*, ssl.*), and those of worker_properties.c, which go over the
     * members above. Others are logged and ignored. */
    const struct connect_worker_property *properties;
    /* A file of such properties, as connect-distributed.sh takes it, or NULL. Goes over the above.
     */
    const char *properties_file;
    /* Connectors; NULL-terminated. Converters and transforms are built in. */
    const struct connect_plugin *const *plugins;
};

/* The defaults of the reference: group kafka-connect, topics _connect-*, StringConverter. */
void connect_worker_config_init(struct connect_worker_config *config);
/* Copies what it needs of config (not the plug-ins). lg, metrics (may be NULL) and plugins outlive
 * the worker. */
enum err_code connect_worker_start(const struct connect_worker_config *config, struct logger *lg,
                                   struct metrics *metrics, struct connect_worker **out_worker,
                                   struct err *e);
uint16_t connect_worker_port(const struct connect_worker *w);
/* Waits until the internal topics have been read; ERR_TIMEOUT, or why it cannot be. */
enum err_code connect_worker_wait_ready(struct connect_worker *w, int timeout_ms, struct err *e);
/* Stops tasks (flushing and committing offsets) and connectors, closes the port, frees all. */
void connect_worker_stop(struct connect_worker *w);
