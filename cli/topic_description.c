#include "cli/topic_description.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/kafka.h"
#include "cli/partition_table.h"
#include "cli/table.h"

static const char *topic_description_source(rd_kafka_ConfigSource_t source)
{
    switch (source) {
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG:
        return "DYNAMIC_TOPIC_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG:
        return "DYNAMIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG:
        return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG:
        return "STATIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG:
        return "DEFAULT_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_UNKNOWN_CONFIG:
    case RD_KAFKA_CONFIG_SOURCE__CNT:
        break;
    }
    return "UNKNOWN_CONFIG";
}

static int topic_description_compare(const void *a, const void *b)
{
    const rd_kafka_ConfigEntry_t *const *x = a;
    const rd_kafka_ConfigEntry_t *const *y = b;
    return strcmp(rd_kafka_ConfigEntry_name(*x), rd_kafka_ConfigEntry_name(*y));
}

#define TOPIC_DESCRIPTION_CONFIGS_MAX 512

struct topic_description_configs {
    const rd_kafka_ConfigEntry_t *entries[TOPIC_DESCRIPTION_CONFIGS_MAX];
    size_t count;
};

static void topic_description_sort_configs(const struct topic_description *t,
                                           struct topic_description_configs *out)
{
    size_t resources = 0;
    const rd_kafka_ConfigResource_t **results = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(t->configs), &resources);
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(results[0], &count);
    out->count = count < TOPIC_DESCRIPTION_CONFIGS_MAX ? count : TOPIC_DESCRIPTION_CONFIGS_MAX;
    for (size_t i = 0; i < out->count; i++) {
        out->entries[i] = entries[i];
    }
    if (out->count > 1) {
        qsort(out->entries, out->count, sizeof out->entries[0], topic_description_compare);
    }
}

static const char *topic_description_value(const rd_kafka_ConfigEntry_t *entry)
{
    const char *value = rd_kafka_ConfigEntry_value(entry);
    return rd_kafka_ConfigEntry_is_sensitive(entry) != 0 ? "(sensitive)"
           : value != NULL                               ? value
                                                         : "";
}

