/* DeleteGroups (key 42): answered when the last tombstone is on disk. */
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

struct deletion {
    struct request *rq;
    struct kafka_delete_groups_response response;
    int32_t pending; /* writes under way, and one for the loop that starts them */
};

/* One group of it. */
struct deleted_group {
    struct deletion *deletion;
    int32_t index;
};

static void one_done(struct deletion *d)
{
    if (--d->pending == 0) {
        request_respond(d->rq, &d->response);
    }
}

static struct deletion *prepare(struct request *rq)
{
    const struct kafka_delete_groups_request *body = rq->body;
    struct deletion *d = request_alloc(rq, sizeof *d);
    struct kafka_delete_groups_response_result *results = message_alloc_array(
        &kafka_delete_groups_response_result_schema, &rq->arena, body->groups_names_count);
    if (d == NULL || results == NULL) {
        return NULL;
    }
    message_init(&kafka_delete_groups_response_schema, &d->response);
    d->rq = rq;
    d->pending = 1;
    d->response.results = results;
    d->response.results_count = body->groups_names_count;
    for (int32_t i = 0; i < body->groups_names_count; i++) {
        results[i].group_id = body->groups_names[i];
    }
    return d;
}

static void refuse(struct request *rq, int16_t error)
{
    struct deletion *d = prepare(rq);
    if (d == NULL) {
        request_close(rq, "out of memory for the answer to DeleteGroups");
        return;
    }
    for (int32_t i = 0; i < d->response.results_count; i++) {
        d->response.results[i].error_code = error;
    }
    one_done(d);
}

static void written(void *ctx, struct groups *gs, struct groups_entry *entry, int16_t error,
                    int64_t base_offset)
{
    (void)gs;
    (void)entry;
    (void)base_offset;
    struct deleted_group *g = ctx;
    g->deletion->response.results[g->index].error_code = error;
    one_done(g->deletion);
}

static void write_tombstones(struct groups_write *w, const struct groups_entry *entry)
{
    for (size_t t = 0; t < entry->offsets.count; t++) {
        const struct group_offsets_topic *topic = &entry->offsets.topics[t];
        for (size_t p = 0; p < topic->count; p++) {
            groups_write_offset_tombstone(w, topic->name, topic->partitions[p].index);
        }
    }
    groups_write_group_tombstone(w);
}

static int16_t delete_group(struct groups *gs, struct deletion *d, int32_t index)
{
    struct groups_entry *entry = groups_find(gs, d->response.results[index].group_id);
    if (entry == NULL) {
        return KAFKA_ERROR_GROUP_ID_NOT_FOUND;
    }
    if (entry->group->state != GROUP_EMPTY) {
        return KAFKA_ERROR_NON_EMPTY_GROUP;
    }
    struct deleted_group *g = request_alloc(d->rq, sizeof *g);
    struct groups_write *w = g == NULL ? NULL : groups_write_begin(gs, entry);
    if (w == NULL) {
        return KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    }
    *g = (struct deleted_group){d, index};
    write_tombstones(w, entry);
    d->pending++;
    /* Gone for everybody at once; the entry lives until the write is done. */
    group_kill(entry->group, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE, groups_now_ms(gs));
    groups_write_end(w, written, g);
    groups_changed(gs, entry);
    return KAFKA_ERROR_NONE;
}

static void run(struct groups *gs, struct request *rq)
{
    struct deletion *d = prepare(rq);
    if (d == NULL) {
        request_close(rq, "out of memory for DeleteGroups");
        return;
    }
    for (int32_t i = 0; i < d->response.results_count; i++) {
        d->response.results[i].error_code = delete_group(gs, d, i);
    }
    one_done(d);
}

void api_delete_groups(struct request *rq)
{
    api_group_post(rq, run, refuse);
}
