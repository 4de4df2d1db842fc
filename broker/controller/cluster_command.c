#include "broker/controller/cluster_command.h"

#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/check.h"
#include "common/reader.h"

#define COMMAND_VERSION 0
#define CONFIGS_MAX 10000
#define NULL_LENGTH UINT32_MAX

static void encode_bytes(struct buf *out, struct bytes bytes)
{
    buf_append_be32(out, bytes_is_null(bytes) ? NULL_LENGTH : (uint32_t)bytes.len);
    buf_append(out, bytes.data, bytes.len);
}

static struct bytes decode_bytes(struct reader *r)
{
    uint32_t len = reader_be32(r);
    return len == NULL_LENGTH ? bytes_null() : reader_bytes(r, len);
}

/* One that is never null. */
static struct bytes decode_text(struct reader *r)
{
    struct bytes text = decode_bytes(r);
    if (bytes_is_null(text)) {
        reader_fail(r);
    }
    return text;
}

static void encode_configs(struct buf *out, const struct cluster_command *command)
{
    buf_append_be32(out, (uint32_t)command->config_count);
    for (size_t i = 0; i < command->config_count; i++) {
        encode_bytes(out, command->configs[i].key);
        encode_bytes(out, command->configs[i].value);
    }
}

static void decode_configs(struct reader *r, struct arena *arena, struct cluster_command *command)
{
    uint32_t count = reader_be32(r);
    if (count > CONFIGS_MAX) {
        reader_fail(r);
        return;
    }
    struct controller_config *configs = arena_alloc_array(arena, count, sizeof *configs);
    for (uint32_t i = 0; configs != NULL && i < count && !reader_failed(r); i++) {
        configs[i].key = decode_text(r);
        configs[i].value = decode_bytes(r);
    }
    command->configs = configs;
    command->config_count = configs == NULL ? 0 : count;
}

static void encode_body(const struct cluster_command *command, struct buf *out)
{
    switch (command->type) {
    case CLUSTER_COMMAND_IDENTITY:
        encode_bytes(out, command->name);
        buf_append_be32(out, (uint32_t)command->node_id);
        break;
    case CLUSTER_COMMAND_CREATE_TOPIC:
        encode_bytes(out, command->name);
        buf_append(out, command->topic_id, CONTROLLER_ID_SIZE);
        buf_append_be32(out, (uint32_t)command->partition_count);
        encode_configs(out, command);
        break;
    case CLUSTER_COMMAND_DELETE_TOPIC:
        encode_bytes(out, command->name);
        break;
    case CLUSTER_COMMAND_ADD_PARTITIONS:
        encode_bytes(out, command->name);
        buf_append_be32(out, (uint32_t)command->partition_count);
        break;
    case CLUSTER_COMMAND_SET_CONFIGS:
        buf_append_u8(out, (uint8_t)command->resource_type);
        encode_bytes(out, command->name);
        encode_configs(out, command);
        break;
    case CLUSTER_COMMAND_PRODUCER_IDS:
        buf_append_be64(out, (uint64_t)command->next_producer_id);
        break;
    }
}

void cluster_command_encode(const struct cluster_command *command, struct buf *out)
{
    size_t start = out->len;
    buf_append_be32(out, 0); /* the length, when it is known */
    buf_append_be16(out, (uint16_t)command->type);
    buf_append_be16(out, COMMAND_VERSION);
    encode_body(command, out);
    if (!buf_failed(out)) {
        buf_put_be32(out, start, (uint32_t)(out->len - start - 4));
    }
}

/* False for a type that this version does not know. */
static bool decode_body(struct reader *r, struct arena *arena, struct cluster_command *command)
{
    switch (command->type) {
    case CLUSTER_COMMAND_IDENTITY:
        command->name = decode_text(r);
        command->node_id = (int32_t)reader_be32(r);
        return true;
    case CLUSTER_COMMAND_CREATE_TOPIC: {
        command->name = decode_text(r);
        struct bytes id = reader_bytes(r, CONTROLLER_ID_SIZE);
        if (!reader_failed(r)) {
            memcpy(command->topic_id, id.data, CONTROLLER_ID_SIZE);
        }
        command->partition_count = (int32_t)reader_be32(r);
        decode_configs(r, arena, command);
        return true;
    }
    case CLUSTER_COMMAND_DELETE_TOPIC:
        command->name = decode_text(r);
        return true;
    case CLUSTER_COMMAND_ADD_PARTITIONS:
        command->name = decode_text(r);
        command->partition_count = (int32_t)reader_be32(r);
        return true;
    case CLUSTER_COMMAND_SET_CONFIGS:
        command->resource_type = (int8_t)reader_u8(r);
        command->name = decode_bytes(r);
        decode_configs(r, arena, command);
        return true;
    case CLUSTER_COMMAND_PRODUCER_IDS:
        command->next_producer_id = (int64_t)reader_be64(r);
        return true;
    }
    return false;
}

enum err_code cluster_command_decode(struct reader *r, struct arena *arena,
                                     struct cluster_command *out_command, struct err *e)
{
    CHECK(out_command != NULL);
    uint32_t len = reader_be32(r);
    struct bytes bytes = reader_bytes(r, len);
    if (reader_failed(r)) {
        return err_set(e, ERR_CORRUPT, "command: cut off");
    }
    struct reader body;
    reader_init(&body, bytes);
    struct cluster_command command = {.type = (enum cluster_command_type)reader_be16(&body)};
    uint16_t version = reader_be16(&body);
    if (reader_failed(&body)) {
        return err_set(e, ERR_CORRUPT, "command: shorter than its head");
    }
    if (version != COMMAND_VERSION || !decode_body(&body, arena, &command)) {
        return err_set(e, ERR_UNSUPPORTED, "command type %d version %d is newer than this program",
                       (int)command.type, (int)version);
    }
    if (arena_failed(arena)) {
        return err_nomem(e, "command");
    }
    if (reader_failed(&body) || reader_left(&body) != 0) {
        return err_set(e, ERR_CORRUPT, "command type %d: wrong length", (int)command.type);
    }
    *out_command = command;
    return ERR_OK;
}
