#include "broker/group/group_record.h"

#include "broker/group/group.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/check.h"
#include "common/reader.h"

#define OFFSET_KEY_VERSION 1
#define GROUP_KEY_VERSION 2
#define VALUE_VERSION 3
#define EXPIRING_VALUE_VERSION 1

/* The tables' limits cannot be exceeded by what came in through the same tables; what remains is
 * memory, which the buffer remembers. */
static void append_message(struct buf *out, const struct message_schema *schema, int16_t version,
                           const void *message)
{
    buf_append_be16(out, (uint16_t)version);
    if (message_encode(schema, version, message, out, NULL, NULL) != ERR_OK) {
        out->failed = true;
    }
}

void group_record_offset_key(struct buf *out, struct bytes group, struct bytes topic,
                             int32_t partition)
{
    struct kafka_offset_commit_key key = {.group = group, .topic = topic, .partition = partition};
    append_message(out, &kafka_offset_commit_key_schema, OFFSET_KEY_VERSION, &key);
}

void group_record_offset_value(struct buf *out, const struct group_offset *offset)
{
    struct kafka_offset_commit_value value = {.offset = offset->offset,
                                              .leader_epoch = offset->leader_epoch,
                                              .metadata = offset->metadata,
                                              .commit_timestamp = offset->commit_ms,
                                              .expire_timestamp = offset->expire_ms};
    int16_t version = offset->expire_ms >= 0 ? EXPIRING_VALUE_VERSION : VALUE_VERSION;
    append_message(out, &kafka_offset_commit_value_schema, version, &value);
}

void group_record_group_key(struct buf *out, struct bytes group)
{
    struct kafka_group_metadata_key key = {.group = group};
    append_message(out, &kafka_group_metadata_key_schema, GROUP_KEY_VERSION, &key);
}

static void fill_member(const struct group *g, const struct group_member *m,
                        struct kafka_group_metadata_value_member *out)
{
    struct bytes subscription = group_member_metadata(m, g->protocol_name);
    out->member_id = m->id;
    out->group_instance_id = m->instance_id;
    out->client_id = bytes_is_null(m->client_id) ? bytes_of("", 0) : m->client_id;
    out->client_host = bytes_is_null(m->client_host) ? bytes_of("", 0) : m->client_host;
    out->rebalance_timeout = m->rebalance_timeout_ms;
    out->session_timeout = m->session_timeout_ms;
    out->subscription = bytes_is_null(subscription) ? bytes_of("", 0) : subscription;
    out->assignment = bytes_is_null(m->next_assignment) ? m->assignment : m->next_assignment;
}

enum err_code group_record_group_value(struct buf *out, const struct group *g, struct arena *arena,
                                       struct err *e)
{
    struct kafka_group_metadata_value value;
    message_init(&kafka_group_metadata_value_schema, &value);
    value.protocol_type = bytes_is_null(g->protocol_type) ? bytes_of("", 0) : g->protocol_type;
    value.generation = g->generation;
    value.protocol = g->protocol_name;
    value.leader = g->leader;
    value.current_state_timestamp = g->state_since_ms;
    value.members = message_alloc_array(&kafka_group_metadata_value_member_schema, arena,
                                        (int32_t)g->member_count);
    if (value.members == NULL && g->member_count > 0) {
        return err_nomem(e, "group record");
    }
    value.members_count = (int32_t)g->member_count;
    for (size_t i = 0; i < g->member_count; i++) {
        fill_member(g, g->members[i], &value.members[i]);
    }
    append_message(out, &kafka_group_metadata_value_schema, VALUE_VERSION, &value);
    return buf_check(out, "group record", e);
}

/* ---- reading ---- */

static enum err_code decode_offset(struct bytes value, struct arena *arena,
                                   struct group_record *record, struct err *e)
{
    struct reader r;
    reader_init(&r, value);
    int16_t version = (int16_t)reader_be16(&r);
    if (version < 0 || version > kafka_offset_commit_value_schema.max_version) {
        return err_set(e, ERR_CORRUPT, "offset value of version %d", (int)version);
    }
    struct kafka_offset_commit_value v;
    if (message_decode(&kafka_offset_commit_value_schema, version, &r, arena, &v, e) != ERR_OK) {
        return ERR_CORRUPT;
    }
    record->offset = (struct group_offset){
        .offset = v.offset,
        .commit_ms = v.commit_timestamp,
        .expire_ms = version == EXPIRING_VALUE_VERSION ? v.expire_timestamp : -1,
        .metadata = bytes_is_null(v.metadata) ? bytes_of("", 0) : v.metadata,
        .leader_epoch = v.leader_epoch};
    return ERR_OK;
}

