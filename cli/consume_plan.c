#include "cli/consume_plan.h"

#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "common/check.h"
#include "common/mem.h"

/* Whether "0,1,5" names the partition. */
static bool consume_plan_wants(const char *partitions, int32_t partition)
{
    for (const char *at = partitions; at != NULL && *at != '\0';) {
        char *end = NULL;
        if (strtol(at, &end, 10) == partition) {
            return true;
        }
        at = *end == ',' ? end + 1 : NULL;
    }
    return partitions == NULL;
}

/* Every partition that is asked for must be there: waiting for one that never comes helps nobody.
 */
static enum err_code consume_plan_check_partitions(const char *partitions,
                                                   const rd_kafka_metadata_topic_t *topic,
                                                   struct err *e)
{
    for (const char *at = partitions; at != NULL && *at != '\0';) {
        char *end = NULL;
        long n = strtol(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0') || n < 0) {
            return err_set(e, ERR_INVALID, "--partitions \"%s\": use numbers, as in 0,1,5",
                           partitions);
        }
        if (n >= topic->partition_cnt) {
            return err_set(e, ERR_NOT_FOUND, "topic %s has partitions 0 to %d, not %ld",
                           topic->topic, topic->partition_cnt - 1, n);
        }
        at = *end == ',' ? end + 1 : end;
    }
    return ERR_OK;
}

static const rd_kafka_metadata_topic_t *consume_plan_find_topic(const struct rd_kafka_metadata *md,
                                                                const char *name)
{
    for (int i = 0; i < md->topic_cnt; i++) {
        if (strcmp(md->topics[i].topic, name) == 0) {
            return &md->topics[i];
        }
    }
    return NULL;
}

static enum err_code consume_plan_add_partitions(const struct rd_kafka_metadata *md,
                                                 const rd_kafka_topic_partition_list_t *topics,
                                                 const char *partitions, struct consume_plan *p,
                                                 struct err *e)
{
    for (int i = 0; i < topics->cnt; i++) {
        const char *name = topics->elems[i].topic;
        const rd_kafka_metadata_topic_t *topic = consume_plan_find_topic(md, name);
        if (topic == NULL) {
            return err_set(e, ERR_NOT_FOUND, "topic %s does not exist (UNKNOWN_TOPIC_OR_PARTITION)",
                           name);
        }
        enum err_code code = consume_plan_check_partitions(partitions, topic, e);
        if (code != ERR_OK) {
            return code;
        }
        for (int k = 0; k < topic->partition_cnt; k++) {
            if (consume_plan_wants(partitions, topic->partitions[k].id)) {
                (void)rd_kafka_topic_partition_list_add(p->list, name, topic->partitions[k].id);
            }
        }
    }
    return ERR_OK;
}

/* One point for one partition: an offset, with the start and end of the log as they are now. */
static enum err_code consume_plan_resolve(rd_kafka_t *rk, const struct consume_partition *item,
                                          const struct offset_point *point, const int64_t ends[2],
                                          int64_t *out, struct err *e)
{
    int64_t low = ends[0];
    int64_t high = ends[1];
    int64_t offset = point->value;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_t *one = NULL;
    switch (point->anchor) {
    case OFFSET_NONE:
        *out = -1;
        return ERR_OK;
    case OFFSET_EXACT:
        break;
    case OFFSET_FROM_START:
        offset = point->value > high - low ? high : low + point->value;
        break;
    case OFFSET_FROM_END:
        offset = point->value > high - low ? low : high - point->value;
        break;
    case OFFSET_AT_TIME:
        one = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(one, item->topic, item->partition)->offset = point->value;
        error = rd_kafka_offsets_for_times(rk, one, KAFKA_TIMEOUT_MS);
        /* Past the last record the answer is the end, as a negative number. */
        offset = one->elems[0].offset >= 0 ? one->elems[0].offset : high;
        rd_kafka_topic_partition_list_destroy(one);
        break;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(e, error, "offsets for times");
    }
    *out = offset;
    return ERR_OK;
}

