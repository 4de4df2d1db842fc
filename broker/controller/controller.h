/*
 * The controller: the only thing that changes cluster state (topics, their configs, broker configs,
 * producer-id blocks). Every change is a command: checked against the state, appended to the
 * command log with one fsync, applied to the state (cluster_state.h, pure), carried out on disk
 * (partition directories), published as a new view, and only then reported to whoever asked. What a
 * crash between two of these steps leaves behind is put right at the next start.
 *
 * Threads: one controller thread does all of that. Asking never blocks: it takes a short lock and
 * puts the operation on a bounded queue; `done` then runs on the controller thread. Readers take
 * the current view, which never changes.
 *
 * Error codes in results are Kafka's, 0 = none; messages are for the user.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/controller/config_def.h"
#include "common/bytes.h"
#include "common/err.h"

struct clock;
struct log_dir;
struct logger;
struct partition;

#define CONTROLLER_ID_SIZE 16      /* a topic id (UUID) */
#define CONTROLLER_MESSAGE_MAX 320 /* an error message, with its terminator */

/* Key and value of one config entry; value null = "unset" where a caller may say so. */
struct controller_config {
    struct bytes key;
    struct bytes value;
};

struct controller_settings {
    const char *data_dir; /* the command log lives in <data_dir>/controller/ */
    int32_t node_id;      /* refused if the directory belongs to another node */
    /* 22 characters of base64url; NULL = keep the stored one, or invent one at first start. Another
     * one than the stored is refused. */
    const char *cluster_id;
    struct log_dir *log_dir; /* outlives the controller; NULL = state only, no partitions (tests) */
    const struct clock *clock;
    struct logger *logger;
    /* Static broker configs of the file and the flags, such as num.partitions (node_config.h);
     * copied. Unknown keys and bad values are an error at open. */
    const struct controller_config *static_configs;
    size_t static_config_count;
    size_t snapshot_bytes; /* snapshot when the command log is longer; 0 = 1 MiB */
};

struct controller;

/* Reads snapshot and command log, brings the partition directories in line (creates missing ones,
 * removes those that no topic owns) and opens every partition. */
ERR_MUST_CHECK enum err_code controller_open(const struct controller_settings *settings,
                                             struct controller **out_controller, struct err *e);
/* Finishes what is queued, stops the thread. Views must be released by then. The log_dir stays the
 * caller's. NULL is fine. */
void controller_close(struct controller *c);

/* 22 characters, valid as long as the controller. */
const char *controller_cluster_id(const struct controller *c);
int32_t controller_node_id(const struct controller *c);

/* ---- Views: the state at one moment, immutable, reference-counted. ---- */

struct topic {
    struct bytes name; /* NUL-terminated too */
    uint8_t id[CONTROLLER_ID_SIZE];
    bool internal; /* __consumer_offsets, __transaction_state */
    int32_t partition_count;
    struct partition *
        *partitions; /* [partition_count]; an entry is NULL when its directory failed */
    /* Only what was set on the topic, sorted by key. */
    const struct controller_config *configs;
    size_t config_count;
};

struct controller_view;

/* Any thread, cheap (a short lock and a count). Take one per request, not one per partition: the
 * partitions of a deleted topic live until its last view is gone. */
struct controller_view *controller_view_acquire(struct controller *c);
void controller_view_release(struct controller_view *view);
/* NULL when there is none. Hash look-ups without a lock. */
const struct topic *controller_view_topic(const struct controller_view *view, struct bytes name);
const struct topic *controller_view_topic_by_id(const struct controller_view *view,
                                                const uint8_t id[CONTROLLER_ID_SIZE]);
/* All topics, sorted by name. */
size_t controller_view_topic_count(const struct controller_view *view);
const struct topic *controller_view_topic_at(const struct controller_view *view, size_t index);
/* NULL outside 0..partition_count-1 and for a partition whose storage failed. */
struct partition *topic_partition(const struct topic *t, int32_t index);
/* Dynamic broker configs, sorted by key: of this node, or cluster-wide defaults. */
const struct controller_config *controller_view_node_configs(const struct controller_view *view,
                                                             bool cluster_default,
                                                             size_t *out_count);
/* The value in force of a broker key and where it comes from (enum config_source; NULL = do not
 * care): dynamic of this node, dynamic default, static, built-in. NUL-terminated; null only when
 * the key is unknown or has no default. */
struct bytes controller_view_node_config(const struct controller_view *view, const char *key,
                                         enum config_source *out_source);
