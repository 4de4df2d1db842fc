#include "cli/partition_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/kafka.h"
#include "cli/table.h"

/* What the client library does not hand out, as the protocol writes it. */
#define PARTITION_TABLE_NO_EPOCH (-1)

static int partition_table_compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* A sorted copy of as many as are shown. */
static int partition_table_sort(const int32_t *ids, int count, int32_t *out)
{
    count = count < PARTITION_TABLE_IDS_MAX ? count : PARTITION_TABLE_IDS_MAX;
    memcpy(out, ids, (size_t)count * sizeof *out);
    qsort(out, (size_t)count, sizeof *out, partition_table_compare);
    return count;
}

void partition_table_ids(const int32_t *ids, int count, char *out, size_t size)
{
    int32_t sorted[PARTITION_TABLE_IDS_MAX];
    count = count > 0 ? partition_table_sort(ids, count, sorted) : 0;
    size_t at = 0;
    (void)snprintf(out, size, "[]");
    for (int i = 0; i < count && at < size; i++) {
        int n = snprintf(out + at, size - at, "%s%d%s", i == 0 ? "[" : " ", sorted[i],
                         i + 1 == count ? "]" : "");
        at += n > 0 ? (size_t)n : 0;
    }
}

json_t *partition_table_ids_json(const int32_t *ids, int count)
{
    int32_t sorted[PARTITION_TABLE_IDS_MAX];
    count = count > 0 ? partition_table_sort(ids, count, sorted) : 0;
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_integer(sorted[i]));
    }
    return list;
}

int partition_table_offline(const struct rd_kafka_metadata *md,
                            const rd_kafka_metadata_partition_t *p,
                            int32_t out_ids[PARTITION_TABLE_IDS_MAX])
{
    int count = 0;
    for (int i = 0; i < p->replica_cnt && count < PARTITION_TABLE_IDS_MAX; i++) {
        bool alive = false;
        for (int b = 0; b < md->broker_cnt && !alive; b++) {
            alive = md->brokers[b].id == p->replicas[i];
        }
        if (!alive) {
            out_ids[count++] = p->replicas[i];
        }
    }
    return count;
}

int partition_table_replicas(const rd_kafka_metadata_topic_t *topic)
{
    return topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0;
}

static void partition_table_row(struct table *t, const struct rd_kafka_metadata *md,
                                const rd_kafka_metadata_partition_t *p, bool offline, bool errors)
{
    char text[PARTITION_TABLE_IDS_MAX * 12];
    int32_t dead[PARTITION_TABLE_IDS_MAX];
    table_row(t);
    table_cell(t, "%s", "");
    table_cell(t, "%d", p->id);
    table_cell(t, "%d", p->leader);
    table_cell(t, "-"); /* the client library does not hand out leader epochs */
    partition_table_ids(p->replicas, p->replica_cnt, text, sizeof text);
    table_cell(t, "%s", text);
    if (offline) {
        int count = partition_table_offline(md, p, dead);
        partition_table_ids(dead, count, text, sizeof text);
        table_cell(t, "%s", text);
    }
    if (errors) {
        table_cell(t, "%s", p->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "-" : kafka_error_name(p->err));
    }
}

bool partition_table_print(const struct rd_kafka_metadata *md,
                           const rd_kafka_metadata_topic_t *topic)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    bool offline = false;
    bool errors = false;
    int32_t dead[PARTITION_TABLE_IDS_MAX];
    for (int i = 0; i < topic->partition_cnt; i++) {
        offline = offline || partition_table_offline(md, &topic->partitions[i], dead) > 0;
        errors = errors || topic->partitions[i].err != RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    (void)printf("%s%s, %d partitions, %d replicas\n", topic->topic,
                 kafka_topic_is_internal(topic->topic) ? " (internal)" : "", topic->partition_cnt,
                 partition_table_replicas(topic));
    table_texts(t, "", "PARTITION", "LEADER", "EPOCH", "REPLICAS", NULL);
    if (offline) {
        table_cell(t, "OFFLINE-REPLICAS");
    }
    if (errors) {
        table_cell(t, "LOAD-ERROR");
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        partition_table_row(t, md, &topic->partitions[i], offline, errors);
    }
    bool printed = table_print(t);
    table_destroy(t);
    return printed;
}

json_t *partition_table_json(const struct rd_kafka_metadata *md,
                             const rd_kafka_metadata_topic_t *topic)
{
    json_t *list = json_array();
    for (int i = 0; i < topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *p = &topic->partitions[i];
        int32_t dead[PARTITION_TABLE_IDS_MAX];
        int count = partition_table_offline(md, p, dead);
        (void)json_array_append_new(
            list, json_pack("{s:i, s:i, s:i, s:o, s:o, s:s}", "partition", p->id, "leader",
                            p->leader, "epoch", PARTITION_TABLE_NO_EPOCH, "replicas",
                            partition_table_ids_json(p->replicas, p->replica_cnt),
                            "offline_replicas", partition_table_ids_json(dead, count), "load_error",
                            p->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : kafka_error_name(p->err)));
    }
    return list;
}
