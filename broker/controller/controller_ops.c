/* Topics, partitions and producer ids; configs are in controller_ops_config.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/controller/controller_internal.h"
#include "broker/controller/controller_ops_config.h"
#include "broker/controller/topic_config.h"
#include "broker/controller/topic_storage.h"
#include "broker/storage/partition.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "protocol/kafka_error.h"

#define PRODUCER_ID_BLOCK 1000
/* As Kafka: what one request may ask for. */
#define PARTITIONS_PER_CHANGE_MAX 10000

static int16_t refuse(char *message, int16_t error, const char *text)
{
    (void)snprintf(message, CONTROLLER_MESSAGE_MAX, "%s", text);
    return error;
}

static int16_t storage_error(char *message, const struct err *e)
{
    (void)snprintf(message, CONTROLLER_MESSAGE_MAX, "%.*s", CONTROLLER_MESSAGE_MAX - 1, e->text);
    return e->code == ERR_NOMEM ? KAFKA_ERROR_UNKNOWN_SERVER_ERROR
                                : KAFKA_ERROR_KAFKA_STORAGE_ERROR;
}

enum err_code controller_ops_commit(struct controller *c, const struct cluster_command *commands,
                                    size_t count, struct err *e)
{
    struct buf *frame = command_log_begin(&c->log);
    for (size_t i = 0; i < count; i++) {
        cluster_command_encode(&commands[i], frame);
    }
    enum err_code code = command_log_append(&c->log, (uint32_t)count, e);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = cluster_state_apply(&c->state, &commands[i], e);
        if (code != ERR_OK) {
            /* Durable but not in memory (out of memory, or our bug): nothing more may follow it. */
            c->log.failed = true;
        }
    }
    return code;
}

enum err_code controller_ops_publish(struct controller *c, struct err *e)
{
    struct controller_view *view = controller_view_create(&c->state, &c->statics);
    if (view == NULL) {
        return err_nomem(e, "cluster view");
    }
    lock_acquire(&c->lock);
    struct controller_view *old = c->view;
    c->view = view;
    lock_release(&c->lock);
    controller_view_release(old);
    return ERR_OK;
}

static void publish_or_log(struct controller *c)
{
    struct err e;
    if (controller_ops_publish(c, &e) != ERR_OK) {
        logger_error(c->logger, "controller.publish_failed",
                     "error=\"%s\" next=\"shown with the next change\"", e.text);
    }
}

/* ---- create topics ---- */

static int16_t check_assignment(const struct controller *c, const struct controller_assignment *a,
                                char *message)
{
    if (a->broker_count == 0) {
        return refuse(message, KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                      "The manual partition assignment includes an empty replica list.");
    }
    for (int32_t i = 0; i < a->broker_count; i++) {
        for (int32_t k = 0; k < i; k++) {
            if (a->brokers[i] == a->brokers[k]) {
                (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                               "The manual partition assignment includes the broker %" PRId32
                               " more than once.",
                               a->brokers[i]);
                return KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
            }
        }
        if (a->brokers[i] != c->node_id) {
            (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                           "The manual partition assignment includes broker %" PRId32
                           ", but no such broker is registered.",
                           a->brokers[i]);
            return KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
        }
    }
    return KAFKA_ERROR_NONE;
}

/* Every id of 0..count-1 exactly once. */
static int16_t check_assignment_ids(const struct controller_create_topic *t, char *message)
{
    if (t->assignment_count > PARTITIONS_PER_CHANGE_MAX) {
        return refuse(message, KAFKA_ERROR_POLICY_VIOLATION,
                      "Excessively large number of partitions per request.");
    }
    bool *seen = mem_calloc((size_t)t->assignment_count, sizeof *seen);
    if (seen == NULL) {
        return refuse(message, KAFKA_ERROR_UNKNOWN_SERVER_ERROR, "out of memory");
    }
    int16_t error = KAFKA_ERROR_NONE;
    for (int32_t i = 0; i < t->assignment_count && error == KAFKA_ERROR_NONE; i++) {
        int32_t id = t->assignments[i].partition;
        if (id < 0 || id >= t->assignment_count) {
            error = refuse(message, KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                           "partitions should be a consecutive 0-based integer sequence");
        } else if (seen[id]) {
            (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                           "Found multiple manual partition assignments for partition %" PRId32,
                           id);
            error = KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
        } else {
            seen[id] = true;
        }
    }
    mem_free(seen);
    return error;
}

