#include "client/compacted_topic.h"

#include <stdio.h>
#include <string.h>

#include "client/client_admin.h"
#include "client/client_close.h"
#include "client/client_error.h"
#include "client/compacted_topic_internal.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"

#define PARTITIONS_MAX 10000
#define POLL_MS 100
#define REQUEST_TIMEOUT_MS 5000
/* Asked again and again while the cluster is away; closing the topic waits for one of these. */
#define LOOKUP_TIMEOUT_MS 2000
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 1000

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

static bool stopping(struct compacted_topic *t)
{
    return atomic_load(&t->stop);
}

static void set_state(struct compacted_topic *t, enum compacted_topic_state state,
                      const struct err *why)
{
    lock_acquire(&t->lock);
    t->state = state;
    t->problem = why != NULL ? *why : (struct err){.code = ERR_OK};
    cond_broadcast(&t->changed);
    lock_release(&t->lock);
    if (state == COMPACTED_TOPIC_FAILED) {
        logger_error(t->lg, "topic.unusable", "topic=%s error=\"%s\"", t->name, why->text);
    } else if (state == COMPACTED_TOPIC_LIVE) {
        logger_info(t->lg, "topic.read", "topic=%s partitions=%d", t->name, t->partition_count);
    }
    bool news = state == COMPACTED_TOPIC_FAILED || state == COMPACTED_TOPIC_LIVE;
    if (news && t->on_state != NULL) {
        t->on_state(t->ctx, state, why);
    }
}

static enum err_code check_policy(struct compacted_topic *t, struct client_admin *admin,
                                  struct err *e)
{
    char *policy = NULL;
    enum err_code code =
        client_admin_topic_config(admin, t->name, "cleanup.policy", REQUEST_TIMEOUT_MS, &policy, e);
    if (code == ERR_UNSUPPORTED || code == ERR_AUTH) {
        logger_warn(t->lg, "topic.policy_unknown",
                    "topic=%s must have cleanup.policy=compact, which could not be checked: %s",
                    t->name, e->text);
        return ERR_OK;
    }
    if (code == ERR_OK && strcmp(policy, "compact") != 0) {
        code = err_set(e, ERR_INVALID,
                       "Topic '%s' is required to have 'cleanup.policy=compact' to guarantee "
                       "consistency and durability of what is kept in it, but found the topic "
                       "currently has 'cleanup.policy=%s'",
                       t->name, policy);
    }
    mem_free(policy);
    return code;
}

static enum err_code create_topic(struct compacted_topic *t, struct client_admin *admin,
                                  struct err *e)
{
    const struct client_admin_topic topic = {
        .name = t->name,
        .partitions = t->partitions_wanted,
        .replication_factor = t->replication_factor,
        .configs = t->topic_configs.entries,
        .config_count = t->topic_configs.count,
    };
    enum err_code code = client_admin_create_topic(admin, &topic, REQUEST_TIMEOUT_MS, e);
    if (code == ERR_OK) {
        logger_info(t->lg, "topic.created", "topic=%s", t->name);
    }
    return code == ERR_EXISTS ? ERR_OK : code;
}

