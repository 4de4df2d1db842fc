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
/* The offset, or `absent`. */
int64_t checkpoint_get(const struct checkpoint *c, const char *topic, int32_t index,
                       int64_t absent);
enum err_code checkpoint_store(const struct checkpoint *c, const char *path, struct err *e);
/* A missing file is an empty checkpoint. */
enum err_code checkpoint_load(struct checkpoint *c, const char *path, struct err *e);

/* The lines of such a file, one at a time; for the epoch cache and the above. */
struct checkpoint_lines {
    const char *at;
    const char *end;
    int64_t left; /* lines still to come */
};
/* Checks version and count. ERR_CORRUPT. */
enum err_code checkpoint_lines_init(struct checkpoint_lines *lines, struct bytes text,
                                    const char *path, struct err *e);
/* The next line as a NUL-terminated text in `line`; ERR_CORRUPT when it is missing or too long. */
enum err_code checkpoint_lines_next(struct checkpoint_lines *lines, char *line, size_t size,
                                    const char *path, struct err *e);