static int16_t check_manual(const struct controller *c, const struct controller_create_topic *t,
                            char *message)
{
    if (t->replication_factor != -1) {
        return refuse(message, KAFKA_ERROR_INVALID_REQUEST,
                      "A manual partition assignment was specified, but replication factor was "
                      "not set to -1.");
    }
    if (t->partition_count != -1) {
        return refuse(message, KAFKA_ERROR_INVALID_REQUEST,
                      "A manual partition assignment was specified, but numPartitions was not set "
                      "to -1.");
    }
    int16_t error = check_assignment_ids(t, message);
    for (int32_t i = 0; i < t->assignment_count && error == KAFKA_ERROR_NONE; i++) {
        error = check_assignment(c, &t->assignments[i], message);
        if (error == KAFKA_ERROR_NONE &&
            t->assignments[i].broker_count != t->assignments[0].broker_count) {
            error = refuse(message, KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT,
                           "The manual partition assignment gives the partitions different "
                           "numbers of replicas.");
        }
    }
    return error;
}

static int16_t check_counts(const struct controller *c, struct controller_create_topic *t,
                            char *message)
{
    if (t->assignment_count > 0) {
        t->result_partition_count = t->assignment_count;
        return check_manual(c, t, message);
    }
    if (t->partition_count == 0 || t->partition_count < -1) {
        return refuse(message, KAFKA_ERROR_INVALID_PARTITIONS,
                      "Number of partitions was set to an invalid non-positive value.");
    }
    if (t->replication_factor == 0 || t->replication_factor < -1) {
        return refuse(message, KAFKA_ERROR_INVALID_REPLICATION_FACTOR,
                      "Replication factor was set to an invalid non-positive value.");
    }
    int64_t factor = t->replication_factor != -1
                         ? t->replication_factor
                         : controller_view_node_number(c->view, "default.replication.factor");
    if (factor > 1) {
        (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                       "Unable to replicate the partition %" PRId64
                       " time(s): The target replication factor of %" PRId64
                       " cannot be reached because only 1 broker(s) are registered.",
                       factor, factor);
        return KAFKA_ERROR_INVALID_REPLICATION_FACTOR;
    }
    t->result_partition_count =
        t->partition_count != -1 ? t->partition_count
                                 : (int32_t)controller_view_node_number(c->view, "num.partitions");
    if (t->result_partition_count > PARTITIONS_PER_CHANGE_MAX) {
        return refuse(message, KAFKA_ERROR_POLICY_VIOLATION,
                      "Excessively large number of partitions per request.");
    }
    return KAFKA_ERROR_NONE;
}

static int16_t check_create(const struct controller *c, struct controller_create_topic *t,
                            char *message)
{
    int16_t error = topic_config_check_name(t->name, message, CONTROLLER_MESSAGE_MAX);
    if (error != KAFKA_ERROR_NONE) {
        return error;
    }
    int len = (int)t->name.len;
    const char *name = (const char *)t->name.data;
    if (cluster_state_find(&c->state, t->name) != NULL) {
        (void)snprintf(message, CONTROLLER_MESSAGE_MAX, "Topic '%.*s' already exists.", len, name);
        return KAFKA_ERROR_TOPIC_ALREADY_EXISTS;
    }
    const struct cluster_topic *other = cluster_state_find_collision(&c->state, t->name);
    if (other != NULL) {
        (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                       "Topic '%.*s' collides with existing topic: %.60s", len > 60 ? 60 : len,
                       name, (const char *)other->name.data);
        return KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    }
    error = check_counts(c, t, message);
    return error != KAFKA_ERROR_NONE
               ? error
               : topic_config_check(t->configs, t->config_count, message, CONTROLLER_MESSAGE_MAX);
}