/* Everything before the first fetch; NOT_FOUND means "try again": a new topic needs a moment. */
static enum err_code prepare(struct compacted_topic *t, struct client_admin *admin, int *out_count,
                             struct err *e)
{
    enum err_code code =
        client_admin_count_partitions(admin, t->name, LOOKUP_TIMEOUT_MS, out_count, e);
    if (code == ERR_NOT_FOUND) {
        code = create_topic(t, admin, e);
        if (code != ERR_OK) {
            return code;
        }
        code = client_admin_count_partitions(admin, t->name, LOOKUP_TIMEOUT_MS, out_count, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (t->required_partitions > 0 && *out_count != t->required_partitions) {
        return err_set(e, ERR_INVALID, "topic %s must have %d partition(s), but has %d", t->name,
                       t->required_partitions, *out_count);
    }
    if (*out_count > PARTITIONS_MAX) {
        return err_set(e, ERR_LIMIT, "topic %s has %d partitions, more than %d", t->name,
                       *out_count, PARTITIONS_MAX);
    }
    return check_policy(t, admin, e);
}

/* Records why it waits, logs a new reason once, and sleeps; false when it is time to stop. */
static bool wait_before_retry(struct compacted_topic *t, const struct err *why, int64_t *backoff_ms)
{
    lock_acquire(&t->lock);
    bool known = strcmp(t->problem.text, why->text) == 0;
    t->problem = *why;
    lock_release(&t->lock);
    if (!known) {
        logger_warn(t->lg, "topic.waiting", "topic=%s error=\"%s\" (trying again until it works)",
                    t->name, why->text);
    }
    int64_t deadline = now_ns() + *backoff_ms * 1000000;
    *backoff_ms = *backoff_ms * 2 < BACKOFF_MAX_MS ? *backoff_ms * 2 : BACKOFF_MAX_MS;
    lock_acquire(&t->lock);
    while (!stopping(t) && cond_wait_until(&t->changed, &t->lock, deadline)) {
    }
    lock_release(&t->lock);
    return !stopping(t);
}

/* How far there is to read. An empty partition needs no fetch at all. */
static enum err_code find_ends(struct compacted_topic *t,
                               struct compacted_topic_position *positions, int count,
                               int *out_unread, struct err *e)
{
    *out_unread = 0;
    for (int p = 0; p < count; p++) {
        int64_t low = 0;
        int64_t high = 0;
        rd_kafka_resp_err_t error = compacted_topic_query_offset(
            t->consumer, t->name, p, RD_KAFKA_OFFSET_END, REQUEST_TIMEOUT_MS, &high);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            error = compacted_topic_query_offset(t->consumer, t->name, p, RD_KAFKA_OFFSET_BEGINNING,
                                                 REQUEST_TIMEOUT_MS, &low);
        }
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return client_error_set(e, error, "look for the end of topic %s", t->name);
        }
        positions[p].first_end = high;
        positions[p].read = high <= low;
        positions[p].next_offset = positions[p].read ? high : low;
        *out_unread += positions[p].read ? 0 : 1;
    }
    return ERR_OK;
}

static enum err_code start_reading(struct compacted_topic *t, int count, struct err *e)
{
    int unread = 0;
    struct compacted_topic_position *positions = mem_calloc((size_t)count, sizeof *positions);
    if (positions == NULL) {
        return err_nomem(e, "read topic");
    }
    enum err_code code = find_ends(t, positions, count, &unread, e);
    if (code != ERR_OK) {
        mem_free(positions);
        return code;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int p = 0; p < count; p++) {
        rd_kafka_topic_partition_list_add(list, t->name, p)->offset =
            positions[p].read ? positions[p].next_offset : RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_resp_err_t error = rd_kafka_assign(t->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        mem_free(positions);
        return client_error_set(e, error, "read topic %s", t->name);
    }
    lock_acquire(&t->lock);
    t->positions = positions;
    t->partition_count = count;
    t->unread_count = unread;
    lock_release(&t->lock);
    return ERR_OK;
}

static bool open_topic(struct compacted_topic *t)
{
    struct client_admin *admin = NULL;
    struct err e = {.code = ERR_OK};
    int64_t backoff_ms = BACKOFF_FIRST_MS;
    int count = 0;
    /* On the reader's own handle: what it learns of brokers and leaders is known when it reads, so
     * that the first fetch need not wait for librdkafka's next look around. */
    enum err_code code = client_admin_borrow(t->consumer, &admin, &e);
    while (code == ERR_OK && ((code = prepare(t, admin, &count, &e)) != ERR_OK ||
                              (code = start_reading(t, count, &e)) != ERR_OK)) {
        bool again = err_code_retriable(code) || code == ERR_NOT_FOUND || code == ERR_IO;
        if (!again || !wait_before_retry(t, &e, &backoff_ms)) {
            break;
        }
        code = ERR_OK;
    }
    client_admin_close(admin);
    if (code != ERR_OK && !stopping(t)) {
        set_state(t, COMPACTED_TOPIC_FAILED, &e);
    }
    return code == ERR_OK && !stopping(t);
}

static void advance(struct compacted_topic *t, int32_t partition, int64_t next_offset, bool at_end)
{
    bool live = false;
    lock_acquire(&t->lock);
    CHECK(partition >= 0 && partition < t->partition_count);
    struct compacted_topic_position *position = &t->positions[partition];
    position->next_offset = next_offset;
    if ((at_end || next_offset >= position->first_end) && !position->read) {
        position->read = true;
        live = --t->unread_count == 0;
    }
    cond_broadcast(&t->changed);
    lock_release(&t->lock);
    if (live) {
        set_state(t, COMPACTED_TOPIC_LIVE, NULL);
    }
}

static struct bytes header_of(const struct compacted_topic *t, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t len = 0;
    if (t->header_name == NULL ||
        rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, t->header_name, &value, &len) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        return bytes_of(NULL, 0);
    }
    return bytes_of(value, len);
}