static enum err_code decode_group(struct bytes value, struct arena *arena,
                                  struct group_record *record, struct err *e)
{
    struct reader r;
    reader_init(&r, value);
    int16_t version = (int16_t)reader_be16(&r);
    if (version < 0 || version > kafka_group_metadata_value_schema.max_version) {
        return err_set(e, ERR_CORRUPT, "group value of version %d", (int)version);
    }
    enum err_code code = message_decode(&kafka_group_metadata_value_schema, version, &r, arena,
                                        &record->metadata, e);
    return code == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

static enum err_code decode_key(struct reader *r, int16_t version, struct arena *arena,
                                struct group_record *record, struct err *e)
{
    if (version == GROUP_KEY_VERSION) {
        struct kafka_group_metadata_key key;
        record->kind = GROUP_RECORD_GROUP;
        if (message_decode(&kafka_group_metadata_key_schema, version, r, arena, &key, e) !=
            ERR_OK) {
            return ERR_CORRUPT;
        }
        record->group = key.group;
        return ERR_OK;
    }
    struct kafka_offset_commit_key key;
    record->kind = GROUP_RECORD_OFFSET;
    if (message_decode(&kafka_offset_commit_key_schema, version, r, arena, &key, e) != ERR_OK) {
        return ERR_CORRUPT;
    }
    record->group = key.group;
    record->topic = key.topic;
    record->partition = key.partition;
    return ERR_OK;
}

enum err_code group_record_decode(struct bytes key, struct bytes value, struct arena *arena,
                                  struct group_record *out_record, struct err *e)
{
    struct group_record record = {.kind = GROUP_RECORD_OTHER, .tombstone = bytes_is_null(value)};
    struct reader r;
    reader_init(&r, key);
    int16_t version = (int16_t)reader_be16(&r);
    if (reader_failed(&r) || version < 0) {
        return err_set(e, ERR_CORRUPT, "a key without version");
    }
    if (version > GROUP_KEY_VERSION) {
        *out_record = record;
        return ERR_OK;
    }
    enum err_code code = decode_key(&r, version, arena, &record, e);
    if (code == ERR_OK && !record.tombstone) {
        code = record.kind == GROUP_RECORD_OFFSET ? decode_offset(value, arena, &record, e)
                                                  : decode_group(value, arena, &record, e);
    }
    if (code == ERR_OK) {
        *out_record = record;
    }
    return code;
}

int32_t group_record_subscription(struct bytes subscription, struct arena *arena,
                                  const struct bytes **out_topics)
{
    struct reader r;
    reader_init(&r, subscription);
    int16_t version = (int16_t)reader_be16(&r);
    if (reader_failed(&r) || version < 0) {
        return -1;
    }
    struct kafka_consumer_protocol_subscription s;
    /* The topics come first in every version. Version 0 is the common head, so that odd bytes
     * behind it do not matter. */
    if (message_decode(&kafka_consumer_protocol_subscription_schema, 0, &r, arena, &s, NULL) !=
        ERR_OK) {
        return -1;
    }
    *out_topics = s.topics;
    return s.topics_count;
}

/* The next code point of well-formed UTF-8; a bad byte counts as U+FFFD, as Java decodes it. */
static uint32_t next_code_point(struct bytes text, size_t *at)
{
    uint8_t first = text.data[(*at)++];
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    if (first < 0x80) {
        return first;
    }
    if (more == 0 || *at + (size_t)more > text.len) {
        return 0xfffd;
    }
    uint32_t point = first & (0x3fu >> more);
    for (int i = 0; i < more; i++) {
        point = (point << 6) | (text.data[(*at)++] & 0x3fu);
    }
    return point;
}

int32_t group_record_partition(struct bytes group, int32_t partition_count)
{
    CHECK(partition_count > 0);
    uint32_t hash = 0;
    size_t at = 0;
    while (at < group.len) {
        uint32_t point = next_code_point(group, &at);
        if (point >= 0x10000) {
            uint32_t high = 0xd800 + ((point - 0x10000) >> 10);
            hash = 31 * hash + high;
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        hash = 31 * hash + point;
    }
    return (int32_t)((hash & 0x7fffffffu) % (uint32_t)partition_count);
}