static enum err_code consume_plan_set_range(rd_kafka_t *rk, struct consume_plan *p, int i,
                                            const struct offset_range *range, struct err *e)
{
    CHECK(p->items != NULL);
    struct consume_partition *item = &p->items[i];
    rd_kafka_topic_partition_t *element = &p->list->elems[i];
    *item = (struct consume_partition){.topic = element->topic, .partition = element->partition};
    int64_t ends[2] = {0, 0};
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        rk, item->topic, item->partition, &ends[0], &ends[1], KAFKA_TIMEOUT_MS);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)kafka_error(e, error, "offsets");
        return err_wrap(e, "topic %s partition %d", item->topic, item->partition);
    }
    enum err_code code = consume_plan_resolve(rk, item, &range->start, ends, &item->start, e);
    if (code == ERR_OK) {
        code = consume_plan_resolve(rk, item, &range->stop, ends, &item->stop, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    /* As rpk: a range ends where the log ends now, it does not wait for the rest. */
    item->stop = item->stop > ends[1] ? ends[1] : item->stop;
    if (item->start < ends[0] || item->start > ends[1]) {
        item->start = item->start < ends[0] ? ends[0] : ends[1];
    }
    element->offset = item->start;
    item->done = item->stop >= 0 && item->stop <= item->start;
    p->open += item->done ? 0 : 1;
    return ERR_OK;
}

enum err_code consume_plan_create(const struct cli *cli, rd_kafka_t *rk,
                                  const struct consume_plan_request *request,
                                  struct consume_plan *out, struct err *e)
{
    const struct rd_kafka_metadata *md = NULL;
    enum err_code code = kafka_metadata(cli, rk, NULL, &md, e);
    if (code != ERR_OK) {
        return code;
    }
    struct consume_plan p = {.list = rd_kafka_topic_partition_list_new(request->topics->cnt)};
    code = consume_plan_add_partitions(md, request->topics, request->partitions, &p, e);
    rd_kafka_metadata_destroy(md);
    rd_kafka_topic_partition_list_sort(p.list, NULL, NULL);
    p.count = p.list->cnt;
    p.items = mem_calloc((size_t)p.count, sizeof *p.items);
    if (code == ERR_OK && p.items == NULL) {
        code = err_nomem(e, "partitions");
    }
    for (int i = 0; i < p.count && code == ERR_OK; i++) {
        code = consume_plan_set_range(rk, &p, i, &request->range, e);
    }
    if (code != ERR_OK) {
        consume_plan_destroy(&p);
        return code;
    }
    *out = p;
    return ERR_OK;
}

void consume_plan_destroy(struct consume_plan *p)
{
    if (p->list != NULL) {
        rd_kafka_topic_partition_list_destroy(p->list);
    }
    mem_free(p->items);
    *p = (struct consume_plan){.list = NULL};
}

static struct consume_partition *consume_plan_find(struct consume_plan *p, const char *topic,
                                                   int32_t partition)
{
    /* Both are in the order of the list, which librdkafka sorted. */
    int low = 0;
    int high = p->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strcmp(p->items[middle].topic, topic);
        if (order == 0) {
            order = p->items[middle].partition < partition   ? -1
                    : p->items[middle].partition > partition ? 1
                                                             : 0;
        }
        if (order == 0) {
            return &p->items[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

static void consume_plan_note(struct consume_plan *p, struct consume_partition *item,
                              int64_t next_offset)
{
    if (!item->done && item->stop >= 0 && next_offset >= item->stop) {
        item->done = true;
        p->open--;
    }
}

bool consume_plan_take(struct consume_plan *p, const char *topic, int32_t partition, int64_t offset)
{
    struct consume_partition *item = consume_plan_find(p, topic, partition);
    if (item == NULL || item->done) {
        return false;
    }
    consume_plan_note(p, item, offset + 1);
    return item->stop < 0 || offset < item->stop;
}

void consume_plan_reached(struct consume_plan *p, const char *topic, int32_t partition,
                          int64_t next_offset)
{
    struct consume_partition *item = consume_plan_find(p, topic, partition);
    if (item != NULL) {
        consume_plan_note(p, item, next_offset);
    }
}
