/*
 * Key 1. Reads what is asked, and answers when it is enough (min_bytes), when something is wrong
 * with a partition, or when max_wait_ms is over. Until then the request is parked on its partitions
 * and costs nothing: api_fetch_wait.c. Record bytes are not touched: the answer refers to parts of
 * segment files, which the connection sends.
 *
 * Sessions are not kept: every answer says session id 0, which makes each request a full one.
 * Message formats before magic 2 are not produced: what would need them gets error 35.
 */
#include "broker/api/api_fetch.h"

#include "broker/api/api_table.h"
#include "broker/api/partition_lookup.h"
#include "broker/broker.h"
#include "common/check.h"
#include "common/clock.h"
#include "protocol/kafka_error.h"
#include "protocol/record_batch.h"

/* First versions with the rule. */
#define FETCH_ONE_BATCH_VERSION 3
#define FETCH_MAGIC_2_VERSION 4
#define FETCH_ZSTD_VERSION 10
#define FETCH_TOPIC_ID_VERSION 13
/* Attributes are bytes 21 and 22. */
#define FETCH_PEEK_BYTES 23

static void fetch_release_slices(struct fetch *f)
{
    for (size_t i = 0; i < f->entry_count; i++) {
        struct fetch_entry *entry = &f->entries[i];
        if (entry->read) {
            partition_slice_release(&entry->slice);
            entry->read = false;
        }
    }
}

static void fetch_release(struct request *rq)
{
    struct fetch *f = rq->state;
    fetch_release_slices(f);
    fetch_wait_deinit(f);
    controller_view_release(f->view);
}

/* ---- reading ---- */

/* What old clients cannot be given. The codec is that of the first batch: a client that speaks the
 * version for any of them is a client without zstd. */
static int16_t fetch_check_format(const struct fetch *f, const struct fetch_entry *entry)
{
    if (entry->slice.length == 0 || f->rq->version >= FETCH_ZSTD_VERSION) {
        return KAFKA_ERROR_NONE;
    }
    if (f->rq->version < FETCH_MAGIC_2_VERSION) {
        return KAFKA_ERROR_UNSUPPORTED_VERSION;
    }
    uint8_t head[FETCH_PEEK_BYTES];
    if (partition_slice_read(&entry->slice, 0, head, sizeof head, NULL) != ERR_OK) {
        return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    }
    return (head[FETCH_PEEK_BYTES - 1] & RECORD_BATCH_ATTR_CODEC) == COMPRESSION_ZSTD
               ? KAFKA_ERROR_UNSUPPORTED_COMPRESSION_TYPE
               : KAFKA_ERROR_NONE;
}

static void fetch_entry_fail(struct fetch *f, struct fetch_entry *entry, int16_t error)
{
    f->error_seen = true;
    entry->result->error_code = error;
    entry->result->records = (struct kafka_records){.bytes = bytes_of("", 0), .fd = -1};
}

static void fetch_read_entry(struct fetch *f, struct fetch_entry *entry)
{
    struct kafka_fetch_response_partition *result = entry->result;
    size_t left = f->max_bytes > f->bytes ? f->max_bytes - f->bytes : 0;
    size_t asked =
        entry->data->partition_max_bytes > 0 ? (size_t)entry->data->partition_max_bytes : 0;
    struct partition_read_options options = {
        .offset = entry->data->fetch_offset,
        .max_bytes = asked < left ? asked : left,
        .min_one_batch = f->rq->version >= FETCH_ONE_BATCH_VERSION && f->bytes == 0,
        .isolation = f->read_committed ? PARTITION_READ_COMMITTED : PARTITION_READ_UNCOMMITTED,
    };
    struct err e = {0};
    (void)partition_read(entry->partition, &options, &entry->slice, &e);
    entry->read = true;
    result->high_watermark = entry->slice.high_watermark;
    result->last_stable_offset = entry->slice.last_stable_offset;
    result->log_start_offset = entry->slice.log_start_offset;
    int16_t error = entry->slice.error_code;
    if (error == KAFKA_ERROR_NONE) {
        error = fetch_check_format(f, entry);
    }
    if (error != KAFKA_ERROR_NONE) {
        fetch_entry_fail(f, entry, error);
        return;
    }
    result->error_code = KAFKA_ERROR_NONE;
    result->records = (struct kafka_records){.bytes = bytes_of("", 0), .fd = -1};
    if (entry->slice.length > 0) {
        result->records.bytes = bytes_null();
        result->records.fd = entry->slice.fd;
        result->records.file_position = entry->slice.position;
        result->records.file_length = (int32_t)entry->slice.length;
        f->bytes += entry->slice.length;
    }
}

void fetch_read(struct fetch *f)
{
    fetch_release_slices(f);
    f->bytes = 0;
    for (size_t i = 0; i < f->entry_count; i++) {
        struct fetch_entry *entry = &f->entries[i];
        if (entry->partition != NULL) {
            fetch_read_entry(f, entry);
        }
    }
}

