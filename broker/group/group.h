/*
 * One classic consumer group: a pure state machine. Requests and the passing of
 * time come in, answers and "make this durable" go out through struct group_io; time and member ids
 * are given, nothing is read from outside. Not thread-safe: the coordinator thread owns it.
 *
 *              join of a first member                    all joined, or the deadline
 *    EMPTY ----------------------------> PREPARING <---------------------------------+
 *      ^                                     |  ^ ^                                  |
 *      | nobody left                         |  | | join with new metadata, leave,   |
 *      +-------------------------------------+  | | session or sync timed out        |
 *                                            v  | |                                  |
 *                                       COMPLETING +--------- STABLE <---------------+
 *                                            |                   ^
 *                                            +-------------------+
 *                               the leader's assignment is durable
 *
 * Any state goes to DEAD when the group is deleted; a dead group is about to be destroyed.
 *
 * Error codes are Kafka's. A token stands for a request that waits; every token that came in goes
 * out exactly once, through io->joined or io->synced, possibly before the call returns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/group/group_member.h"
#include "common/bytes.h"

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE, GROUP_DEAD };

/* A client id, a dash and 36 characters. */
#define GROUP_MEMBER_ID_MAX 320
#define GROUP_NO_DEADLINE INT64_MAX

struct group_config {
    int32_t min_session_timeout_ms;
    int32_t max_session_timeout_ms;
    int32_t max_size;
    int32_t initial_rebalance_delay_ms;
    int32_t new_member_timeout_ms; /* a JoinGroup that waits longer than this has lost its client */
};

struct group;

struct group_join_answer {
    int16_t error;
    int32_t generation;         /* -1 on error */
    struct bytes protocol_type; /* null when none */
    struct bytes protocol_name;
    struct bytes leader;
    struct bytes member_id;
    bool skip_assignment;
    bool with_members; /* the leader gets the members of the group, with their metadata */
};

struct group_sync_answer {
    int16_t error;
    struct bytes protocol_type;
    struct bytes protocol_name;
    struct bytes assignment;
};

struct group_io {
    void *ctx;
    /* The answer's texts are valid during the call only. */
    void (*joined)(void *ctx, void *token, const struct group *g,
                   const struct group_join_answer *answer);
    void (*synced)(void *ctx, void *token, const struct group_sync_answer *answer);
    /* Make the group as it is now durable (members with next_assignment where that is set), then
     * call group_persisted with the same number, on the same thread, not from within this call. */
    void (*persist)(void *ctx, struct group *g, uint64_t change);
    /* A new id: prefix, dash, UUID. Returns its length. */
    size_t (*new_member_id)(void *ctx, struct bytes prefix, char out_id[GROUP_MEMBER_ID_MAX]);
};

struct group_pending {
    struct bytes id;
    int64_t deadline_ms;
};

/* What waits for the disk. */
enum group_persisting { GROUP_PERSISTING_NOTHING, GROUP_PERSISTING_SYNC, GROUP_PERSISTING_STATIC };

struct group {
    struct bytes id;
    enum group_state state;
    int32_t generation;
    struct bytes protocol_type;    /* null until the first member */
    struct bytes protocol_name;    /* null unless COMPLETING or STABLE */
    struct bytes leader;           /* member id; null = none */
    int64_t state_since_ms;        /* wall clock */
    struct group_member **members; /* in the order of arrival */
    size_t member_count;
    size_t member_capacity;
    struct group_pending *pending; /* ids given out with MEMBER_ID_REQUIRED, not yet used */
    size_t pending_count;
    size_t pending_capacity;
    int64_t join_deadline_ms; /* PREPARING: when it ends whoever is missing */
    int64_t sync_deadline_ms; /* COMPLETING, STABLE: members that have not synced go */
    bool initial;             /* PREPARING from EMPTY: waits for more members, not for all */
    bool new_member_added;
    int64_t initial_remaining_ms;
    uint64_t change; /* the newest number given to persist */
    uint64_t awaited_change;
    enum group_persisting persisting;
    /* PERSISTING_STATIC: how to take it back. */
    struct bytes static_instance;
    struct bytes static_old_id;
    struct bytes static_old_leader;
    bool static_may_skip;
    const struct group_config *config;
    const struct group_io *io;
    void *owner_data; /* the coordinator's: committed offsets and such */
};

/* config and io are borrowed and outlive the group. NULL when memory is short. */
struct group *group_create(struct bytes id, const struct group_config *config,
                           const struct group_io *io, int64_t now_ms);
/* Nothing may wait in it: see group_kill. */
void group_destroy(struct group *g);
/* -> DEAD: answers all who wait with 15, removes all members. */
void group_kill(struct group *g, int16_t error, int64_t now_ms);

const char *group_state_name(enum group_state state);
struct group_member *group_find_member(const struct group *g, struct bytes id);
struct group_member *group_find_static(const struct group *g, struct bytes instance_id);
bool group_is_leader(const struct group *g, const struct group_member *m);
bool group_is_pending(const struct group *g, struct bytes id);

struct group_join {
    void *token;
    struct bytes member_id; /* "" = new */
    struct group_member_info info;
    struct bytes protocol_type;
    bool require_known_id; /* JoinGroup v4+ */
    bool may_skip;         /* v9+ */
};
void group_join(struct group *g, const struct group_join *join, int64_t now_ms);

struct group_assignment {
    struct bytes member_id;
    struct bytes assignment;
};

struct group_sync {
    void *token;
    struct bytes member_id;
    struct bytes instance_id;
    int32_t generation;
    struct bytes protocol_type; /* null = not said (before v5) */
    struct bytes protocol_name;
    const struct group_assignment *assignments;
    int32_t assignment_count;
};
void group_sync(struct group *g, const struct group_sync *sync, int64_t now_ms);

/* Who sends, in the requests that are answered at once. */
struct group_sender {
    struct bytes member_id;
    struct bytes instance_id; /* null = none */
    int32_t generation;
};
/* The error for the answer, 0 = none. */
int16_t group_heartbeat(struct group *g, const struct group_sender *sender, int64_t now_ms);
/* generation does not count. */
int16_t group_leave(struct group *g, const struct group_sender *sender, int64_t now_ms);
/* May this sender commit offsets? Also resets its session timer. */
int16_t group_check_commit(struct group *g, const struct group_sender *sender, int64_t now_ms);

/* What io->persist asked for is durable (error 0), or never will be. */
void group_persisted(struct group *g, uint64_t change, int16_t error, int64_t now_ms);

/* When group_tick has something to do; GROUP_NO_DEADLINE = never. Same clock as now_ms. */
int64_t group_next_deadline(const struct group *g);
void group_tick(struct group *g, int64_t now_ms);

/* Loading: a member as it was recorded; then group_loaded once. False when memory is short. */
bool group_load_member(struct group *g, struct bytes id, const struct group_member_info *info,
                       struct bytes assignment);
bool group_loaded(struct group *g, int32_t generation, struct bytes protocol_type,
                  struct bytes protocol_name, struct bytes leader, int64_t now_ms);
