#include "broker/controller/node_config.h"

#include <string.h>

#define MINUTE_MS 60000
#define HOUR_MS 3600000

/* "DYN": may be changed while running. "FIX": only in the file or a flag. */
#define DYN true
#define FIX false
#define NUMBER(key, type, value, min, max, dynamic, doc)                     \
    {                                                                        \
        key, CONFIG_##type, value, min, max, NULL, NULL, dynamic, false, doc \
    }
#define CHOICE(key, type, value, choices, dynamic, doc)                     \
    {                                                                       \
        key, CONFIG_##type, value, 0, 0, choices, NULL, dynamic, false, doc \
    }

/* Sorted by key. */
static const struct config_def node_defs[] = {
    CHOICE("auto.create.topics.enable", BOOL, "true", NULL, FIX,
           "Whether asking for the metadata of an unknown topic creates it."),
    NUMBER("compression.gzip.level", INT, "-1", -1, 9, DYN, "Level for gzip; -1 = its default."),
    NUMBER("compression.lz4.level", INT, "9", 1, 17, DYN, "Level for lz4."),
    CHOICE("compression.type", STRING, "producer",
           "uncompressed, zstd, lz4, snappy, gzip, producer", DYN,
           "How batches are stored; producer keeps them as they came."),
    NUMBER("compression.zstd.level", INT, "3", -131072, 22, DYN, "Level for zstd."),
    NUMBER("connections.max.idle.ms", LONG, "600000", INT64_MIN, INT64_MAX, FIX,
           "A connection silent for so long is closed."),
    NUMBER("default.replication.factor", INT, "1", 1, INT16_MAX, FIX,
           "Replicas of a topic that does not say."),
    CHOICE("delete.topic.enable", BOOL, "true", NULL, FIX, "Whether topics can be deleted."),
    NUMBER("fetch.max.bytes", INT, "57671680", 1024, INT32_MAX, FIX,
           "The most bytes in the answer to one fetch."),
    NUMBER("group.initial.rebalance.delay.ms", INT, "3000", 0, INT32_MAX, FIX,
           "How long an empty group waits for more members before its first rebalance."),
    NUMBER("group.max.session.timeout.ms", INT, "1800000", 1, INT32_MAX, FIX,
           "The longest session timeout a group member may ask for."),
    NUMBER("group.max.size", INT, "2147483647", 1, INT32_MAX, FIX,
           "The most members in one group."),
    NUMBER("group.min.session.timeout.ms", INT, "6000", 1, INT32_MAX, FIX,
           "The shortest session timeout a group member may ask for."),
    NUMBER("log.cleaner.backoff.ms", LONG, "15000", 0, INT64_MAX, FIX,
           "How often logs to compact are looked for."),
    NUMBER("log.cleaner.delete.retention.ms", LONG, "86400000", 0, INT64_MAX, DYN,
           "Default of delete.retention.ms."),
    NUMBER("log.cleaner.max.compaction.lag.ms", LONG, "9223372036854775807", 1, INT64_MAX, DYN,
           "Default of max.compaction.lag.ms."),
    NUMBER("log.cleaner.min.cleanable.ratio", DOUBLE, "0.5", 0, 1, DYN,
           "Default of min.cleanable.dirty.ratio."),
    NUMBER("log.cleaner.min.compaction.lag.ms", LONG, "0", 0, INT64_MAX, DYN,
           "Default of min.compaction.lag.ms."),
    CHOICE("log.cleanup.policy", LIST, "delete", "compact, delete", DYN,
           "Default of cleanup.policy."),
    CHOICE("log.dirs", STRING, NULL, NULL, FIX, "The data directory."),
    NUMBER("log.flush.interval.messages", LONG, "9223372036854775807", 1, INT64_MAX, DYN,
           "Default of flush.messages."),
    NUMBER("log.flush.interval.ms", LONG, "9223372036854775807", 0, INT64_MAX, DYN,
           "Default of flush.ms."),
    NUMBER("log.index.interval.bytes", INT, "4096", 0, INT32_MAX, DYN,
           "Default of index.interval.bytes."),
    NUMBER("log.index.size.max.bytes", INT, "10485760", 4, INT32_MAX, DYN,
           "Default of segment.index.bytes."),
    NUMBER("log.local.retention.bytes", LONG, "-2", -2, INT64_MAX, DYN,
           "Default of local.retention.bytes."),
    NUMBER("log.local.retention.ms", LONG, "-2", -2, INT64_MAX, DYN,
           "Default of local.retention.ms."),
    NUMBER("log.message.timestamp.after.max.ms", LONG, "9223372036854775807", 0, INT64_MAX, DYN,
           "Default of message.timestamp.after.max.ms."),
    NUMBER("log.message.timestamp.before.max.ms", LONG, "9223372036854775807", 0, INT64_MAX, DYN,
           "Default of message.timestamp.before.max.ms."),
    CHOICE("log.message.timestamp.type", STRING, "CreateTime", "CreateTime, LogAppendTime", DYN,
           "Default of message.timestamp.type."),
    CHOICE("log.preallocate", BOOL, "false", NULL, DYN, "Default of preallocate."),
    NUMBER("log.retention.bytes", LONG, "-1", INT64_MIN, INT64_MAX, DYN,
           "Default of retention.bytes."),
    NUMBER("log.retention.check.interval.ms", LONG, "300000", 1, INT64_MAX, FIX,
           "How often old segments are looked for."),
    NUMBER("log.retention.hours", INT, "168", -1, INT32_MAX, FIX,
           "log.retention.ms in hours, where that and the minutes are not set."),
    NUMBER("log.retention.minutes", INT, NULL, -1, INT32_MAX, FIX,
           "log.retention.ms in minutes, where that is not set."),
    NUMBER("log.retention.ms", LONG, "604800000", -1, INT64_MAX, DYN, "Default of retention.ms."),
    NUMBER("log.roll.hours", INT, "168", 1, INT32_MAX, FIX,
           "log.roll.ms in hours, where that is not set."),
    NUMBER("log.roll.jitter.hours", INT, "0", 0, INT32_MAX, FIX,
           "log.roll.jitter.ms in hours, where that is not set."),
    NUMBER("log.roll.jitter.ms", LONG, "0", 0, INT64_MAX, DYN, "Default of segment.jitter.ms."),
    NUMBER("log.roll.ms", LONG, "604800000", 1, INT64_MAX, DYN, "Default of segment.ms."),
    NUMBER("log.segment.bytes", INT, "1073741824", 14, INT32_MAX, DYN, "Default of segment.bytes."),
    NUMBER("log.segment.delete.delay.ms", LONG, "60000", 0, INT64_MAX, DYN,
           "Default of file.delete.delay.ms."),
    NUMBER("max.connections", INT, "2147483647", 0, INT32_MAX, FIX,
           "The most connections at a time."),
    NUMBER("message.max.bytes", INT, "1048588", 0, INT32_MAX, DYN, "Default of max.message.bytes."),
    NUMBER("min.insync.replicas", INT, "1", 1, INT32_MAX, DYN, "Default of min.insync.replicas."),
    NUMBER("node.id", INT, "0", 0, INT32_MAX, FIX, "This broker's id."),
    NUMBER("num.partitions", INT, "1", 1, INT32_MAX, FIX,
           "Partitions of a topic that does not say."),
    NUMBER("offset.metadata.max.bytes", INT, "4096", 0, INT32_MAX, FIX,
           "The longest metadata text of a committed offset."),
    NUMBER("offsets.commit.timeout.ms", INT, "5000", 1, INT32_MAX, FIX,
           "How long an offset commit may wait for the disk."),
    NUMBER("offsets.retention.check.interval.ms", LONG, "600000", 1, INT64_MAX, FIX,
           "How often expired offsets are looked for."),
    NUMBER("offsets.retention.minutes", INT, "10080", 1, INT32_MAX, FIX,
           "How long the offsets of a group without members are kept."),
    NUMBER("offsets.topic.num.partitions", INT, "50", 1, 10000, FIX,
           "Partitions of __consumer_offsets; fixed once it exists."),
    NUMBER("offsets.topic.replication.factor", SHORT, "1", 1, INT16_MAX, FIX,
           "Replicas of __consumer_offsets."),
    NUMBER(
        "offsets.topic.segment.bytes", INT, "2097152", 1, INT32_MAX, FIX,
        "segment.bytes of __consumer_offsets. Kafka has 104857600; a start reads what compaction "
        "leaves, and it leaves the newest segment."),
    NUMBER("producer.id.expiration.ms", INT, "86400000", 1, INT32_MAX, FIX,
           "A producer silent for so long is forgotten by a partition."),
    NUMBER("socket.request.max.bytes", INT, "104857600", 1, INT32_MAX, FIX,
           "The longest request that is read."),
    NUMBER("transaction.max.timeout.ms", INT, "900000", 1, INT32_MAX, FIX,
           "The longest transaction timeout a producer may ask for."),
    NUMBER("transactional.id.expiration.ms", INT, "604800000", 1, INT32_MAX, FIX,
           "A transactional id unused for so long is forgotten."),
    CHOICE("unclean.leader.election.enable", BOOL, "false", NULL, DYN,
           "Default of unclean.leader.election.enable."),
};