static enum err_code random_topic_id(uint8_t out_id[CONTROLLER_ID_SIZE], struct err *e)
{
    uint8_t id[CONTROLLER_ID_SIZE] = {0};
    if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id) {
        return err_set(e, ERR_IO, "no random bytes for a topic id");
    }
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40); /* version 4, variant 1: never one of the reserved */
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    /* A text form that begins with '-' looks like an option. */
    id[0] = (uint8_t)(id[0] & 0x7f);
    memcpy(out_id, id, sizeof id);
    return ERR_OK;
}

/* Directories first, then the command: a failure leaves no topic, a crash in between leaves strays
 * that the next start removes. */
static enum err_code create_topic(struct controller *c, struct controller_create_topic *request,
                                  struct err *e)
{
    uint8_t id[CONTROLLER_ID_SIZE] = {0};
    if (random_topic_id(id, e) != ERR_OK) {
        return e->code;
    }
    struct cluster_topic shape = {
        .name = request->name,
        .partition_count = request->result_partition_count,
        .configs = {.entries = (struct controller_config *)(uintptr_t)request->configs,
                    .count = request->config_count}};
    memcpy(shape.id, id, sizeof id);
    struct topic *t = controller_view_create_topic(&shape);
    if (t == NULL) {
        return err_nomem(e, "topic");
    }
    enum err_code code = topic_storage_create(c->log_dir, c->view, t, 0, e);
    if (code == ERR_OK) {
        struct cluster_command command = {.type = CLUSTER_COMMAND_CREATE_TOPIC,
                                          .name = request->name,
                                          .partition_count = request->result_partition_count,
                                          .configs = request->configs,
                                          .config_count = request->config_count};
        memcpy(command.topic_id, id, sizeof id);
        code = controller_ops_commit(c, &command, 1, e);
        if (code != ERR_OK) {
            topic_storage_delete(c->log_dir, t, 0, c->logger);
        }
    }
    if (code != ERR_OK) {
        controller_view_unref_topic(t);
        return code;
    }
    cluster_state_find(&c->state, request->name)->owner_data = t;
    memcpy(request->id, id, sizeof id);
    logger_info(c->logger, "topic.created", "topic=%s partitions=%" PRId32,
                (const char *)t->name.data, t->partition_count);
    return ERR_OK;
}

/* Clients ask again and again for a topic that is to be created for them. */
static void log_create_failure(struct controller *c, struct bytes topic, const char *why)
{
    uint64_t held_back = 0;
    if (event_limit_pass(&c->create_failures, clock_mono_ms(c->clock), &held_back)) {
        logger_error(c->logger, "topic.create_failed", "topic=%.*s error=\"%s\" before=%" PRIu64,
                     (int)topic.len, (const char *)topic.data, why, held_back);
    }
}

static void run_create_topics(struct controller *c, struct controller_op *op)
{
    struct controller_create_topic *topics = op->items;
    int64_t budget = PARTITIONS_PER_CHANGE_MAX;
    bool changed = false;
    for (size_t i = 0; i < op->count; i++) {
        struct controller_create_topic *t = &topics[i];
        t->error = check_create(c, t, t->message);
        if (t->error == KAFKA_ERROR_NONE && t->result_partition_count > budget) {
            t->error = refuse(t->message, KAFKA_ERROR_POLICY_VIOLATION,
                              "Excessively large number of partitions per request.");
        }
        if (t->error != KAFKA_ERROR_NONE || op->validate_only) {
            continue;
        }
        struct err e;
        if (create_topic(c, t, &e) != ERR_OK) {
            t->error = storage_error(t->message, &e);
            log_create_failure(c, t->name, e.text);
            continue;
        }
        budget -= t->result_partition_count;
        changed = true;
    }
    if (changed) {
        publish_or_log(c);
    }
}

/* ---- delete topics ---- */

