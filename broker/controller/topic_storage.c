#include "broker/controller/topic_storage.h"

#include <inttypes.h>
#include <string.h>

#include "broker/controller/topic_config.h"
#include "broker/storage/log_dir.h"
#include "broker/storage/partition.h"
#include "common/check.h"
#include "common/logger.h"
#include "common/mem.h"

/* ---- settings ---- */

struct config_reader {
    const struct controller_view *view;
    const struct topic *topic;
};

static struct bytes read_text(const struct config_reader *r, const char *key,
                              enum config_source *out_source)
{
    const struct config_def *def = topic_config_find(bytes_of_text(key));
    CHECK(def != NULL);
    return topic_config_value(r->view, r->topic, def, out_source);
}

static int64_t read_number(const struct config_reader *r, const char *key)
{
    enum config_source source = CONFIG_SOURCE_BUILT_IN;
    return config_def_number(topic_config_find(bytes_of_text(key)), read_text(r, key, &source));
}

/* 0 unless somebody set it: then, and only then, acks=all may be answered before the disk has it.
 */
static int64_t read_if_set(const struct config_reader *r, const char *key)
{
    enum config_source source = CONFIG_SOURCE_BUILT_IN;
    struct bytes value = read_text(r, key, &source);
    bool is_set = source != CONFIG_SOURCE_BUILT_IN;
    return is_set ? config_def_number(topic_config_find(bytes_of_text(key)), value) : 0;
}

void topic_storage_config(const struct controller_view *view, const struct topic *t,
                          struct partition_config *out_config)
{
    struct config_reader r = {view, t};
    enum config_source source = CONFIG_SOURCE_BUILT_IN;
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = read_number(&r, "segment.bytes");
    config.segment_ms = read_number(&r, "segment.ms");
    config.segment_jitter_ms = read_number(&r, "segment.jitter.ms");
    config.segment_index_bytes = read_number(&r, "segment.index.bytes");
    config.index_interval_bytes = read_number(&r, "index.interval.bytes");
    config.retention_ms = read_number(&r, "retention.ms");
    config.retention_bytes = read_number(&r, "retention.bytes");
    config.file_delete_delay_ms = read_number(&r, "file.delete.delay.ms");
    config.max_message_bytes = read_number(&r, "max.message.bytes");
    config.flush_messages = read_if_set(&r, "flush.messages");
    config.flush_ms = read_if_set(&r, "flush.ms");
    config.timestamp_before_max_ms = read_number(&r, "message.timestamp.before.max.ms");
    config.timestamp_after_max_ms = read_number(&r, "message.timestamp.after.max.ms");
    config.log_append_time = bytes_equal(read_text(&r, "message.timestamp.type", &source),
                                         bytes_of_text("LogAppendTime"));
    struct bytes policy = read_text(&r, "cleanup.policy", &source);
    config.cleanup_delete = config_def_list_has(policy, bytes_of_text("delete"));
    config.cleanup_compact = config_def_list_has(policy, bytes_of_text("compact"));
    config.delete_retention_ms = read_number(&r, "delete.retention.ms");
    config.min_compaction_lag_ms = read_number(&r, "min.compaction.lag.ms");
    config.max_compaction_lag_ms = read_number(&r, "max.compaction.lag.ms");
    config.min_dirty_ratio = config_def_double(read_text(&r, "min.cleanable.dirty.ratio", &source));
    *out_config = config;
}

void topic_storage_configure(const struct controller_view *view, const struct topic *t)
{
    struct partition_config config;
    topic_storage_config(view, t, &config);
    for (int32_t i = 0; i < t->partition_count; i++) {
        if (t->partitions[i] != NULL) {
            partition_set_config(t->partitions[i], &config);
        }
    }
}

/* ---- directories ---- */

static void identity_of(const struct topic *t, int32_t index, struct partition_id *out_id)
{
    *out_id = (struct partition_id){.index = index};
    CHECK(t->name.len < sizeof out_id->topic);
    memcpy(out_id->topic, t->name.data, t->name.len);
    memcpy(out_id->topic_id, t->id, sizeof out_id->topic_id);
}

/* Takes back what a failed creation made. */
static void undo_create(struct log_dir *dir, struct topic *t, int32_t from, int32_t end)
{
    for (int32_t i = from; i < end; i++) {
        partition_unref(t->partitions[i]);
        t->partitions[i] = NULL;
        /* What cannot be removed now is a stray that the next start removes. */
        (void)log_dir_remove_partition(dir, (const char *)t->name.data, i, NULL);
    }
    (void)log_dir_settle_removals(dir, NULL); /* else nothing is created until it is done */
}

