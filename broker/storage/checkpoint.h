/*
 * Kafka's text checkpoints: "0", the number of lines, then the lines. Offset checkpoints have
 * "<topic> <partition> <offset>", the epoch file "<epoch> <offset>". Replaced as a whole; a file
 * that does not parse is an error, never half believed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "broker/storage/partition.h"
#include "common/buf.h"
#include "common/err.h"

struct checkpoint_entry {
    char topic[PARTITION_TOPIC_MAX + 1];
    int32_t index;
    int64_t offset;
};

struct checkpoint {
    struct checkpoint_entry *entries;
    size_t count;
    size_t capacity;
};

void checkpoint_init(struct checkpoint *c);
void checkpoint_deinit(struct checkpoint *c);
enum err_code checkpoint_add(struct checkpoint *c, const char *topic, int32_t index, int64_t offset,
                             struct err *e);
/* The offset, or `absent`. Of one that was loaded. */
int64_t checkpoint_get(const struct checkpoint *c, const char *topic, int32_t index,
                       int64_t absent);
enum err_code checkpoint_store(const struct checkpoint *c, const char *path, struct err *e);
/* A missing file is an empty checkpoint. */
enum err_code checkpoint_load(struct checkpoint *c, const char *path, struct err *e);

/* Hands each line behind the first two to fn, which may write into it. A missing file has none.
 * For checkpoint_load and the epoch cache. */
typedef enum err_code (*checkpoint_line_fn)(void *ctx, char *line, const char *path, struct err *e);
enum err_code checkpoint_read_lines(const char *path, checkpoint_line_fn fn, void *ctx,
                                    struct err *e);