static int16_t delete_topic(struct controller *c, struct cluster_topic *t, char *message)
{
    struct topic *shown = t->owner_data;
    struct cluster_command command = {.type = CLUSTER_COMMAND_DELETE_TOPIC, .name = shown->name};
    t->owner_data = NULL; /* the state drops the topic, we drop what readers see */
    struct err e;
    if (controller_ops_commit(c, &command, 1, &e) != ERR_OK) {
        t->owner_data = shown;
        return storage_error(message, &e);
    }
    publish_or_log(c);
    topic_storage_delete(c->log_dir, shown, 0, c->logger);
    logger_info(c->logger, "topic.deleted", "topic=%s", (const char *)shown->name.data);
    lock_acquire(&c->lock);
    controller_topic_deleted_fn fn = c->topic_deleted;
    void *ctx = c->topic_deleted_ctx;
    lock_release(&c->lock);
    if (fn != NULL) {
        fn(ctx, shown->name);
    }
    controller_view_unref_topic(shown);
    return KAFKA_ERROR_NONE;
}

static void run_delete_topics(struct controller *c, struct controller_op *op)
{
    struct controller_delete_topic *topics = op->items;
    bool enabled = controller_view_node_number(c->view, "delete.topic.enable") != 0;
    for (size_t i = 0; i < op->count; i++) {
        struct controller_delete_topic *d = &topics[i];
        bool by_id = bytes_is_null(d->name);
        struct cluster_topic *t = by_id ? cluster_state_find_id(&c->state, d->id)
                                        : cluster_state_find(&c->state, d->name);
        if (!enabled) {
            d->error = refuse(d->message, KAFKA_ERROR_TOPIC_DELETION_DISABLED,
                              "Topic deletion is disabled (delete.topic.enable=false).");
        } else if (t == NULL) {
            d->error = by_id ? refuse(d->message, KAFKA_ERROR_UNKNOWN_TOPIC_ID,
                                      "This server does not host this topic ID.")
                             : refuse(d->message, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                                      "This server does not host this topic-partition.");
        } else if (topic_config_is_internal(t->name)) {
            d->error = refuse(d->message, KAFKA_ERROR_INVALID_TOPIC_EXCEPTION,
                              "This topic is the broker's own and cannot be deleted.");
        } else {
            d->error = delete_topic(c, t, d->message);
        }
    }
}

/* ---- add partitions ---- */

static int16_t check_add(const struct controller *c, const struct cluster_topic *t,
                         const struct controller_create_partitions *p, char *message)
{
    if (t == NULL) {
        return refuse(message, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                      "This server does not host this topic-partition.");
    }
    if (p->partition_count == t->partition_count) {
        (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                       "Topic already has %" PRId32 " partition(s).", t->partition_count);
        return KAFKA_ERROR_INVALID_PARTITIONS;
    }
    if (p->partition_count < t->partition_count) {
        (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                       "The topic %.100s currently has %" PRId32 " partition(s); %" PRId32
                       " would not be an increase.",
                       (const char *)t->name.data, t->partition_count, p->partition_count);
        return KAFKA_ERROR_INVALID_PARTITIONS;
    }
    int32_t added = p->partition_count - t->partition_count;
    if (added > PARTITIONS_PER_CHANGE_MAX) {
        return refuse(message, KAFKA_ERROR_POLICY_VIOLATION,
                      "Excessively large number of partitions per request.");
    }
    if (p->assignment_count > 0 && p->assignment_count != added) {
        (void)snprintf(message, CONTROLLER_MESSAGE_MAX,
                       "Attempted to add %" PRId32 " additional partition(s), but %" PRId32
                       " assignment(s) were specified.",
                       added, p->assignment_count);
        return KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
    }
    int16_t error = KAFKA_ERROR_NONE;
    for (int32_t i = 0; i < p->assignment_count && error == KAFKA_ERROR_NONE; i++) {
        error = check_assignment(c, &p->assignments[i], message);
    }
    return error;
}

