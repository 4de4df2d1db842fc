/*
 * What the parts ask of a cluster beside reading and writing: create a topic, look at its
 * partitions and settings. Each call waits for its answer up to timeout_ms; a broker that is away
 * gives ERR_UNAVAILABLE or ERR_TIMEOUT, and the caller retries. Any thread.
 */
#pragma once

#include <stdint.h>

#include "client/client_config.h"
#include "common/err.h"

struct client_admin;
struct logger;

/* config is not kept. lg must outlive the object. */
enum err_code client_admin_open(const struct client_config *config, struct logger *lg,
                                struct client_admin **out_admin, struct err *e);
/* On a handle that stays the caller's and outlives the object. */
enum err_code client_admin_borrow(rd_kafka_t *rk, struct client_admin **out_admin, struct err *e);
void client_admin_close(struct client_admin *a);

struct client_admin_topic {
    const char *name;
    int partitions;         /* -1: the cluster's default */
    int replication_factor; /* -1: the cluster's default */
    const struct client_config_entry *configs;
    size_t config_count;
};

/* ERR_EXISTS when it is there. */
enum err_code client_admin_create_topic(struct client_admin *a,
                                        const struct client_admin_topic *topic, int timeout_ms,
                                        struct err *e);
/* ERR_NOT_FOUND when there is no such topic. Never creates it. */
enum err_code client_admin_count_partitions(struct client_admin *a, const char *topic,
                                            int timeout_ms, int *out_count, struct err *e);
/* The effective value of a topic's setting (mem_free). ERR_NOT_FOUND for topic or key. */
enum err_code client_admin_topic_config(struct client_admin *a, const char *topic, const char *key,
                                        int timeout_ms, char **out_value, struct err *e);
/* mem_free. */
enum err_code client_admin_cluster_id(struct client_admin *a, int timeout_ms, char **out_id,
                                      struct err *e);
