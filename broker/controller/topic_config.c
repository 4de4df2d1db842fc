#include "broker/controller/topic_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/controller/node_config.h"
#include "protocol/kafka_error.h"

#define TOPIC_NAME_MAX 249

/* One row: key, type, default, min, max, choices, broker key, doc. */
#define NUMBER(key, type, value, min, max, node, doc)                     \
    {                                                                     \
        key, CONFIG_##type, value, min, max, NULL, node, true, false, doc \
    }
#define CHOICE(key, type, value, choices, node, doc)                     \
    {                                                                    \
        key, CONFIG_##type, value, 0, 0, choices, node, true, false, doc \
    }
#define OBSOLETE(key, type, value, min, max, choices)                         \
    {                                                                         \
        key, CONFIG_##type, value, min, max, choices, NULL, true, true,       \
            "Accepted for old clients, without effect: gone since Kafka 4.0." \
    }

/* Sorted by key. */
static const struct config_def topic_defs[] = {
    CHOICE("cleanup.policy", LIST, "delete", "compact, delete", "log.cleanup.policy",
           "What happens to old segments: delete discards them by time or size, compact keeps the "
           "last value of each key; both together do both."),
    NUMBER("compression.gzip.level", INT, "-1", -1, 9, "compression.gzip.level",
           "Level for compression.type=gzip; -1 is the library's default."),
    NUMBER("compression.lz4.level", INT, "9", 1, 17, "compression.lz4.level",
           "Level for compression.type=lz4."),
    CHOICE("compression.type", STRING, "producer",
           "uncompressed, zstd, lz4, snappy, gzip, producer", "compression.type",
           "How batches are stored; producer keeps them as they came."),
    NUMBER("compression.zstd.level", INT, "3", -131072, 22, "compression.zstd.level",
           "Level for compression.type=zstd."),
    NUMBER("delete.retention.ms", LONG, "86400000", 0, INT64_MAX, "log.cleaner.delete.retention.ms",
           "How long a tombstone of a compacted topic stays readable."),
    NUMBER("file.delete.delay.ms", LONG, "60000", 0, INT64_MAX, "log.segment.delete.delay.ms",
           "How long a removed segment's file stays on disk."),
    NUMBER("flush.messages", LONG, "9223372036854775807", 1, INT64_MAX,
           "log.flush.interval.messages",
           "Messages after which the log is forced to disk, on top of what acks=all asks for."),
    NUMBER("flush.ms", LONG, "9223372036854775807", 0, INT64_MAX, "log.flush.interval.ms",
           "Time after which the log is forced to disk, on top of what acks=all asks for."),
    CHOICE("follower.replication.throttled.replicas", LIST, "", NULL, NULL,
           "Followers whose replication is throttled: partition:broker pairs, or *."),
    NUMBER("index.interval.bytes", INT, "4096", 0, INT32_MAX, "log.index.interval.bytes",
           "Log bytes between two entries of the offset index."),
    CHOICE("leader.replication.throttled.replicas", LIST, "", NULL, NULL,
           "Leaders whose replication is throttled: partition:broker pairs, or *."),
    NUMBER("local.retention.bytes", LONG, "-2", -2, INT64_MAX, "log.local.retention.bytes",
           "Bytes kept locally with tiered storage; -2 = retention.bytes."),
    NUMBER("local.retention.ms", LONG, "-2", -2, INT64_MAX, "log.local.retention.ms",
           "Time kept locally with tiered storage; -2 = retention.ms."),
    NUMBER("max.compaction.lag.ms", LONG, "9223372036854775807", 1, INT64_MAX,
           "log.cleaner.max.compaction.lag.ms",
           "The longest time a record of a compacted topic stays uncompacted."),
    NUMBER("max.message.bytes", INT, "1048588", 0, INT32_MAX, "message.max.bytes",
           "The largest record batch, as stored."),
    OBSOLETE("message.downconversion.enable", BOOL, "true", 0, 0, NULL),
    OBSOLETE("message.format.version", STRING, "3.0-IV1", 0, 0, NULL),
    NUMBER("message.timestamp.after.max.ms", LONG, "9223372036854775807", 0, INT64_MAX,
           "log.message.timestamp.after.max.ms",
           "How far a record's time may lie after the broker's, for CreateTime."),
    NUMBER("message.timestamp.before.max.ms", LONG, "9223372036854775807", 0, INT64_MAX,
           "log.message.timestamp.before.max.ms",
           "How far a record's time may lie before the broker's, for CreateTime."),
    OBSOLETE("message.timestamp.difference.max.ms", LONG, "9223372036854775807", 0, INT64_MAX,
             NULL),
    CHOICE("message.timestamp.type", STRING, "CreateTime", "CreateTime, LogAppendTime",
           "log.message.timestamp.type",
           "Whether a record's time is the producer's or that of the append."),
    NUMBER("min.cleanable.dirty.ratio", DOUBLE, "0.5", 0, 1, "log.cleaner.min.cleanable.ratio",
           "The share of uncompacted bytes from which on a log is compacted."),
    NUMBER("min.compaction.lag.ms", LONG, "0", 0, INT64_MAX, "log.cleaner.min.compaction.lag.ms",
           "The shortest time a record of a compacted topic stays uncompacted."),
    NUMBER("min.insync.replicas", INT, "1", 1, INT32_MAX, "min.insync.replicas",
           "Replicas that must have a write before acks=all is answered."),
    CHOICE("preallocate", BOOL, "false", NULL, "log.preallocate",
           "Whether a new segment's file gets its full size at once."),
    CHOICE("remote.storage.enable", BOOL, "false", NULL, NULL, "Tiered storage; not available."),
    NUMBER("retention.bytes", LONG, "-1", INT64_MIN, INT64_MAX, "log.retention.bytes",
           "The size of a partition from which on old segments go; -1 = unlimited."),
    NUMBER("retention.ms", LONG, "604800000", -1, INT64_MAX, "log.retention.ms",
           "The age from which on old segments go; -1 = unlimited."),
    NUMBER("segment.bytes", INT, "1073741824", 14, INT32_MAX, "log.segment.bytes",
           "The size of a segment file; retention and compaction work on whole ones."),
    NUMBER("segment.index.bytes", INT, "10485760", 4, INT32_MAX, "log.index.size.max.bytes",
           "The size of a segment's offset index."),
    NUMBER("segment.jitter.ms", LONG, "0", 0, INT64_MAX, "log.roll.jitter.ms",
           "What is taken off segment.ms at random, so that logs do not roll together."),
    NUMBER("segment.ms", LONG, "604800000", 1, INT64_MAX, "log.roll.ms",
           "The age of a segment at which it is closed even if it is not full."),
    CHOICE("unclean.leader.election.enable", BOOL, "false", NULL, "unclean.leader.election.enable",
           "Whether a replica that lags may become leader, losing data."),
};

