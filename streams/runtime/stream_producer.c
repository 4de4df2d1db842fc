#include "streams/runtime/stream_producer.h"

#include <inttypes.h>
#include <string.h>

#include "client/client_config.h"
#include "client/client_error.h"
#include "common/check.h"
#include "common/mem.h"

#define PRODUCER_WAIT_MS 100
/* Attempts of PRODUCER_WAIT_MS and more until a topic has to be there: about five minutes. */
#define PRODUCER_TOPIC_ATTEMPTS 1500
#define PRODUCER_HEADERS_MAX 1000

struct producer_topic {
    struct producer_topic *next;
    rd_kafka_topic_t *rkt;
    int32_t partition_count; /* 0: not known yet */
    char name[];
};

struct stream_producer {
    struct collector collector;
    rd_kafka_t *rk;
    const atomic_bool *stop;
    struct producer_topic *topics;
    bool failed;
    struct err err;
};

uint32_t stream_producer_murmur2(struct bytes key)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28cU ^ (uint32_t)key.len;
    size_t at = 0;
    for (; key.len - at >= 4; at += 4) {
        uint32_t k = (uint32_t)key.data[at] | (uint32_t)key.data[at + 1] << 8 |
                     (uint32_t)key.data[at + 2] << 16 | (uint32_t)key.data[at + 3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    size_t left = key.len - at;
    if (left > 0) {
        for (size_t i = left; i > 0; i--) {
            h ^= (uint32_t)key.data[at + i - 1] << (8 * (i - 1));
        }
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h & 0x7fffffff;
}

static void producer_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct stream_producer *p = opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (!p->failed) {
            p->failed = true;
            (void)client_error_set(&p->err, message->err, "deliver to %s-%" PRId32,
                                   rd_kafka_topic_name(message->rkt), message->partition);
        }
        return;
    }
    int64_t *acked = message->_private;
    if (acked != NULL && message->offset + 1 > *acked) {
        *acked = message->offset + 1;
    }
}

static enum err_code producer_check(struct stream_producer *p, struct err *e)
{
    if (p->failed) {
        (void)err_set(e, p->err.code, "%s", p->err.text);
        return p->err.code;
    }
    return ERR_OK;
}

static struct producer_topic *producer_topic(struct stream_producer *p, const char *name)
{
    struct producer_topic *t = p->topics;
    while (t != NULL && strcmp(t->name, name) != 0) {
        t = t->next;
    }
    if (t != NULL) {
        return t;
    }
    size_t len = strlen(name) + 1;
    t = mem_calloc(1, sizeof *t + len);
    if (t == NULL) {
        return NULL;
    }
    memcpy(t->name, name, len);
    t->rkt = rd_kafka_topic_new(p->rk, name, NULL);
    if (t->rkt == NULL) {
        mem_free(t);
        return NULL;
    }
    t->next = p->topics;
    p->topics = t;
    return t;
}

/* Looking at a topic makes a broker create it, where brokers may. */
static rd_kafka_resp_err_t producer_look(struct stream_producer *p, struct producer_topic *t)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(p->rk, 0, t->rkt, &metadata, 1000);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error;
    }
    error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (metadata->topic_cnt == 1) {
        error = metadata->topics[0].err;
        t->partition_count = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return error;
}

static enum err_code producer_wait(struct stream_producer *p, struct err *e)
{
    (void)rd_kafka_poll(p->rk, PRODUCER_WAIT_MS);
    if (atomic_load(p->stop)) {
        return err_set(e, ERR_CANCELLED, "stopped");
    }
    return producer_check(p, e);
}