#define NODE_DEF_COUNT (sizeof node_defs / sizeof node_defs[0])

const struct config_def *node_config_defs(size_t *out_count)
{
    *out_count = NODE_DEF_COUNT;
    return node_defs;
}

const struct config_def *node_config_find(struct bytes key)
{
    return config_def_find(node_defs, NODE_DEF_COUNT, key);
}

struct bytes node_config_topic_default(const struct controller_view *view,
                                       const struct config_def *def, enum config_source *out_source)
{
    if (def->node_key == NULL) {
        return bytes_null();
    }
    return controller_view_node_config(view, def->node_key, out_source);
}

int64_t node_config_alternative(struct bytes key, const char **out_key)
{
    static const struct {
        const char *key;
        int64_t unit;
        const char *of;
    } alternatives[] = {
        /* The finer unit stands first: it wins where both are set. */
        {"log.retention.minutes", MINUTE_MS, "log.retention.ms"},
        {"log.retention.hours", HOUR_MS, "log.retention.ms"},
        {"log.roll.hours", HOUR_MS, "log.roll.ms"},
        {"log.roll.jitter.hours", HOUR_MS, "log.roll.jitter.ms"},
    };
    for (size_t i = 0; i < sizeof alternatives / sizeof alternatives[0]; i++) {
        if (bytes_equal(key, bytes_of_text(alternatives[i].key))) {
            *out_key = alternatives[i].of;
            return alternatives[i].unit;
        }
    }
    return 0;
}