/* What one source says, null when it says nothing. */
struct bytes controller_view_node_config_at(const struct controller_view *view, const char *key,
                                            enum config_source source);
/* The value in force as a number; the key must be one of node_config.h with a numeric type. */
int64_t controller_view_node_number(const struct controller_view *view, const char *key);

/* ---- Changes. Arrays and what they point to stay valid until done; results are in them then. ----
 */

/* Runs on the controller thread, once; closing finishes what was accepted. */
typedef void (*controller_done_fn)(void *ctx);

struct controller_assignment {
    int32_t partition; /* ignored by controller_create_partitions: the order counts */
    const int32_t *brokers;
    int32_t broker_count;
};

struct controller_create_topic {
    struct bytes name;
    int32_t partition_count;    /* -1 = num.partitions, or given by assignments */
    int16_t replication_factor; /* -1 = default.replication.factor */
    const struct controller_assignment *assignments;
    int32_t assignment_count; /* 0 = let the broker assign */
    const struct controller_config *configs;
    size_t config_count;
    /* Results. id stays zero on failure and for validate_only. */
    int16_t error;
    char message[CONTROLLER_MESSAGE_MAX];
    uint8_t id[CONTROLLER_ID_SIZE];
    int32_t result_partition_count;
};

/* ERR_UNAVAILABLE when the queue is full or the controller is closing: done is not called then. The
 * same for every change below. */
ERR_MUST_CHECK enum err_code controller_create_topics(struct controller *c,
                                                      struct controller_create_topic *topics,
                                                      size_t count, bool validate_only,
                                                      controller_done_fn done, void *ctx);

struct controller_delete_topic {
    struct bytes name; /* null = by id */
    uint8_t id[CONTROLLER_ID_SIZE];
    int16_t error;
    char message[CONTROLLER_MESSAGE_MAX];
};

ERR_MUST_CHECK enum err_code controller_delete_topics(struct controller *c,
                                                      struct controller_delete_topic *topics,
                                                      size_t count, controller_done_fn done,
                                                      void *ctx);

struct controller_create_partitions {
    struct bytes name;
    int32_t partition_count; /* the new total */
    const struct controller_assignment *assignments;
    int32_t assignment_count; /* 0 = let the broker assign */
    int16_t error;
    char message[CONTROLLER_MESSAGE_MAX];
};

ERR_MUST_CHECK enum err_code
controller_create_partitions(struct controller *c, struct controller_create_partitions *topics,
                             size_t count, bool validate_only, controller_done_fn done, void *ctx);

enum controller_config_op {
    CONTROLLER_CONFIG_SET = 0,
    CONTROLLER_CONFIG_DELETE = 1,
    CONTROLLER_CONFIG_APPEND = 2,
    CONTROLLER_CONFIG_SUBTRACT = 3,
};

struct controller_config_change {
    struct bytes key;
    int8_t op; /* enum controller_config_op, as on the wire */
    struct bytes value;
};

enum controller_resource {
    CONTROLLER_RESOURCE_TOPIC = 2,
    CONTROLLER_RESOURCE_BROKER = 4,
};

struct controller_alter_configs {
    int8_t resource_type; /* enum controller_resource, as on the wire */
    struct bytes resource_name;
    const struct controller_config_change *changes;
    size_t change_count;
    bool replace_all; /* AlterConfigs: what is not among the changes reverts to its default */
    int16_t error;
    char message[CONTROLLER_MESSAGE_MAX];
};

ERR_MUST_CHECK enum err_code controller_alter_configs(struct controller *c,
                                                      struct controller_alter_configs *resources,
                                                      size_t count, bool validate_only,
                                                      controller_done_fn done, void *ctx);

struct controller_producer_id {
    int64_t id; /* never handed out before, also not before a crash */
    int16_t error;
};

/* Answers from the block at hand (done may run before this returns, on the calling thread), or
 * after a new block of 1000 is in the log. */
ERR_MUST_CHECK enum err_code controller_next_producer_id(struct controller *c,
                                                         struct controller_producer_id *out_id,
                                                         controller_done_fn done, void *ctx);

/* Runs on the controller thread after a topic is gone from the view: the group coordinator drops
 * its offsets. One listener; set it before requests come in. */
typedef void (*controller_topic_deleted_fn)(void *ctx, struct bytes name);
void controller_on_topic_deleted(struct controller *c, controller_topic_deleted_fn fn, void *ctx);
