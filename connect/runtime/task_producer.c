#include "connect/runtime/task_producer.h"

#include <string.h>

#include "client/client_error.h"
#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_record.h"
#include "connect/runtime/client_overrides.h"

#define TOPICS_MAX ((size_t)10000)

struct topic {
    char *name;
    rd_kafka_topic_t *handle;
};

struct task_producer {
    rd_kafka_t *rk;
    struct topic *topics; /* handles, so that the hot path looks nothing up by name */
    size_t topic_count;
    const char *last_name; /* as the caller spelled it last time */
    rd_kafka_topic_t *last;
};

enum err_code task_producer_open(const struct task_producer_config *config,
                                 struct task_producer **out_producer, struct err *e)
{
    static const char *const defaults[][2] = {
        {"delivery.timeout.ms", "0"}, /* librdkafka: endless */
        {"queue.buffering.max.messages", "200000"},
        {"queue.buffering.max.kbytes", "131072"},
        {"linger.ms", "5"}, /* only while others are under way: see task_producer_hurry */
        {"batch.num.messages", "100000"},
    };
    struct task_producer *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return err_nomem(e, "open producer");
    }
    struct client_config c = {0};
    enum err_code code = client_config_copy(&c, config->defaults, e);
    for (size_t i = 0; code == ERR_OK && i < sizeof defaults / sizeof defaults[0]; i++) {
        if (client_config_get(&c, defaults[i][0]) == NULL) {
            code = client_config_set(&c, defaults[i][0], defaults[i][1], e);
        }
    }
    if (code == ERR_OK) {
        code = client_config_set(&c, "client.id", config->client_id, e);
    }
    if (code == ERR_OK) {
        code = client_overrides_apply(&c, config->connector, "producer.override.", e);
    }
    if (code == ERR_OK) {
        code = client_config_open(&c, CLIENT_CONFIG_PRODUCER, config->delivered, config->lg, &p->rk,
                                  e);
    }
    client_config_deinit(&c);
    if (code != ERR_OK) {
        mem_free(p);
        return code;
    }
    *out_producer = p;
    return ERR_OK;
}

void task_producer_close(struct task_producer *p)
{
    if (p == NULL) {
        return;
    }
    (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                    RD_KAFKA_PURGE_F_NON_BLOCKING);
    for (size_t i = 0; i < p->topic_count; i++) {
        rd_kafka_topic_destroy(p->topics[i].handle);
        mem_free(p->topics[i].name);
    }
    rd_kafka_destroy(p->rk);
    mem_free(p->topics);
    mem_free(p);
}

static enum err_code topic_add(struct task_producer *p, const char *name, struct err *e)
{
    void *bigger = p->topic_count < TOPICS_MAX
                       ? mem_realloc(p->topics, (p->topic_count + 1) * sizeof *p->topics)
                       : NULL;
    if (bigger == NULL) {
        return err_set(e, ERR_LIMIT, "no room for topic %s: a task writes to at most %zu topics",
                       name, TOPICS_MAX);
    }
    p->topics = bigger;
    struct topic *t = &p->topics[p->topic_count];
    t->name = mem_strdup(name);
    t->handle = t->name != NULL ? rd_kafka_topic_new(p->rk, name, NULL) : NULL;
    if (t->handle == NULL) {
        mem_free(t->name);
        return err_set(e, ERR_INVALID, "topic \"%s\": %s", name,
                       rd_kafka_err2str(rd_kafka_last_error()));
    }
    p->last = t->handle;
    p->topic_count++;
    return ERR_OK;
}

static enum err_code topic_find(struct task_producer *p, const char *name, struct err *e)
{
    if (p->last_name == name && p->last != NULL &&
        strcmp(rd_kafka_topic_name(p->last), name) == 0) {
        return ERR_OK;
    }
    p->last_name = name;
    for (size_t i = 0; i < p->topic_count; i++) {
        if (strcmp(p->topics[i].name, name) == 0) {
            p->last = p->topics[i].handle;
            return ERR_OK;
        }
    }
    return topic_add(p, name, e);
}

/* librdkafka copies, but its signatures have no const. */
static void *without_const(struct bytes b)
{
    return (void *)(uintptr_t)b.data;
}

static rd_kafka_resp_err_t send_plain(struct task_producer *p,
                                      const struct task_producer_message *m)
{
    int failed =
        rd_kafka_produce(p->last, m->partition, RD_KAFKA_MSG_F_COPY, without_const(m->value),
                         m->value.len, m->key.data, m->key.len, m->opaque);
    return failed == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

static rd_kafka_resp_err_t send_full(struct task_producer *p, const struct task_producer_message *m)
{
    rd_kafka_vu_t v[8];
    size_t n = 0;
    v[n].vtype = RD_KAFKA_VTYPE_RKT;
    v[n++].u.rkt = p->last;
    v[n].vtype = RD_KAFKA_VTYPE_PARTITION;
    v[n++].u.i32 = m->partition;
    v[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    v[n++].u.i = RD_KAFKA_MSG_F_COPY;
    v[n].vtype = RD_KAFKA_VTYPE_KEY;
    v[n].u.mem.ptr = without_const(m->key);
    v[n++].u.mem.size = m->key.len;
    v[n].vtype = RD_KAFKA_VTYPE_VALUE;
    v[n].u.mem.ptr = without_const(m->value);
    v[n++].u.mem.size = m->value.len;
    v[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
    v[n++].u.ptr = m->opaque;
    if (m->timestamp_ms != CONNECT_TIMESTAMP_NONE) {
        v[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
        v[n++].u.i64 = m->timestamp_ms;
    }
    if (m->headers != NULL) {
        v[n].vtype = RD_KAFKA_VTYPE_HEADERS;
        v[n++].u.headers = m->headers;
    }
    rd_kafka_error_t *error = rd_kafka_produceva(p->rk, v, n);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

enum err_code task_producer_send(struct task_producer *p, const struct task_producer_message *m,
                                 bool *out_full, struct err *e)
{
    enum err_code code = topic_find(p, m->topic, e);
    if (code != ERR_OK) {
        return code;
    }
    bool plain = m->headers == NULL && m->timestamp_ms == CONNECT_TIMESTAMP_NONE;
    rd_kafka_resp_err_t error = plain ? send_plain(p, m) : send_full(p, m);
    *out_full = error == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ERR_OK
               : client_error_set(e, error, "write to topic %s", m->topic);
}

void task_producer_serve(struct task_producer *p, int timeout_ms)
{
    (void)rd_kafka_poll(p->rk, timeout_ms);
}

bool task_producer_busy(struct task_producer *p)
{
    return rd_kafka_outq_len(p->rk) > 0;
}

void task_producer_hurry(struct task_producer *p)
{
    /* librdkafka forgoes lingering only while this call lasts: long enough for its thread to see
     * it, short enough not to hold up the next poll when the broker is slow. */
    (void)rd_kafka_flush(p->rk, 1);
}

enum err_code task_producer_problem(struct task_producer *p, struct err *e)
{
    char reason[256];
    rd_kafka_resp_err_t error = rd_kafka_fatal_error(p->rk, reason, sizeof reason);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ERR_OK
               : err_set(e, ERR_IO, "the producer cannot go on: %s", reason);
}
