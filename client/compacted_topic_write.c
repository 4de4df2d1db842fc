/* Writing to a compacted topic, and waiting for what was written to be read. */
#include <string.h>

#include "client/client_error.h"
#include "client/compacted_topic_internal.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"

struct ticket {
    struct request *request;
    int32_t partition;
    int64_t offset;
};

/* One call of compacted_topic_write. The caller may give up before the last report comes, so it is
 * freed by whoever is last. All under the topic's lock. */
struct request {
    struct compacted_topic *topic;
    size_t unreported; /* messages whose delivery report is to come */
    bool abandoned;    /* the caller does not wait any more */
    rd_kafka_resp_err_t error;
    struct ticket tickets[];
};

static int64_t deadline_after(int timeout_ms)
{
    return clock_mono_ns(clock_system()) + (int64_t)timeout_ms * 1000000;
}

void compacted_topic_hurry(struct compacted_topic *t, int timeout_ms)
{
    if (t == NULL) {
        return;
    }
    lock_acquire(&t->lock);
    int64_t latest = deadline_after(timeout_ms);
    t->latest_ns = latest < t->latest_ns ? latest : t->latest_ns;
    if (t->state != COMPACTED_TOPIC_LIVE) {
        atomic_store(&t->stop, true);
    }
    cond_broadcast(&t->changed);
    lock_release(&t->lock);
}

/* Under the lock; false when the time is over. */
static bool wait_change(struct compacted_topic *t, int64_t deadline)
{
    return cond_wait_until(&t->changed, &t->lock,
                           deadline < t->latest_ns ? deadline : t->latest_ns);
}

/* Under the lock: the call has waited for long enough. */
static enum err_code too_late(const struct compacted_topic *t, int64_t deadline, const char *what,
                              struct err *e)
{
    if (t->latest_ns < deadline) {
        return err_set(e, ERR_CLOSED, "%s topic %s: given up, the program is stopping", what,
                       t->name);
    }
    return err_set(e, ERR_TIMEOUT, "%s topic %s: not done in time%s%s", what, t->name,
                   t->write_problem[0] != '\0' ? ": " : "", t->write_problem);
}

/*
 * librdkafka repeats what the broker refuses for a reason that may pass (a full disk, a lost
 * leader) until the message's time is over, and then reports no more than that. The reason stands
 * in its debug lines alone:
 *   MSGSET "...: MessageSet with 1 message(s) (MsgId 0, BaseSeq -1) encountered error: <reason>
 *           (actions Retry,MsgNotPersisted)" and "... delivered"
 *   FAIL   "[thrd:...]: 127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection
 * refused"
 */
static void note_problem(struct compacted_topic *t, const char *reason, size_t len)
{
    lock_acquire(&t->lock);
    len = len < sizeof t->write_problem ? len : sizeof t->write_problem - 1;
    memcpy(t->write_problem, reason, len);
    t->write_problem[len] = '\0';
    lock_release(&t->lock);
}

void compacted_topic_producer_log(const rd_kafka_t *rk, int level, const char *facility,
                                  const char *text)
{
    static const char error[] = "encountered error: ";
    (void)level;
    struct compacted_topic *t = rk != NULL ? rd_kafka_opaque(rk) : NULL;
    if (t == NULL) {
        return;
    }
    if (strcmp(facility, "MSGSET") == 0) {
        const char *at = strstr(text, error);
        const char *reason = at != NULL ? at + strlen(error) : "";
        const char *end = strstr(reason, " (actions");
        note_problem(t, reason, end != NULL ? (size_t)(end - reason) : strlen(reason));
    } else if (strcmp(facility, "FAIL") == 0) {
        const char *at = strstr(text, "]: ");
        const char *reason = at != NULL ? at + 3 : text;
        note_problem(t, reason, strlen(reason));
    }
    if (strcmp(facility, "MSGSET") != 0 && strcmp(facility, "PRODUCE") != 0) {
        logger_debug(t->lg, "kafka.client", "name=%s facility=%s %s", rd_kafka_name(rk), facility,
                     text);
    }
}

void compacted_topic_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    const struct compacted_topic *owner = opaque;
    struct ticket *ticket = message->_private;
    if (ticket == NULL) {
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            logger_warn(owner->lg, "topic.write_lost", "topic=%s error=\"%s\"",
                        rd_kafka_topic_name(message->rkt), rd_kafka_err2str(message->err));
        }
        return;
    }
    struct request *request = ticket->request;
    struct compacted_topic *t = request->topic;
    lock_acquire(&t->lock);
    ticket->partition = message->partition;
    ticket->offset = message->offset;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        request->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        request->error = message->err;
    }
    CHECK(request->unreported > 0);
    bool last = --request->unreported == 0;
    bool abandoned = request->abandoned;
    cond_broadcast(&t->changed);
    lock_release(&t->lock);
    if (last && abandoned) {
        mem_free(request);
    }
}

static rd_kafka_resp_err_t produce(struct compacted_topic *t, struct bytes key, struct bytes value,
                                   struct bytes header, struct ticket *ticket)
{
    /* librdkafka copies, but its union has no const. */
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = t->name},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.data, key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value.data, value.len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = ticket},
        {.vtype = RD_KAFKA_VTYPE_HEADER,
         .u.header = {t->header_name, header.data, (ssize_t)header.len}},
    };
    size_t count = sizeof arguments / sizeof arguments[0];
    rd_kafka_error_t *error =
        rd_kafka_produceva(t->producer, arguments, header.data != NULL ? count : count - 1);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