#define TOPIC_DEF_COUNT (sizeof topic_defs / sizeof topic_defs[0])

const struct config_def *topic_config_defs(size_t *out_count)
{
    *out_count = TOPIC_DEF_COUNT;
    return topic_defs;
}

const struct config_def *topic_config_find(struct bytes key)
{
    return config_def_find(topic_defs, TOPIC_DEF_COUNT, key);
}

static bool name_char_ok(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

int16_t topic_config_check_name(struct bytes name, char *out_message, size_t message_size)
{
    if (name.len == 0) {
        (void)snprintf(out_message, message_size,
                       "Topic name is invalid: the empty string is not allowed");
        return KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    }
    int shown = name.len > TOPIC_NAME_MAX ? TOPIC_NAME_MAX : (int)name.len;
    const char *text = (const char *)name.data;
    if (bytes_equal(name, bytes_of_text(".")) || bytes_equal(name, bytes_of_text(".."))) {
        (void)snprintf(out_message, message_size, "Topic name is invalid: '%.*s' is not allowed",
                       shown, text);
        return KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    }
    if (name.len > TOPIC_NAME_MAX) {
        (void)snprintf(out_message, message_size,
                       "Topic name is invalid: the length of '%.60s...' is longer than the max "
                       "allowed length %d",
                       text, TOPIC_NAME_MAX);
        return KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!name_char_ok(name.data[i])) {
            (void)snprintf(out_message, message_size,
                           "Topic name is invalid: '%.*s' contains one or more characters other "
                           "than ASCII alphanumerics, '.', '_' and '-'",
                           shown, text);
            return KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
        }
    }
    return KAFKA_ERROR_NONE;
}

