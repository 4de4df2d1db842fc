#include "broker/storage/partition_config.h"

void partition_config_init(struct partition_config *config)
{
    *config = (struct partition_config){
        .segment_bytes = INT64_C(1) << 30,
        .segment_ms = INT64_C(604800000),
        .segment_index_bytes = INT64_C(10) << 20,
        .index_interval_bytes = 4096,
        .retention_ms = INT64_C(604800000),
        .retention_bytes = -1,
        .file_delete_delay_ms = 60000,
        .max_message_bytes = 1048588,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .cleanup_delete = true,
        .delete_retention_ms = INT64_C(86400000),
        .max_compaction_lag_ms = INT64_MAX,
        .min_dirty_ratio = 0.5,
    };
}