static void take_message(struct compacted_topic *t, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        advance(t, m->partition, m->offset, true);
        return;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        /* librdkafka goes on by itself. */
        if (m->err != t->last_error) {
            t->last_error = m->err;
            logger_warn(t->lg, "topic.interrupted", "topic=%s error=\"%s\" (going on when it ends)",
                        t->name, rd_kafka_message_errstr(m));
        }
        return;
    }
    t->last_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    const struct compacted_topic_record record = {
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = rd_kafka_message_timestamp(m, NULL),
        .key = bytes_of(m->key, m->key_len),
        .value = bytes_of(m->payload, m->len),
        .header = header_of(t, m),
        .initial = t->unread_count > 0,
    };
    t->on_record(t->ctx, &record);
    advance(t, m->partition, m->offset + 1, false);
}

static void *reader_main(void *arg)
{
    struct compacted_topic *t = arg;
    if (!open_topic(t)) {
        return NULL;
    }
    /* A topic that librdkafka first hears of in a message waits for its next look around, up to a
     * second; this asks now. Not earlier: the question would have the broker create the topic. */
    t->producer_topic = rd_kafka_topic_new(t->producer, t->name, NULL);
    set_state(t, t->unread_count > 0 ? COMPACTED_TOPIC_READING : COMPACTED_TOPIC_LIVE, NULL);
    while (!stopping(t)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(t->consumer, POLL_MS);
        if (m != NULL) {
            take_message(t, m);
            rd_kafka_message_destroy(m);
        }
    }
    return NULL;
}

/* Serves delivery reports, so that every writer is woken at once whichever call they belong to. */
static void *writer_main(void *arg)
{
    struct compacted_topic *t = arg;
    while (!stopping(t)) {
        (void)rd_kafka_poll(t->producer, POLL_MS);
    }
    return NULL;
}

static enum err_code open_client(struct compacted_topic *t, enum client_config_kind kind,
                                 const char *const (*settings)[2], rd_kafka_t **out_rk,
                                 struct err *e)
{
    struct client_config own = {0};
    enum err_code code = client_config_copy(&own, &t->client, e);
    for (size_t i = 0; code == ERR_OK && settings[i][0] != NULL; i++) {
        code = client_config_set(&own, settings[i][0], settings[i][1], e);
    }
    const struct client_config_hooks hooks = {
        .delivered = compacted_topic_delivered,
        .log = compacted_topic_producer_log,
        .opaque = t,
    };
    if (code == ERR_OK) {
        code = kind == CLIENT_CONFIG_PRODUCER
                   ? client_config_open_hooked(&own, kind, &hooks, out_rk, e)
                   : client_config_open(&own, kind, NULL, t->lg, out_rk, e);
    }
    client_config_deinit(&own);
    return code;
}

static enum err_code open_clients(struct compacted_topic *t, struct err *e)
{
    /* One request in flight keeps the order without the states in which an idempotent producer
     * must be thrown away; writing a record twice does no harm here. */
    static const char *const producer[][2] = {
        {"linger.ms", "0"},
        {"enable.idempotence", "false"},
        {"max.in.flight.requests.per.connection", "1"},
        {"message.timeout.ms", "30000"},
        {"debug", "msg"}, /* for compacted_topic_producer_log */
        {NULL, NULL},
    };
    /* No group is joined, but librdkafka wants a name. */
    static const char *const consumer[][2] = {
        {"group.id", "weir-reader"},
        {"enable.partition.eof", "true"},
        {"fetch.wait.max.ms", "100"},
        {NULL, NULL},
    };
    enum err_code code = open_client(t, CLIENT_CONFIG_PRODUCER, producer, &t->producer, e);
    return code == ERR_OK ? open_client(t, CLIENT_CONFIG_CONSUMER, consumer, &t->consumer, e)
                          : code;
}

