/*
 * The broker: a Kafka server on one data directory. broker_start returns when the port answers;
 * broker_stop when everything is on disk and every thread has ended. Nothing in here is global: a
 * process may run several brokers on several directories.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct broker;
struct controller;
struct groups;
struct log_dir;
struct logger;
struct metrics;

struct broker_config {
    const char *data_dir;
    const char
        *host;     /* address to listen on: NULL = 127.0.0.1, "0.0.0.0" = all, "::" = all of IPv6 */
    uint16_t port; /* 0 = any; see broker_port */
    const char *advertised_host; /* what clients are told; NULL = host, or localhost for "all" */
    uint16_t advertised_port;    /* 0 = the port listened on */
    int32_t node_id; /* kept in the data directory; another id on an old one is refused */
    int io_threads;  /* 0 = one per processor, at most 8 */
    int32_t default_partitions; /* num.partitions */
    bool auto_create_topics;    /* auto.create.topics.enable */
    int32_t max_connections;
    int64_t idle_timeout_ms;            /* connections.max.idle.ms */
    int64_t initial_rebalance_delay_ms; /* group.initial.rebalance.delay.ms */
    int64_t request_max_bytes;          /* socket.request.max.bytes */
    int64_t fetch_max_bytes;            /* fetch.max.bytes */
    int64_t retention_interval_ms;      /* log.retention.check.interval.ms */
    int64_t compaction_interval_ms;     /* log.cleaner.backoff.ms */
    int64_t offsets_retention_minutes;  /* offsets.retention.minutes */
    int64_t offsets_interval_ms;        /* offsets.retention.check.interval.ms */
};

/* Kafka's defaults; set data_dir and what else differs. */
void broker_config_init(struct broker_config *config);

/* Copies the config. The logger and metrics (NULL = none) must outlive the broker. */
ERR_MUST_CHECK enum err_code broker_start(const struct broker_config *config, struct logger *logger,
                                          struct metrics *metrics, struct broker **out_broker,
                                          struct err *e);
uint16_t broker_port(const struct broker *b);
/* Clean: no new requests, answers what can be answered, flushes, marks the directory as clean. NULL
 * is fine. */
void broker_stop(struct broker *b);

/* For the handlers. */
const struct broker_config *broker_get_config(const struct broker *b);
struct logger *broker_logger(const struct broker *b);
struct log_dir *broker_log_dir(const struct broker *b);
struct controller *broker_controller(const struct broker *b);
struct groups *broker_groups(const struct broker *b);
/* 22 characters of base64url, never changes for a data directory. */
const char *broker_cluster_id(const struct broker *b);
const char *broker_advertised_host(const struct broker *b);
uint16_t broker_advertised_port(const struct broker *b);