bool topic_config_names_collide(struct bytes a, struct bytes b)
{
    if (a.len != b.len || bytes_equal(a, b)) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        uint8_t x = a.data[i] == '.' ? '_' : a.data[i];
        uint8_t y = b.data[i] == '.' ? '_' : b.data[i];
        if (x != y) {
            return false;
        }
    }
    return true;
}

bool topic_config_is_internal(struct bytes name)
{
    return bytes_equal(name, bytes_of_text("__consumer_offsets")) ||
           bytes_equal(name, bytes_of_text("__transaction_state"));
}

static int64_t number_or_default(const struct controller_config *configs, size_t count,
                                 const char *key)
{
    const struct config_def *def = topic_config_find(bytes_of_text(key));
    struct bytes value = bytes_of_text(def->default_value);
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(configs[i].key, bytes_of_text(key))) {
            value = configs[i].value;
        }
    }
    return config_def_number(def, value);
}

int16_t topic_config_check(const struct controller_config *configs, size_t count, char *out_message,
                           size_t message_size)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes key = configs[i].key;
        int shown = key.len > 100 ? 100 : (int)key.len;
        const struct config_def *def = topic_config_find(key);
        if (def == NULL) {
            (void)snprintf(out_message, message_size, "Unknown topic config name: %.*s", shown,
                           key.data == NULL ? "" : (const char *)key.data);
            return KAFKA_ERROR_INVALID_CONFIG;
        }
        if (bytes_is_null(configs[i].value)) {
            (void)snprintf(out_message, message_size,
                           "Null value not supported for topic configs: %s", def->key);
            return KAFKA_ERROR_INVALID_CONFIG;
        }
        if (!config_def_check(def, configs[i].value, out_message, message_size)) {
            return KAFKA_ERROR_INVALID_CONFIG;
        }
    }
    int64_t min_lag = number_or_default(configs, count, "min.compaction.lag.ms");
    int64_t max_lag = number_or_default(configs, count, "max.compaction.lag.ms");
    if (min_lag > max_lag) {
        (void)snprintf(out_message, message_size,
                       "conflict topic config setting min.compaction.lag.ms (%" PRId64
                       ") > max.compaction.lag.ms (%" PRId64 ")",
                       min_lag, max_lag);
        return KAFKA_ERROR_INVALID_CONFIG;
    }
    return KAFKA_ERROR_NONE;
}

struct bytes topic_config_value(const struct controller_view *view, const struct topic *t,
                                const struct config_def *def, enum config_source *out_source)
{
    struct bytes key = bytes_of_text(def->key);
    for (size_t i = 0; t != NULL && i < t->config_count; i++) {
        if (bytes_equal(t->configs[i].key, key)) {
            *out_source = CONFIG_SOURCE_TOPIC;
            return t->configs[i].value;
        }
    }
    if (def->node_key != NULL && view != NULL) {
        struct bytes value = node_config_topic_default(view, def, out_source);
        if (!bytes_is_null(value)) {
            return value;
        }
    }
    *out_source = CONFIG_SOURCE_BUILT_IN;
    return bytes_of_text(def->default_value);
}
