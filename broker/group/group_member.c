#include "broker/group/group_member.h"

#include "common/check.h"
#include "common/mem.h"

struct bytes group_member_copy_bytes(struct bytes b)
{
    return bytes_is_null(b) ? b : bytes_of(mem_dup(b.data, b.len), b.len);
}

void group_member_free_bytes(struct bytes *b)
{
    mem_free((void *)(uintptr_t)b->data);
    *b = bytes_null();
}

/* False when the copy failed. */
static bool copy_into(struct bytes *to, struct bytes from)
{
    *to = group_member_copy_bytes(from);
    return bytes_is_null(from) || !bytes_is_null(*to);
}

static void free_protocols(struct group_protocol *protocols, int32_t count)
{
    for (int32_t i = 0; protocols != NULL && i < count; i++) {
        group_member_free_bytes(&protocols[i].name);
        group_member_free_bytes(&protocols[i].metadata);
    }
    mem_free(protocols);
}

static struct group_protocol *copy_protocols(const struct group_protocol *from, int32_t count)
{
    struct group_protocol *to = mem_calloc((size_t)count, sizeof *to);
    bool ok = to != NULL;
    for (int32_t i = 0; ok && i < count; i++) {
        ok = copy_into(&to[i].name, from[i].name) && copy_into(&to[i].metadata, from[i].metadata);
    }
    if (!ok) {
        free_protocols(to, count);
        return NULL;
    }
    return to;
}

struct group_member *group_member_create(struct bytes id, const struct group_member_info *info)
{
    struct group_member *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->session_timeout_ms = info->session_timeout_ms;
    m->rebalance_timeout_ms = info->rebalance_timeout_ms;
    m->protocols = copy_protocols(info->protocols, info->protocol_count);
    m->protocol_count = m->protocols == NULL ? 0 : info->protocol_count;
    bool ok = m->protocols != NULL && copy_into(&m->id, id) &&
              copy_into(&m->instance_id, info->instance_id) &&
              copy_into(&m->client_id, info->client_id) &&
              copy_into(&m->client_host, info->client_host) &&
              copy_into(&m->assignment, bytes_of("", 0));
    if (!ok) {
        group_member_destroy(m);
        return NULL;
    }
    return m;
}

void group_member_destroy(struct group_member *m)
{
    if (m == NULL) {
        return;
    }
    CHECK(m->join_token == NULL);
    CHECK(m->sync_token == NULL);
    free_protocols(m->protocols, m->protocol_count);
    group_member_free_bytes(&m->id);
    group_member_free_bytes(&m->instance_id);
    group_member_free_bytes(&m->client_id);
    group_member_free_bytes(&m->client_host);
    group_member_free_bytes(&m->assignment);
    group_member_free_bytes(&m->next_assignment);
    mem_free(m);
}

bool group_member_update(struct group_member *m, const struct group_member_info *info)
{
    struct group_protocol *protocols = copy_protocols(info->protocols, info->protocol_count);
    if (protocols == NULL) {
        return false;
    }
    free_protocols(m->protocols, m->protocol_count);
    m->protocols = protocols;
    m->protocol_count = info->protocol_count;
    m->session_timeout_ms = info->session_timeout_ms;
    m->rebalance_timeout_ms = info->rebalance_timeout_ms;
    return true;
}

bool group_member_set_id(struct group_member *m, struct bytes id)
{
    struct bytes copy = group_member_copy_bytes(id);
    if (bytes_is_null(copy)) {
        return false;
    }
    group_member_free_bytes(&m->id);
    m->id = copy;
    return true;
}

bool group_member_matches(const struct group_member *m, const struct group_protocol *protocols,
                          int32_t count)
{
    if (m->protocol_count != count) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        if (!bytes_equal(m->protocols[i].name, protocols[i].name) ||
            !bytes_equal(m->protocols[i].metadata, protocols[i].metadata)) {
            return false;
        }
    }
    return true;
}

struct bytes group_member_metadata(const struct group_member *m, struct bytes protocol)
{
    for (int32_t i = 0; i < m->protocol_count; i++) {
        if (bytes_equal(m->protocols[i].name, protocol)) {
            return m->protocols[i].metadata;
        }
    }
    return bytes_null();
}

bool group_member_supports(const struct group_member *m, struct bytes protocol)
{
    for (int32_t i = 0; i < m->protocol_count; i++) {
        if (bytes_equal(m->protocols[i].name, protocol)) {
            return true;
        }
    }
    return false;
}