/* Counts the messages that could not even be queued as reported. */
static void produce_all(struct request *request, const struct compacted_topic_write *writes,
                        size_t count)
{
    struct compacted_topic *t = request->topic;
    for (size_t i = 0; i < count; i++) {
        request->tickets[i].request = request;
        rd_kafka_resp_err_t error =
            produce(t, writes[i].key, writes[i].value, writes[i].header, &request->tickets[i]);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            lock_acquire(&t->lock);
            request->error = error;
            request->unreported -= count - i;
            lock_release(&t->lock);
            return;
        }
    }
}

enum err_code compacted_topic_write(struct compacted_topic *t, struct compacted_topic_write *writes,
                                    size_t count, int timeout_ms, struct err *e)
{
    int64_t deadline = deadline_after(timeout_ms);
    struct request *request = mem_calloc(1, sizeof *request + count * sizeof request->tickets[0]);
    if (request == NULL) {
        return err_nomem(e, "write to topic");
    }
    request->topic = t;
    request->unreported = count;
    produce_all(request, writes, count);
    lock_acquire(&t->lock);
    bool in_time = true;
    while (request->unreported > 0 && in_time) {
        in_time = wait_change(t, deadline);
    }
    bool done = request->unreported == 0;
    rd_kafka_resp_err_t error = request->error;
    enum err_code code = ERR_OK;
    if (error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
        (!done && error == RD_KAFKA_RESP_ERR_NO_ERROR)) {
        code = too_late(t, deadline, "write to", e);
    } else if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = client_error_set(e, error, "write to topic %s", t->name);
    }
    request->abandoned = !done;
    for (size_t i = 0; done && i < count; i++) {
        writes[i].partition = request->tickets[i].partition;
        writes[i].offset = request->tickets[i].offset;
    }
    lock_release(&t->lock);
    if (done) {
        mem_free(request);
    }
    return code;
}

enum err_code compacted_topic_post(struct compacted_topic *t, struct bytes key, struct bytes value,
                                   struct err *e)
{
    rd_kafka_resp_err_t error = produce(t, key, value, bytes_of(NULL, 0), NULL);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ERR_OK
               : client_error_set(e, error, "write to topic %s", t->name);
}

static enum err_code wait_position(struct compacted_topic *t, int32_t partition, int64_t end,
                                   int64_t deadline, struct err *e)
{
    enum err_code code = ERR_OK;
    lock_acquire(&t->lock);
    bool in_time = true;
    while (code == ERR_OK) {
        if (t->state == COMPACTED_TOPIC_FAILED) {
            code = err_set(e, t->problem.code, "%s", t->problem.text);
        } else if (partition < t->partition_count && t->positions[partition].next_offset >= end) {
            break;
        } else if (!in_time) {
            code = too_late(t, deadline, "read back from", e);
        } else {
            in_time = wait_change(t, deadline);
        }
    }
    lock_release(&t->lock);
    return code;
}

enum err_code compacted_topic_write_read_back(struct compacted_topic *t,
                                              struct compacted_topic_write *writes, size_t count,
                                              int timeout_ms, struct err *e)
{
    int64_t deadline = deadline_after(timeout_ms);
    enum err_code code = compacted_topic_write(t, writes, count, timeout_ms, e);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        code = wait_position(t, writes[i].partition, writes[i].offset + 1, deadline, e);
    }
    return code;
}

rd_kafka_resp_err_t compacted_topic_query_offset(rd_kafka_t *rk, const char *topic,
                                                 int32_t partition, int64_t which, int timeout_ms,
                                                 int64_t *out_offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(list, topic, partition);
    /* "For which time": the protocol has these two stand for the ends. */
    item->offset = which;
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    error = error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : item->err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *out_offset = item->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

enum err_code compacted_topic_read_to_end(struct compacted_topic *t, int timeout_ms, struct err *e)
{
    int64_t deadline = deadline_after(timeout_ms);
    enum err_code code = compacted_topic_wait_live(t, timeout_ms, e);
    for (int32_t p = 0; code == ERR_OK && p < t->partition_count; p++) {
        int64_t end = 0;
        int64_t left_ms = (deadline - clock_mono_ns(clock_system())) / 1000000;
        rd_kafka_resp_err_t error = compacted_topic_query_offset(
            t->producer, t->name, p, RD_KAFKA_OFFSET_END, left_ms > 0 ? (int)left_ms : 0, &end);
        code = error == RD_KAFKA_RESP_ERR_NO_ERROR
                   ? wait_position(t, p, end, deadline, e)
                   : client_error_set(e, error, "look for the end of topic %s", t->name);
    }
    return code;
}

char *compacted_topic_cluster_id(struct compacted_topic *t)
{
    /* The consumer has it from the metadata that it read by. */
    char *id = rd_kafka_clusterid(t->consumer, 0);
    char *copy = mem_strdup(id);
    if (id != NULL) {
        rd_kafka_mem_free(t->consumer, id);
    }
    return copy;
}
