/*
 * Source partitions and offsets as the JDBC connectors write them into the offsets topic. Pure, but
 * for the look-up, which goes through the context.
 */
#pragma once

#include "connect/include/source_connector.h"
#include "connectors/jdbc/jdbc_sql.h"

struct jdbc_offset {
    bool found;
    bool has_id;
    bool has_timestamp;
    int64_t id;
    int64_t us; /* microseconds since 1970 UTC */
};

/* {"protocol":"1","table":"public.t"}, {"query":"query"}; `legacy`: {"table":"t"}. The text is the
 * caller's; NULL when memory is short. */
char *jdbc_offset_partition(const struct jdbc_table *table, bool legacy);
/* What was committed last: by the partition, or by the legacy one. */
enum err_code jdbc_offset_load(struct source_context *ctx, const struct jdbc_table *table,
                               struct jdbc_offset *out_offset, struct err *e);
/* {"incrementing":3}, {"timestamp_nanos":0,"timestamp":0}, or all three; null in mode bulk. */
struct connect_value jdbc_offset_value(struct connect_batch *batch, enum jdbc_mode mode, int64_t id,
                                       int64_t us);