enum err_code topic_storage_create(struct log_dir *dir, const struct controller_view *view,
                                   struct topic *t, int32_t from, struct err *e)
{
    if (dir == NULL) {
        return ERR_OK;
    }
    if (log_dir_check_files((size_t)(t->partition_count - from), e) != ERR_OK) {
        return e->code;
    }
    struct partition_config config;
    topic_storage_config(view, t, &config);
    for (int32_t i = from; i < t->partition_count; i++) {
        struct partition_id id;
        identity_of(t, i, &id);
        enum err_code code = log_dir_create_partition(dir, &id, &config, &t->partitions[i], e);
        if (code != ERR_OK) {
            undo_create(dir, t, from, i);
            return code;
        }
        /* One that was there already, from before a crash, has the default settings. */
        partition_set_config(t->partitions[i], &config);
    }
    return ERR_OK;
}

void topic_storage_delete(struct log_dir *dir, const struct topic *t, int32_t from,
                          struct logger *logger)
{
    struct err e;
    for (int32_t i = from; dir != NULL && i < t->partition_count; i++) {
        enum err_code code = log_dir_remove_partition(dir, (const char *)t->name.data, i, &e);
        if (code != ERR_OK && code != ERR_NOT_FOUND) {
            logger_error(logger, "partition.delete_failed",
                         "topic=%s partition=%" PRId32
                         " error=\"%s\" next=\"removed at the next start\"",
                         (const char *)t->name.data, i, e.text);
        }
    }
    if (dir != NULL && log_dir_settle_removals(dir, &e) != ERR_OK) {
        logger_error(logger, "checkpoints.store_failed",
                     "topic=%s error=\"%s\" next=\"tried again; no topic is created before\"",
                     (const char *)t->name.data, e.text);
    }
}

/* ---- at start ---- */

void topic_storage_open(struct log_dir *dir, const struct controller_view *view, struct topic *t,
                        struct logger *logger)
{
    struct partition_config config;
    topic_storage_config(view, t, &config);
    for (int32_t i = 0; dir != NULL && i < t->partition_count; i++) {
        /* Strays are gone: what is there is ours, also when its metadata file never got to disk. */
        t->partitions[i] = log_dir_find_partition(dir, (const char *)t->name.data, i);
        struct partition_id id;
        identity_of(t, i, &id);
        struct err e;
        if (t->partitions[i] == NULL &&
            log_dir_create_partition(dir, &id, &config, &t->partitions[i], &e) != ERR_OK) {
            logger_error(logger, "partition.open_failed",
                         "topic=%s partition=%" PRId32
                         " error=\"%s\" next=\"offline until a restart\"",
                         id.topic, i, e.text);
            continue;
        }
        partition_set_config(t->partitions[i], &config);
    }
}

struct stray_list {
    const struct cluster_state *state;
    struct partition_id *ids;
    size_t count;
    size_t capacity;
    bool failed;
};

static bool is_zero(const uint8_t id[PARTITION_TOPIC_ID_BYTES])
{
    static const uint8_t zero[PARTITION_TOPIC_ID_BYTES];
    CHECK(id != NULL);
    return memcmp(id, zero, sizeof zero) == 0;
}

static void stray_check(void *ctx, struct partition *p)
{
    struct stray_list *list = ctx;
    const struct partition_id *id = partition_identity(p);
    const struct cluster_topic *t = cluster_state_find(list->state, bytes_of_text(id->topic));
    bool same =
        t != NULL && (is_zero(id->topic_id) || memcmp(t->id, id->topic_id, sizeof t->id) == 0);
    if (same && id->index < t->partition_count) {
        return;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        struct partition_id *ids = mem_realloc(list->ids, capacity * sizeof *ids);
        if (ids == NULL) {
            list->failed = true;
            return;
        }
        list->ids = ids;
        list->capacity = capacity;
    }
    list->ids[list->count++] = *id;
}

enum err_code topic_storage_remove_strays(struct log_dir *dir, const struct cluster_state *s,
                                          struct logger *logger, struct err *e)
{
    struct stray_list list = {.state = s};
    enum err_code code = log_dir_each_partition(dir, stray_check, &list, e);
    if (code == ERR_OK && list.failed) {
        code = err_nomem(e, "list of partitions");
    }
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        logger_info(logger, "partition.removed",
                    "topic=%s partition=%" PRId32 " reason=\"no such topic\"", list.ids[i].topic,
                    list.ids[i].index);
        code = log_dir_remove_partition(dir, list.ids[i].topic, list.ids[i].index, e);
    }
    if (code == ERR_OK) {
        code = log_dir_settle_removals(dir, e);
    }
    mem_free(list.ids);
    return code;
}

static void count_one(void *ctx, struct partition *p)
{
    (void)p;
    (*(size_t *)ctx)++;
}

enum err_code topic_storage_count(struct log_dir *dir, size_t *out_count, struct err *e)
{
    size_t count = 0;
    enum err_code code = log_dir_each_partition(dir, count_one, &count, e);
    if (code == ERR_OK) {
        *out_count = count;
    }
    return code;
}
