/* DescribeTopicPartitions (key 75): like Metadata, in pages; topics sorted by name. */
#include <stdlib.h>
#include <string.h>

#include "broker/api/api_admin.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "protocol/kafka_error.h"

/* What one answer may hold, whatever the client asks. */
#define PARTITIONS_MAX 2000

struct page {
    struct request *rq;
    const struct controller_view *view;
    int32_t node_id;
    int32_t *node_ids; /* the one replica of everything */
    int32_t left;      /* partitions that still fit */
    struct kafka_describe_topic_partitions_response *response;
};

static int compare_names(const void *a, const void *b)
{
    const struct bytes *x = a;
    const struct bytes *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = len == 0 ? 0 : memcmp(x->data, y->data, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* The names asked for, sorted, each once; all topics when none is named. */
static struct bytes *sorted_names(const struct page *p, int32_t *out_count)
{
    const struct kafka_describe_topic_partitions_request *body = p->rq->body;
    bool all = body->topics_count <= 0;
    size_t total = all ? controller_view_topic_count(p->view) : (size_t)body->topics_count;
    struct bytes *names = arena_alloc_array(&p->rq->arena, total, sizeof *names);
    for (size_t i = 0; names != NULL && i < total; i++) {
        names[i] = all ? controller_view_topic_at(p->view, i)->name : body->topics[i].name;
    }
    if (names == NULL || total == 0) {
        *out_count = 0;
        return names;
    }
    qsort(names, total, sizeof *names, compare_names);
    size_t kept = 1;
    for (size_t i = 1; i < total; i++) {
        if (!bytes_equal(names[i], names[kept - 1])) {
            names[kept++] = names[i];
        }
    }
    *out_count = (int32_t)kept;
    return names;
}

static void fill_partition(const struct page *p, const struct topic *t, int32_t index,
                           struct kafka_describe_topic_partitions_response_partition *out)
{
    bool online = topic_partition(t, index) != NULL;
    out->partition_index = index;
    out->error_code = online ? KAFKA_ERROR_NONE : KAFKA_ERROR_LEADER_NOT_AVAILABLE;
    out->leader_id = online ? p->node_id : -1;
    out->leader_epoch = 0;
    out->replica_nodes = p->node_ids;
    out->replica_nodes_count = 1;
    out->isr_nodes = p->node_ids;
    out->isr_nodes_count = online ? 1 : 0;
    out->offline_replicas = p->node_ids;
    out->offline_replicas_count = online ? 0 : 1;
    out->eligible_leader_replicas_count = 0;
    out->last_known_elr_count = 0;
}

static void set_cursor(const struct page *p, struct bytes name, int32_t index)
{
    struct kafka_describe_topic_partitions_response_next_cursor *cursor =
        request_alloc(p->rq, sizeof *cursor);
    if (cursor != NULL) {
        cursor->topic_name = name;
        cursor->partition_index = index;
        p->response->next_cursor = cursor;
    }
}

/* Adds the topic from that partition on. False when the page is full: the cursor says where. */
static bool add_topic(struct page *p, struct bytes name, int32_t from)
{
    if (p->left == 0) {
        set_cursor(p, name, from);
        return false;
    }
    struct kafka_describe_topic_partitions_response_topic *out =
        &p->response->topics[p->response->topics_count++];
    const struct topic *t = controller_view_topic(p->view, name);
    out->name = name;
    out->topic_authorized_operations = API_ADMIN_OPERATIONS_NONE;
    if (t == NULL) {
        char why[CONTROLLER_MESSAGE_MAX];
        int16_t bad = topic_config_check_name(name, why, sizeof why);
        out->error_code = bad != 0 ? bad : KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
        return true;
    }
    int32_t wanted = t->partition_count > from ? t->partition_count - from : 0;
    int32_t count = wanted < p->left ? wanted : p->left;
    memcpy(out->topic_id.bytes, t->id, sizeof out->topic_id.bytes);
    out->is_internal = t->internal;
    out->topic_authorized_operations = API_ADMIN_OPERATIONS_TOPIC;
    out->partitions = message_alloc_array(
        &kafka_describe_topic_partitions_response_partition_schema, &p->rq->arena, count);
    for (int32_t i = 0; out->partitions != NULL && i < count; i++) {
        fill_partition(p, t, from + i, &out->partitions[i]);
    }
    out->partitions_count = out->partitions == NULL ? 0 : count;
    p->left -= count;
    if (count < wanted) {
        set_cursor(p, name, from + count);
        return false;
    }
    return true;
}

static void fill_page(struct page *p)
{
    const struct kafka_describe_topic_partitions_request *body = p->rq->body;
    int32_t count = 0;
    const struct bytes *names = sorted_names(p, &count);
    p->response->topics = message_alloc_array(
        &kafka_describe_topic_partitions_response_topic_schema, &p->rq->arena, count);
    if (names == NULL || p->response->topics == NULL) {
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        int order = body->cursor == NULL ? 1 : compare_names(&names[i], &body->cursor->topic_name);
        if (order < 0) {
            continue;
        }
        int32_t from = order == 0 && body->cursor != NULL ? body->cursor->partition_index : 0;
        if (!add_topic(p, names[i], from < 0 ? 0 : from)) {
            return;
        }
    }
}

void api_describe_topic_partitions(struct request *rq)
{
    const struct kafka_describe_topic_partitions_request *body = rq->body;
    struct page page = {.rq = rq,
                        .node_id = controller_node_id(broker_controller(rq->broker)),
                        .node_ids = request_alloc(rq, sizeof(int32_t)),
                        .left = PARTITIONS_MAX,
                        .response = request_alloc(rq, sizeof *page.response)};
    if (page.response == NULL || page.node_ids == NULL) {
        request_close(rq, "out of memory for DescribeTopicPartitions");
        return;
    }
    message_init(&kafka_describe_topic_partitions_response_schema, page.response);
    page.response->next_cursor = NULL;
    *page.node_ids = page.node_id;
    if (body->response_partition_limit > 0 && body->response_partition_limit < PARTITIONS_MAX) {
        page.left = body->response_partition_limit;
    }
    page.view = api_admin_hold_view(rq);
    fill_page(&page);
    if (arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to DescribeTopicPartitions");
        return;
    }
    request_respond(rq, page.response);
}
