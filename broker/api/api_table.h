/*
 * Which API is served by which function. ApiVersions advertises exactly what stands here, over the
 * version range of the protocol tables. To add one: a file api/api_<name>.c with
 * `void api_<name>(struct request *rq)`, and its line below.
 */
#pragma once

#include <stdint.h>

#include "broker/api/request.h"

/* X(key, handler) */
/* clang-format off */
#define API_TABLE(X)                     \
    X(0, api_produce)                    \
    X(1, api_fetch)                      \
    X(2, api_list_offsets)               \
    X(3, api_metadata)                   \
    X(8, api_offset_commit)              \
    X(9, api_offset_fetch)               \
    X(10, api_find_coordinator)          \
    X(11, api_join_group)                \
    X(12, api_heartbeat)                 \
    X(13, api_leave_group)               \
    X(14, api_sync_group)                \
    X(15, api_describe_groups)           \
    X(16, api_list_groups)               \
    X(18, api_versions)                  \
    X(19, api_create_topics)             \
    X(20, api_delete_topics)             \
    X(21, api_delete_records)            \
    X(22, api_init_producer_id)          \
    X(23, api_offset_for_leader_epoch)   \
    X(32, api_describe_configs)          \
    X(37, api_create_partitions)         \
    X(42, api_delete_groups)             \
    X(44, api_incremental_alter_configs) \
    X(60, api_describe_cluster)          \
    X(75, api_describe_topic_partitions)
/* clang-format on */

#define API_TABLE_DECLARE(key, handler) void handler(struct request *rq);
API_TABLE(API_TABLE_DECLARE)
#undef API_TABLE_DECLARE

typedef void (*api_table_handler_fn)(struct request *rq);

/* NULL when the key is not served. */
api_table_handler_fn api_table_find(int16_t key);
