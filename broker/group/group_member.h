/*
 * One member of a classic group, and what it told us. Owned by its group (group.h); the coordinator
 * thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* A protocol that the member offers, with its opaque bytes. */
struct group_protocol {
    struct bytes name;
    struct bytes metadata;
};

struct group_member {
    struct bytes id;
    struct bytes instance_id; /* null = dynamic */
    struct bytes client_id;
    struct bytes client_host;
    int32_t session_timeout_ms;
    int32_t rebalance_timeout_ms;
    struct group_protocol *protocols; /* in order of preference */
    int32_t protocol_count;
    struct bytes assignment;
    struct bytes next_assignment; /* of the leader's SyncGroup, until it is durable */
    void *join_token;             /* a JoinGroup that waits; NULL = none */
    void *sync_token;             /* a SyncGroup that waits */
    int64_t session_deadline_ms;
    bool is_new;       /* until its first rebalance ends: it cannot heartbeat yet */
    bool sync_missing; /* has not sent SyncGroup in this generation */
};

/* What a JoinGroup says about its sender. Borrowed. */
struct group_member_info {
    struct bytes instance_id;
    struct bytes client_id;
    struct bytes client_host;
    int32_t session_timeout_ms;
    int32_t rebalance_timeout_ms;
    const struct group_protocol *protocols;
    int32_t protocol_count;
};

/* Copies all; NULL when memory is short. Destroy with group_member_destroy. */
struct group_member *group_member_create(struct bytes id, const struct group_member_info *info);
/* No request may wait in it. NULL is fine. */
void group_member_destroy(struct group_member *m);
/* Takes timeouts and protocols over. False when memory is short: nothing changed then. */
bool group_member_update(struct group_member *m, const struct group_member_info *info);
bool group_member_set_id(struct group_member *m, struct bytes id);
/* The same protocols with the same bytes in the same order. */
bool group_member_matches(const struct group_member *m, const struct group_protocol *protocols,
                          int32_t count);
/* The bytes for that protocol; null when the member does not offer it. */
struct bytes group_member_metadata(const struct group_member *m, struct bytes protocol);
bool group_member_supports(const struct group_member *m, struct bytes protocol);

/* An owned copy of bytes, never null for a non-null input; null when memory is short. */
struct bytes group_member_copy_bytes(struct bytes b);
void group_member_free_bytes(struct bytes *b);
