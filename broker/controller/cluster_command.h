/*
 * The commands that change cluster state, and their bytes in the command log and in snapshots
 * (docs/on-disk-format.md, "Controller"). Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "broker/controller/controller.h"
#include "common/bytes.h"
#include "common/err.h"

struct arena;
struct buf;
struct reader;

/* The numbers are on disk: never renumber. */
enum cluster_command_type {
    CLUSTER_COMMAND_IDENTITY = 1,       /* cluster_id, node_id */
    CLUSTER_COMMAND_CREATE_TOPIC = 2,   /* name, topic_id, partition_count, configs */
    CLUSTER_COMMAND_DELETE_TOPIC = 3,   /* name */
    CLUSTER_COMMAND_ADD_PARTITIONS = 4, /* name, partition_count = the new total */
    CLUSTER_COMMAND_SET_CONFIGS = 5,    /* resource_type, name, configs; value null = unset */
    CLUSTER_COMMAND_PRODUCER_IDS = 6,   /* next_producer_id: all below are handed out */
};

struct cluster_command {
    enum cluster_command_type type;
    struct bytes name; /* topic; node id as text, "" = cluster-wide; cluster id */
    uint8_t topic_id[CONTROLLER_ID_SIZE];
    int32_t partition_count;
    int32_t node_id;
    int8_t resource_type; /* enum controller_resource */
    const struct controller_config *configs;
    size_t config_count;
    int64_t next_producer_id;
};

/* Appends the command to out (sticky failure of the buffer). */
void cluster_command_encode(const struct cluster_command *command, struct buf *out);
/* Reads one command. Texts are borrowed from the reader's input, the config array comes from the
 * arena. CORRUPT or UNSUPPORTED (a newer version) with the reason. */
ERR_MUST_CHECK enum err_code cluster_command_decode(struct reader *r, struct arena *arena,
                                                    struct cluster_command *out_command,
                                                    struct err *e);