/* The same topic with more partitions: what readers see is replaced, the old ones stay open. */
static enum err_code add_partitions(struct controller *c, struct cluster_topic *t, int32_t total,
                                    struct err *e)
{
    struct topic *old = t->owner_data;
    int32_t from = t->partition_count;
    struct cluster_topic shape = *t;
    shape.partition_count = total;
    struct topic *grown = controller_view_create_topic(&shape);
    if (grown == NULL) {
        return err_nomem(e, "topic");
    }
    enum err_code code = topic_storage_create(c->log_dir, c->view, grown, from, e);
    if (code == ERR_OK) {
        struct cluster_command command = {
            .type = CLUSTER_COMMAND_ADD_PARTITIONS, .name = t->name, .partition_count = total};
        code = controller_ops_commit(c, &command, 1, e);
        if (code != ERR_OK) {
            topic_storage_delete(c->log_dir, grown, from, c->logger);
        }
    }
    if (code != ERR_OK) {
        controller_view_unref_topic(grown);
        return code;
    }
    for (int32_t i = 0; i < from; i++) {
        grown->partitions[i] =
            old->partitions[i] == NULL ? NULL : partition_ref(old->partitions[i]);
    }
    t->owner_data = grown;
    controller_view_unref_topic(old);
    logger_info(c->logger, "topic.partitions_added", "topic=%s partitions=%" PRId32,
                (const char *)grown->name.data, total);
    return ERR_OK;
}

static void run_create_partitions(struct controller *c, struct controller_op *op)
{
    struct controller_create_partitions *topics = op->items;
    bool changed = false;
    for (size_t i = 0; i < op->count; i++) {
        struct controller_create_partitions *p = &topics[i];
        struct cluster_topic *t = cluster_state_find(&c->state, p->name);
        p->error = check_add(c, t, p, p->message);
        if (p->error != KAFKA_ERROR_NONE || op->validate_only) {
            continue;
        }
        struct err e;
        if (add_partitions(c, t, p->partition_count, &e) == ERR_OK) {
            changed = true;
        } else {
            p->error = storage_error(p->message, &e);
        }
    }
    if (changed) {
        publish_or_log(c);
    }
}

/* ---- producer ids ---- */

static void run_producer_id(struct controller *c, struct controller_producer_id *p)
{
    lock_acquire(&c->lock);
    bool at_hand = c->producer_id_next < c->producer_id_end;
    if (at_hand) {
        p->id = c->producer_id_next++;
    }
    lock_release(&c->lock);
    if (at_hand) {
        p->error = KAFKA_ERROR_NONE;
        return;
    }
    int64_t first = c->state.next_producer_id;
    struct cluster_command command = {.type = CLUSTER_COMMAND_PRODUCER_IDS,
                                      .next_producer_id = first + PRODUCER_ID_BLOCK};
    struct err e;
    if (controller_ops_commit(c, &command, 1, &e) != ERR_OK) {
        logger_error(c->logger, "producer_ids.failed", "error=\"%s\"", e.text);
        p->error = KAFKA_ERROR_KAFKA_STORAGE_ERROR;
        return;
    }
    p->id = first;
    p->error = KAFKA_ERROR_NONE;
    lock_acquire(&c->lock);
    c->producer_id_next = first + 1;
    c->producer_id_end = first + PRODUCER_ID_BLOCK;
    lock_release(&c->lock);
}

/* ---- all ---- */

void controller_ops_run(struct controller *c, struct controller_op *op)
{
    switch (op->kind) {
    case CONTROLLER_OP_CREATE_TOPICS:
        run_create_topics(c, op);
        break;
    case CONTROLLER_OP_DELETE_TOPICS:
        run_delete_topics(c, op);
        break;
    case CONTROLLER_OP_CREATE_PARTITIONS:
        run_create_partitions(c, op);
        break;
    case CONTROLLER_OP_ALTER_CONFIGS:
        if (controller_ops_config_run(c, op)) {
            publish_or_log(c);
        }
        break;
    case CONTROLLER_OP_PRODUCER_ID:
        run_producer_id(c, op->items);
        break;
    }
    if (c->log.end > (int64_t)c->snapshot_bytes && !c->log.failed) {
        struct err e;
        if (command_log_snapshot(&c->log, &c->state, &e) != ERR_OK) {
            logger_warn(c->logger, "controller.snapshot_failed",
                        "error=\"%s\" next=\"the log grows; tried again after the next change\"",
                        e.text);
        }
    }
}
