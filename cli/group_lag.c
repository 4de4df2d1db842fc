#include "cli/group_lag.h"

#include "cli/kafka.h"
#include "common/check.h"
#include "common/mem.h"

/* The member that owns the partition, or NULL. */
static const rd_kafka_MemberDescription_t *
group_lag_member(const rd_kafka_ConsumerGroupDescription_t *group, const char *topic,
                 int32_t partition)
{
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_MemberDescription_t *m = rd_kafka_ConsumerGroupDescription_member(group, i);
        const rd_kafka_MemberAssignment_t *a = rd_kafka_MemberDescription_assignment(m);
        const rd_kafka_topic_partition_list_t *list =
            a != NULL ? rd_kafka_MemberAssignment_partitions(a) : NULL;
        if (list != NULL && rd_kafka_topic_partition_list_find(list, topic, partition) != NULL) {
            return m;
        }
    }
    return NULL;
}

/* What the group has committed, asked for every partition of the cluster. */
static enum err_code group_lag_commits(const struct cli *cli, rd_kafka_t *rk,
                                       rd_kafka_topic_partition_list_t *list, struct err *e)
{
    const struct rd_kafka_metadata *md = NULL;
    enum err_code code = kafka_metadata(cli, rk, NULL, &md, e);
    if (code != ERR_OK) {
        return code;
    }
    for (int t = 0; t < md->topic_cnt; t++) {
        for (int p = 0; p < md->topics[t].partition_cnt; p++) {
            (void)rd_kafka_topic_partition_list_add(list, md->topics[t].topic,
                                                    md->topics[t].partitions[p].id);
        }
    }
    rd_kafka_metadata_destroy(md);
    rd_kafka_resp_err_t error =
        list->cnt > 0 ? rd_kafka_committed(rk, list, KAFKA_TIMEOUT_MS) : RD_KAFKA_RESP_ERR_NO_ERROR;
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK
                                               : kafka_error(e, error, "committed offsets");
}

static void group_lag_add(rd_kafka_t *rk, const rd_kafka_ConsumerGroupDescription_t *group,
                          const rd_kafka_topic_partition_t *p, struct group_lag *g)
{
    struct group_lag_row row = {.topic = p->topic,
                                .partition = p->partition,
                                .committed = p->offset >= 0 ? p->offset : -1,
                                .start = -1,
                                .end = -1,
                                .error = p->err};
    row.member = group_lag_member(group, p->topic, p->partition);
    if (row.committed < 0 && row.member == NULL) {
        return;
    }
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        rk, p->topic, p->partition, &row.start, &row.end, KAFKA_TIMEOUT_MS);
    row.error = row.error != RD_KAFKA_RESP_ERR_NO_ERROR ? row.error : error;
    CHECK(g->rows != NULL); /* room for every partition was made before */
    g->rows[g->count++] = row;
}

enum err_code group_lag_create(const struct cli *cli,
                               const rd_kafka_ConsumerGroupDescription_t *group,
                               struct group_lag *out, struct err *e)
{
    rd_kafka_t *rk = NULL;
    const struct kafka_property properties[] = {
        {"group.id", rd_kafka_ConsumerGroupDescription_group_id(group)},
        {"enable.auto.commit", "false"},
        {NULL, NULL},
    };
    /* It asks in the group's name, but never joins. */
    enum err_code code = kafka_open(cli, RD_KAFKA_CONSUMER, properties, &rk, e);
    if (code != ERR_OK) {
        return code;
    }
    struct group_lag g = {.list = rd_kafka_topic_partition_list_new(64)};
    code = group_lag_commits(cli, rk, g.list, e);
    rd_kafka_topic_partition_list_sort(g.list, NULL, NULL);
    g.rows = mem_calloc((size_t)g.list->cnt, sizeof *g.rows);
    if (code == ERR_OK && g.rows == NULL) {
        code = err_nomem(e, "offsets");
    }
    for (int i = 0; code == ERR_OK && i < g.list->cnt; i++) {
        group_lag_add(rk, group, &g.list->elems[i], &g);
    }
    rd_kafka_destroy(rk);
    if (code != ERR_OK) {
        group_lag_destroy(&g);
        return code;
    }
    *out = g;
    return ERR_OK;
}

void group_lag_destroy(struct group_lag *g)
{
    if (g->list != NULL) {
        rd_kafka_topic_partition_list_destroy(g->list);
    }
    mem_free(g->rows);
    *g = (struct group_lag){.list = NULL};
}

int64_t group_lag_of(const struct group_lag_row *row)
{
    if (row->end <= 0) {
        return -1;
    }
    int64_t from = row->committed > row->start ? row->committed : row->start;
    return row->end > from ? row->end - from : 0;
}
