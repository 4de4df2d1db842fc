/* The topic settings that storage obeys, as plain numbers. The controller parses, checks and
 * documents the keys; here they only arrive. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct partition_config {
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int64_t segment_index_bytes;
    int64_t index_interval_bytes;
    int64_t retention_ms;    /* -1 = no limit */
    int64_t retention_bytes; /* -1 = no limit */
    int64_t file_delete_delay_ms;
    int64_t max_message_bytes; /* of one batch, compressed */
    /* 0 = the user did not set the key: a record is acknowledged (acks=all) and readable once it is
     * on disk. Set by the user: acknowledged and readable at once, and written to disk after that
     * many records or milliseconds, whichever comes first; INT64_MAX = when the kernel likes.
     * flush_messages = 1 is as strict as 0. */
    int64_t flush_messages;
    int64_t flush_ms;
    /* Checked by Produce, not by storage: how far a record's time may be behind or ahead of now. */
    int64_t timestamp_before_max_ms;
    int64_t timestamp_after_max_ms;
    bool log_append_time; /* message.timestamp.type=LogAppendTime */
    bool cleanup_delete;
    bool cleanup_compact;
    int64_t delete_retention_ms; /* of tombstones */
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    double min_dirty_ratio;
};

/* Kafka's defaults, and strict flushing. */
void partition_config_init(struct partition_config *config);