static bool topic_description_print_summary(const rd_kafka_metadata_topic_t *topic)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "NAME", topic->topic, NULL);
    if (kafka_topic_is_internal(topic->topic)) {
        table_texts(t, "INTERNAL", "true", NULL);
    }
    table_row(t);
    table_cell(t, "PARTITIONS");
    table_cell(t, "%d", topic->partition_cnt);
    if (topic->partition_cnt > 0) {
        table_row(t);
        table_cell(t, "REPLICAS");
        table_cell(t, "%d", partition_table_replicas(topic));
    }
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        table_texts(t, "ERROR", kafka_error_name(topic->err), NULL);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static bool topic_description_print_configs(const struct topic_description *d)
{
    struct topic_description_configs configs;
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    topic_description_sort_configs(d, &configs);
    table_texts(t, "KEY", "VALUE", "SOURCE", NULL);
    for (size_t i = 0; i < configs.count; i++) {
        const rd_kafka_ConfigEntry_t *entry = configs.entries[i];
        table_texts(t, rd_kafka_ConfigEntry_name(entry), topic_description_value(entry),
                    topic_description_source(rd_kafka_ConfigEntry_source(entry)), NULL);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static void topic_description_offset(struct table *t, int64_t offset, rd_kafka_resp_err_t error)
{
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        table_cell(t, "%s", kafka_error_name(error));
    } else {
        table_cell(t, "%" PRId64, offset);
    }
}

/* Which of the optional columns some partition needs. */
struct topic_description_columns {
    bool offline;
    bool errors;
    bool stable;
};

static struct topic_description_columns topic_description_columns(const struct topic_description *d)
{
    struct topic_description_columns c = {false, false, false};
    int32_t dead[PARTITION_TABLE_IDS_MAX];
    for (int i = 0; i < d->topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *p = &d->topic->partitions[i];
        c.offline = c.offline || partition_table_offline(d->metadata, p, dead) > 0;
        c.errors = c.errors || p->err != RD_KAFKA_RESP_ERR_NO_ERROR;
        c.stable =
            c.stable || (d->offsets[i].stable >= 0 && d->offsets[i].stable != d->offsets[i].end);
    }
    return c;
}

static void topic_description_row(struct table *t, const struct topic_description *d, int i,
                                  struct topic_description_columns c)
{
    const rd_kafka_metadata_partition_t *p = &d->topic->partitions[i];
    const struct topic_description_offsets *o = &d->offsets[i];
    char ids[PARTITION_TABLE_IDS_MAX * 12];
    int32_t dead[PARTITION_TABLE_IDS_MAX];
    table_row(t);
    table_cell(t, "%d", p->id);
    table_cell(t, "%d", p->leader);
    table_cell(t, "-"); /* the client library does not hand out leader epochs */
    partition_table_ids(p->replicas, p->replica_cnt, ids, sizeof ids);
    table_cell(t, "%s", ids);
    if (c.offline) {
        int count = partition_table_offline(d->metadata, p, dead);
        partition_table_ids(dead, count, ids, sizeof ids);
        table_cell(t, "%s", ids);
    }
    if (c.errors) {
        table_cell(t, "%s", p->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "-" : kafka_error_name(p->err));
    }
    topic_description_offset(t, o->start, o->error);
    if (c.stable) {
        topic_description_offset(t, o->stable, o->error);
    }
    topic_description_offset(t, o->end, o->error);
}

static bool topic_description_print_partitions(const struct topic_description *d)
{
    struct topic_description_columns c = topic_description_columns(d);
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "PARTITION", "LEADER", "EPOCH", "REPLICAS", NULL);
    if (c.offline) {
        table_cell(t, "OFFLINE-REPLICAS");
    }
    if (c.errors) {
        table_cell(t, "LOAD-ERROR");
    }
    table_cell(t, "LOG-START-OFFSET");
    if (c.stable) {
        table_cell(t, "LAST-STABLE-OFFSET");
    }
    table_cell(t, "HIGH-WATERMARK");
    for (int i = 0; i < d->topic->partition_cnt; i++) {
        topic_description_row(t, d, i, c);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

/* Sections have a title when there are several, and a blank line between them. */
bool topic_description_print(const struct topic_description *d,
                             struct topic_description_parts parts)
{
    int left = (int)parts.summary + (int)parts.configs + (int)parts.partitions;
    bool titles = left > 1;
    bool good = true;
    const struct {
        bool wanted;
        const char *title;
    } sections[] = {
        {parts.summary, "SUMMARY"}, {parts.configs, "CONFIGS"}, {parts.partitions, "PARTITIONS"}};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!sections[i].wanted) {
            continue;
        }
        if (titles) {
            table_print_title(sections[i].title);
        }
        good = (i == 0   ? topic_description_print_summary(d->topic)
                : i == 1 ? topic_description_print_configs(d)
                         : topic_description_print_partitions(d)) &&
               good;
        if (--left > 0) {
            (void)puts("");
        }
    }
    return good;
}

static json_t *topic_description_partitions_json(const struct topic_description *d)
{
    json_t *list = partition_table_json(d->metadata, d->topic);
    struct topic_description_columns c = topic_description_columns(d);
    for (int i = 0; i < d->topic->partition_cnt; i++) {
        json_t *one = json_array_get(list, (size_t)i);
        const struct topic_description_offsets *o = &d->offsets[i];
        if (json_array_size(json_object_get(one, "offline_replicas")) == 0) {
            (void)json_object_del(one, "offline_replicas");
        }
        if (json_string_length(json_object_get(one, "load_error")) == 0) {
            (void)json_object_del(one, "load_error");
        }
        (void)json_object_set_new(one, "log_start_offset", json_integer(o->start));
        if (c.stable) {
            (void)json_object_set_new(one, "last_stable_offset", json_integer(o->stable));
        }
        (void)json_object_set_new(one, "high_watermark", json_integer(o->end));
        if (o->error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)json_object_set_new(one, "error", json_pack("[s]", kafka_error_name(o->error)));
        }
    }
    return list;
}

json_t *topic_description_json(const struct topic_description *d)
{
    struct topic_description_configs configs;
    topic_description_sort_configs(d, &configs);
    json_t *list = json_array();
    for (size_t i = 0; i < configs.count; i++) {
        const rd_kafka_ConfigEntry_t *entry = configs.entries[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "key", rd_kafka_ConfigEntry_name(entry), "value",
                            topic_description_value(entry), "source",
                            topic_description_source(rd_kafka_ConfigEntry_source(entry))));
    }
    const rd_kafka_metadata_topic_t *topic = d->topic;
    return json_pack("{s:{s:s, s:b, s:i, s:i, s:s}, s:o, s:o}", "summary", "name", topic->topic,
                     "internal", kafka_topic_is_internal(topic->topic), "partitions",
                     topic->partition_cnt, "replicas", partition_table_replicas(topic), "error",
                     topic->err != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error_name(topic->err) : "",
                     "configs", list, "partitions", topic_description_partitions_json(d));
}