/* ---- from the request to entries ---- */

static void fetch_add_entry(struct fetch *f, const struct topic *topic, bool by_id,
                            const struct kafka_fetch_request_partition *data,
                            struct kafka_fetch_response_partition *result)
{
    struct fetch_entry *entry = &f->entries[f->entry_count++];
    entry->fetch = f;
    entry->data = data;
    entry->result = result;
    result->partition_index = data->partition;
    result->high_watermark = -1;
    result->records = (struct kafka_records){.bytes = bytes_of("", 0), .fd = -1};
    if (!f->read_committed) {
        result->aborted_transactions_count = -1; /* null: not asked for */
    }
    struct partition *partition = NULL;
    int16_t error = topic == NULL && by_id ? KAFKA_ERROR_UNKNOWN_TOPIC_ID
                                           : partition_lookup(topic, data->partition, &partition);
    if (error == KAFKA_ERROR_NONE) {
        error = partition_lookup_check_epoch(data->current_leader_epoch);
    }
    if (error != KAFKA_ERROR_NONE) {
        fetch_entry_fail(f, entry, error);
    } else {
        entry->partition = partition;
    }
}

static bool fetch_add_topic(struct fetch *f, const struct kafka_fetch_request_topic *topic,
                            struct kafka_fetch_response_response *out)
{
    bool by_id = f->rq->version >= FETCH_TOPIC_ID_VERSION;
    out->topic = topic->topic;
    out->topic_id = topic->topic_id;
    out->partitions = message_alloc_array(&kafka_fetch_response_partition_schema, &f->rq->arena,
                                          topic->partitions_count);
    if (out->partitions == NULL) {
        return false;
    }
    out->partitions_count = topic->partitions_count;
    const struct topic *found = by_id ? controller_view_topic_by_id(f->view, topic->topic_id.bytes)
                                      : controller_view_topic(f->view, topic->topic);
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        fetch_add_entry(f, found, by_id, &topic->partitions[i], &out->partitions[i]);
    }
    return true;
}

static bool fetch_build(struct fetch *f, const struct kafka_fetch_request *body)
{
    struct arena *arena = &f->rq->arena;
    size_t count = 0;
    for (int32_t i = 0; i < body->topics_count; i++) {
        count += (size_t)body->topics[i].partitions_count;
    }
    f->entries = arena_alloc_array(arena, count, sizeof *f->entries);
    f->response->responses =
        message_alloc_array(&kafka_fetch_response_response_schema, arena, body->topics_count);
    if (f->entries == NULL || f->response->responses == NULL) {
        return false;
    }
    f->response->responses_count = body->topics_count;
    for (int32_t i = 0; i < body->topics_count; i++) {
        if (!fetch_add_topic(f, &body->topics[i], &f->response->responses[i])) {
            return false;
        }
    }
    return true;
}

/* Without sessions, id 0 in every answer. Epoch 0 asks for a new session (it gets
 * none), -1 for none; any other epoch or id belongs to a session that does not exist. */
static int16_t fetch_check_session(const struct kafka_fetch_request *body)
{
    if (body->session_id != 0) {
        return KAFKA_ERROR_FETCH_SESSION_ID_NOT_FOUND;
    }
    return body->session_epoch > 0 ? KAFKA_ERROR_INVALID_FETCH_SESSION_EPOCH : KAFKA_ERROR_NONE;
}

static void fetch_limits(struct fetch *f, const struct kafka_fetch_request *body)
{
    int64_t cap = broker_get_config(f->rq->broker)->fetch_max_bytes;
    f->max_bytes = body->max_bytes < 0     ? 0
                   : body->max_bytes < cap ? (size_t)body->max_bytes
                                           : (size_t)cap;
    f->min_bytes = body->min_bytes < 0 ? 0 : (size_t)body->min_bytes;
    f->min_bytes = f->min_bytes < f->max_bytes ? f->min_bytes : f->max_bytes;
    f->read_committed = body->isolation_level == 1;
}

static void fetch_respond_error(struct fetch *f, int16_t error)
{
    f->response->error_code = error;
    request_respond(f->rq, f->response);
}

void api_fetch(struct request *rq)
{
    const struct kafka_fetch_request *body = rq->body;
    struct fetch *f = request_alloc(rq, sizeof *f);
    struct kafka_fetch_response *response = request_alloc(rq, sizeof *response);
    if (f == NULL || response == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    f->rq = rq;
    f->response = response;
    message_init(&kafka_fetch_response_schema, response);
    int16_t error = fetch_check_session(body);
    if (error != KAFKA_ERROR_NONE) {
        fetch_respond_error(f, error);
        return;
    }
    f->view = controller_view_acquire(broker_controller(rq->broker));
    fetch_wait_init(f);
    rq->state = f;
    rq->release = fetch_release;
    fetch_limits(f, body);
    if (!fetch_build(f, body)) {
        request_close(rq, "out of memory");
        return;
    }
    fetch_wait_run(f, body->max_wait_ms);
}