static enum err_code copy_config(struct compacted_topic *t,
                                 const struct compacted_topic_config *config, struct err *e)
{
    t->partitions_wanted = config->partitions;
    t->required_partitions = config->required_partitions;
    t->replication_factor = config->replication_factor;
    t->on_record = config->on_record;
    t->on_state = config->on_state;
    t->ctx = config->ctx;
    t->lg = config->lg;
    t->name = mem_strdup(config->topic);
    t->header_name = mem_strdup(config->header_name);
    if (t->name == NULL || (config->header_name != NULL && t->header_name == NULL)) {
        return err_nomem(e, "open topic");
    }
    enum err_code code = client_config_copy(&t->client, config->client, e);
    if (code == ERR_OK) {
        code = client_config_set(&t->topic_configs, "cleanup.policy", "compact", e);
    }
    for (size_t i = 0; code == ERR_OK && i < config->topic_config_count; i++) {
        code = client_config_set(&t->topic_configs, config->topic_configs[i].key,
                                 config->topic_configs[i].value, e);
    }
    return code;
}

static enum err_code start_threads(struct compacted_topic *t, struct err *e)
{
    int failed = pthread_create(&t->reader, NULL, reader_main, t);
    if (failed == 0) {
        t->reader_started = true;
        failed = pthread_create(&t->writer, NULL, writer_main, t);
        t->writer_started = failed == 0;
    }
    return failed == 0 ? ERR_OK : err_errno(e, failed, "start reader of topic %s", t->name);
}

enum err_code compacted_topic_open(const struct compacted_topic_config *config,
                                   struct compacted_topic **out_topic, struct err *e)
{
    CHECK(config->on_record != NULL);
    struct compacted_topic *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "open topic");
    }
    t->latest_ns = INT64_MAX;
    lock_init(&t->lock);
    cond_init(&t->changed);
    enum err_code code = copy_config(t, config, e);
    if (code == ERR_OK) {
        code = open_clients(t, e);
    }
    if (code == ERR_OK) {
        code = start_threads(t, e);
    }
    if (code != ERR_OK) {
        compacted_topic_close(t);
        return code;
    }
    *out_topic = t;
    return ERR_OK;
}

void compacted_topic_close(struct compacted_topic *t)
{
    if (t == NULL) {
        return;
    }
    lock_acquire(&t->lock);
    atomic_store(&t->stop, true);
    cond_broadcast(&t->changed);
    lock_release(&t->lock);
    if (t->reader_started) {
        (void)pthread_join(t->reader, NULL);
    }
    if (t->writer_started) {
        (void)pthread_join(t->writer, NULL);
    }
    if (t->consumer != NULL) {
        rd_kafka_consumer_close(t->consumer);
        (void)client_close(t->consumer);
    }
    if (t->producer_topic != NULL) {
        rd_kafka_topic_destroy(t->producer_topic);
    }
    if (t->producer != NULL) {
        /* The reports of purged messages free what they point to. */
        (void)rd_kafka_purge(t->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        while (rd_kafka_outq_len(t->producer) > 0) {
            (void)rd_kafka_poll(t->producer, POLL_MS);
        }
        rd_kafka_destroy(t->producer);
    }
    client_config_deinit(&t->client);
    client_config_deinit(&t->topic_configs);
    cond_deinit(&t->changed);
    lock_deinit(&t->lock);
    mem_free(t->positions);
    mem_free(t->header_name);
    mem_free(t->name);
    mem_free(t);
}

enum compacted_topic_state compacted_topic_state(struct compacted_topic *t)
{
    lock_acquire(&t->lock);
    enum compacted_topic_state state = t->state;
    lock_release(&t->lock);
    return state;
}

enum err_code compacted_topic_problem(struct compacted_topic *t, struct err *e)
{
    lock_acquire(&t->lock);
    *e = t->problem;
    lock_release(&t->lock);
    return e->code;
}

enum err_code compacted_topic_wait_live(struct compacted_topic *t, int timeout_ms, struct err *e)
{
    int64_t deadline = now_ns() + (int64_t)timeout_ms * 1000000;
    enum err_code code = ERR_OK;
    lock_acquire(&t->lock);
    while (code == ERR_OK && t->state != COMPACTED_TOPIC_LIVE) {
        if (t->state == COMPACTED_TOPIC_FAILED) {
            code = err_set(e, t->problem.code, "%s", t->problem.text);
        } else if (!cond_wait_until(&t->changed, &t->lock, deadline) &&
                   t->state != COMPACTED_TOPIC_LIVE) {
            code = err_set(e, ERR_TIMEOUT, "topic %s is not read yet%s%s", t->name,
                           t->problem.code != ERR_OK ? ": " : "",
                           t->problem.code != ERR_OK ? t->problem.text : "");
        }
    }
    lock_release(&t->lock);
    return code;
}
