#include "cli/partition_table.h"

#include <stdio.h>

#include "cli/kafka.h"
#include "cli/table.h"

void partition_table_ids(const int32_t *ids, int count, char *out, size_t size)
{
    size_t at = 0;
    (void)snprintf(out, size, "[]");
    for (int i = 0; i < count && at < size; i++) {
        int n = snprintf(out + at, size - at, "%s%d%s", i == 0 ? "[" : " ", ids[i],
                         i + 1 == count ? "]" : "");
        at += n > 0 ? (size_t)n : 0;
    }
}

bool partition_table_print(const rd_kafka_metadata_topic_t *topic, const char *lead)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    bool errors = false;
    for (int i = 0; i < topic->partition_cnt; i++) {
        errors = errors || topic->partitions[i].err != RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    table_row(t);
    if (lead != NULL) {
        table_cell(t, "%s", lead);
    }
    table_cell(t, "PARTITION");
    table_cell(t, "LEADER");
    table_cell(t, "EPOCH");
    table_cell(t, "REPLICAS");
    if (errors) {
        table_cell(t, "LOAD-ERROR");
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *p = &topic->partitions[i];
        char replicas[512];
        partition_table_ids(p->replicas, p->replica_cnt, replicas, sizeof replicas);
        table_row(t);
        if (lead != NULL) {
            table_cell(t, "%s", lead);
        }
        table_cell(t, "%d", p->id);
        table_cell(t, "%d", p->leader);
        table_cell(t, "-"); /* the client library does not hand out leader epochs */
        table_cell(t, "%s", replicas);
        if (errors) {
            table_cell(t, "%s",
                       p->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "-" : kafka_error_name(p->err));
        }
    }
    bool printed = table_print(t);
    table_destroy(t);
    return printed;
}