static enum err_code producer_count_partitions(struct stream_producer *p, struct producer_topic *t,
                                               struct err *e)
{
    for (int attempt = 0; t->partition_count == 0; attempt++) {
        rd_kafka_resp_err_t error = producer_look(p, t);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR && t->partition_count > 0) {
            break;
        }
        t->partition_count = 0;
        enum err_code code = client_error_set(e, error, "topic %s", t->name);
        if (code == ERR_AUTH || code == ERR_INVALID || attempt == PRODUCER_TOPIC_ATTEMPTS) {
            return code;
        }
        code = producer_wait(p, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static rd_kafka_headers_t *producer_headers(const struct value_headers *headers)
{
    if (headers == NULL || headers->count == 0 || headers->count > PRODUCER_HEADERS_MAX) {
        return NULL;
    }
    rd_kafka_headers_t *h = rd_kafka_headers_new(headers->count);
    for (size_t i = 0; h != NULL && i < headers->count; i++) {
        struct bytes v = headers->items[i].value;
        (void)rd_kafka_header_add(h, headers->items[i].name, -1, v.data,
                                  v.data != NULL ? (ssize_t)v.len : 0);
    }
    return h;
}

/* librdkafka takes void pointers and copies (RD_KAFKA_MSG_F_COPY). */
static void *producer_unconst(struct bytes b)
{
    return (void *)(uintptr_t)b.data;
}

static rd_kafka_resp_err_t producer_produce(struct stream_producer *p, struct producer_topic *t,
                                            const struct collector_record *r, int32_t partition)
{
    rd_kafka_vu_t vus[8] = {0};
    size_t n = 0;
    vus[n].vtype = RD_KAFKA_VTYPE_RKT;
    vus[n++].u.rkt = t->rkt;
    vus[n].vtype = RD_KAFKA_VTYPE_PARTITION;
    vus[n++].u.i32 = partition;
    vus[n].vtype = RD_KAFKA_VTYPE_VALUE;
    vus[n].u.mem.ptr = producer_unconst(r->value);
    vus[n++].u.mem.size = r->value.len;
    vus[n].vtype = RD_KAFKA_VTYPE_KEY;
    vus[n].u.mem.ptr = producer_unconst(r->key);
    vus[n++].u.mem.size = r->key.len;
    vus[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    /* 0 means now to librdkafka: the first millisecond of 1970 is sent as the second. */
    vus[n++].u.i64 = r->timestamp_ms > 0 ? r->timestamp_ms : 1;
    vus[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    vus[n++].u.i = RD_KAFKA_MSG_F_COPY;
    vus[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
    vus[n++].u.ptr = r->acked_offset;
    rd_kafka_headers_t *headers = producer_headers(r->headers);
    if (headers != NULL) {
        vus[n].vtype = RD_KAFKA_VTYPE_HEADERS;
        vus[n++].u.headers = headers;
    }
    rd_kafka_error_t *error = rd_kafka_produceva(p->rk, vus, n);
    if (error == NULL) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

static enum err_code producer_send(struct collector *c, const struct collector_record *r,
                                   struct err *e)
{
    struct stream_producer *p = (struct stream_producer *)c;
    struct producer_topic *t = producer_topic(p, r->topic);
    if (t == NULL) {
        return err_nomem(e, "produce");
    }
    int32_t partition = r->partition;
    if (partition < 0 && !bytes_is_null(r->partition_key)) {
        enum err_code code = producer_count_partitions(p, t, e);
        if (code != ERR_OK) {
            return code;
        }
        partition =
            (int32_t)(stream_producer_murmur2(r->partition_key) % (uint32_t)t->partition_count);
    } else if (partition < 0) {
        partition = RD_KAFKA_PARTITION_UA;
    }
    for (;;) {
        rd_kafka_resp_err_t error = producer_produce(p, t, r, partition);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return producer_check(p, e);
        }
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return client_error_set(e, error, "produce to %s", r->topic);
        }
        enum err_code code = producer_wait(p, e);
        if (code != ERR_OK) {
            return code;
        }
    }
}

enum err_code stream_producer_open(const struct client_config *config, const atomic_bool *stop,
                                   struct stream_producer **out_producer, struct err *e)
{
    struct stream_producer *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return err_nomem(e, "open producer");
    }
    p->collector.send = producer_send;
    p->stop = stop;
    struct client_config_hooks hooks = {.delivered = producer_delivered, .opaque = p};
    enum err_code code =
        client_config_open_hooked(config, CLIENT_CONFIG_PRODUCER, &hooks, &p->rk, e);
    if (code != ERR_OK) {
        mem_free(p);
        return code;
    }
    *out_producer = p;
    return ERR_OK;
}

void stream_producer_close(struct stream_producer *p)
{
    if (p == NULL) {
        return;
    }
    /* Delivery reports point into stores: they must be served before those go. */
    (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(p->rk, 1000);
    while (p->topics != NULL) {
        struct producer_topic *next = p->topics->next;
        rd_kafka_topic_destroy(p->topics->rkt);
        mem_free(p->topics);
        p->topics = next;
    }
    rd_kafka_destroy(p->rk);
    mem_free(p);
}

struct collector *stream_producer_collector(struct stream_producer *p)
{
    return &p->collector;
}

enum err_code stream_producer_poll(struct stream_producer *p, struct err *e)
{
    (void)rd_kafka_poll(p->rk, 0);
    return producer_check(p, e);
}

enum err_code stream_producer_flush(struct stream_producer *p, int timeout_ms, struct err *e)
{
    rd_kafka_resp_err_t error = rd_kafka_flush(p->rk, timeout_ms);
    enum err_code code = producer_check(p, e);
    if (code == ERR_OK && error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return client_error_set(e, error, "flush %d records", rd_kafka_outq_len(p->rk));
    }
    return code;
}
