#include "broker/group/group.h"

#include <string.h>

#include "broker/group/group_internal.h"
#include "common/check.h"
#include "common/mem.h"
#include "protocol/kafka_error.h"

/* ---- state ---- */

const char *group_state_name(enum group_state state)
{
    switch (state) {
    case GROUP_EMPTY:
        return "Empty";
    case GROUP_PREPARING:
        return "PreparingRebalance";
    case GROUP_COMPLETING:
        return "CompletingRebalance";
    case GROUP_STABLE:
        return "Stable";
    case GROUP_DEAD:
        return "Dead";
    }
    return "Dead";
}

static bool may_enter(enum group_state from, enum group_state to)
{
    switch (to) {
    case GROUP_EMPTY:
        return from == GROUP_PREPARING;
    case GROUP_PREPARING:
        return from == GROUP_EMPTY || from == GROUP_COMPLETING || from == GROUP_STABLE;
    case GROUP_COMPLETING:
        return from == GROUP_PREPARING;
    case GROUP_STABLE:
        return from == GROUP_COMPLETING;
    case GROUP_DEAD:
        return true;
    }
    return false;
}

void group_enter(struct group *g, enum group_state state, int64_t now_ms)
{
    CHECK(may_enter(g->state, state));
    g->state = state;
    g->state_since_ms = now_ms;
}

struct group *group_create(struct bytes id, const struct group_config *config,
                           const struct group_io *io, int64_t now_ms)
{
    struct group *g = mem_calloc(1, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    g->id = group_member_copy_bytes(id);
    if (bytes_is_null(g->id)) {
        mem_free(g);
        return NULL;
    }
    g->state = GROUP_EMPTY;
    g->state_since_ms = now_ms;
    g->join_deadline_ms = GROUP_NO_DEADLINE;
    g->sync_deadline_ms = GROUP_NO_DEADLINE;
    g->config = config;
    g->io = io;
    return g;
}

void group_destroy(struct group *g)
{
    if (g == NULL) {
        return;
    }
    for (size_t i = 0; i < g->member_count; i++) {
        group_member_destroy(g->members[i]);
    }
    for (size_t i = 0; i < g->pending_count; i++) {
        group_member_free_bytes(&g->pending[i].id);
    }
    mem_free(g->members);
    mem_free(g->pending);
    group_member_free_bytes(&g->id);
    group_member_free_bytes(&g->protocol_type);
    group_member_free_bytes(&g->protocol_name);
    group_member_free_bytes(&g->leader);
    group_member_free_bytes(&g->static_instance);
    group_member_free_bytes(&g->static_old_id);
    group_member_free_bytes(&g->static_old_leader);
    mem_free(g);
}

void group_kill(struct group *g, int16_t error, int64_t now_ms)
{
    while (g->member_count > 0) {
        struct group_member *m = g->members[g->member_count - 1];
        struct group_join_answer answer = group_join_error(error, m->id);
        group_answer_join(g, m, &answer);
        group_answer_sync(g, m, error);
        group_remove_member(g, m);
    }
    group_enter(g, GROUP_DEAD, now_ms);
    g->join_deadline_ms = GROUP_NO_DEADLINE;
    g->sync_deadline_ms = GROUP_NO_DEADLINE;
    g->persisting = GROUP_PERSISTING_NOTHING;
}

/* ---- members ---- */

struct group_member *group_find_member(const struct group *g, struct bytes id)
{
    for (size_t i = 0; i < g->member_count; i++) {
        if (bytes_equal(g->members[i]->id, id)) {
            return g->members[i];
        }
    }
    return NULL;
}

struct group_member *group_find_static(const struct group *g, struct bytes instance_id)
{
    if (bytes_is_null(instance_id)) {
        return NULL;
    }
    for (size_t i = 0; i < g->member_count; i++) {
        if (bytes_equal(g->members[i]->instance_id, instance_id)) {
            return g->members[i];
        }
    }
    return NULL;
}

bool group_is_leader(const struct group *g, const struct group_member *m)
{
    return bytes_equal(g->leader, m->id);
}

bool group_set_leader(struct group *g, struct bytes id)
{
    struct bytes copy = group_member_copy_bytes(id);
    if (!bytes_is_null(id) && bytes_is_null(copy)) {
        return false;
    }
    group_member_free_bytes(&g->leader);
    g->leader = copy;
    return true;
}

static bool reserve_member(struct group *g)
{
    if (g->member_count < g->member_capacity) {
        return true;
    }
    size_t capacity = g->member_capacity == 0 ? 4 : g->member_capacity * 2;
    struct group_member **members = mem_realloc(g->members, capacity * sizeof *members);
    if (members == NULL) {
        return false;
    }
    g->members = members;
    g->member_capacity = capacity;
    return true;
}

bool group_add_member(struct group *g, struct group_member *m, struct bytes protocol_type)
{
    if (!reserve_member(g)) {
        return false;
    }
    if (g->member_count == 0) {
        struct bytes type = group_member_copy_bytes(protocol_type);
        if (bytes_is_null(type)) {
            return false;
        }
        group_member_free_bytes(&g->protocol_type);
        g->protocol_type = type;
    }
    if (bytes_is_null(g->leader) && !group_set_leader(g, m->id)) {
        return false;
    }
    g->members[g->member_count++] = m;
    return true;
}

void group_remove_member(struct group *g, struct group_member *m)
{
    bool was_leader = group_is_leader(g, m);
    struct group_join_answer answer =
        group_join_error(KAFKA_ERROR_UNKNOWN_MEMBER_ID, bytes_of("", 0));
    group_answer_join(g, m, &answer);
    group_answer_sync(g, m, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    size_t at = 0;
    while (g->members[at] != m) {
        at++;
    }
    memmove(&g->members[at], &g->members[at + 1],
            (g->member_count - at - 1) * sizeof(struct group_member *));
    g->member_count--;
    if (was_leader) {
        struct bytes next = g->member_count > 0 ? g->members[0]->id : bytes_null();
        if (!group_set_leader(g, next)) {
            /* Without memory nobody leads until the next join elects one. */
            group_member_free_bytes(&g->leader);
        }
    }
    group_member_destroy(m);
}

void group_member_gone(struct group *g, int64_t now_ms)
{
    switch (g->state) {
    case GROUP_STABLE:
    case GROUP_COMPLETING:
        group_rebalance(g, now_ms);
        break;
    case GROUP_PREPARING:
        group_try_complete_join(g, now_ms);
        break;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        break;
    }
}

int16_t group_check_member(const struct group *g, struct bytes id, struct bytes instance_id)
{
    if (!bytes_is_null(instance_id)) {
        const struct group_member *m = group_find_static(g, instance_id);
        if (m == NULL) {
            return KAFKA_ERROR_UNKNOWN_MEMBER_ID;
        }
        return bytes_equal(m->id, id) ? KAFKA_ERROR_NONE : KAFKA_ERROR_FENCED_INSTANCE_ID;
    }
    return group_find_member(g, id) != NULL ? KAFKA_ERROR_NONE : KAFKA_ERROR_UNKNOWN_MEMBER_ID;
}

void group_touch(struct group_member *m, int64_t now_ms)
{
    m->session_deadline_ms = now_ms + m->session_timeout_ms;
}

/* ---- ids that were given out ---- */

bool group_is_pending(const struct group *g, struct bytes id)
{
    for (size_t i = 0; i < g->pending_count; i++) {
        if (bytes_equal(g->pending[i].id, id)) {
            return true;
        }
    }
    return false;
}

bool group_add_pending(struct group *g, struct bytes id, int64_t deadline_ms)
{
    if (g->pending_count == g->pending_capacity) {
        size_t capacity = g->pending_capacity == 0 ? 4 : g->pending_capacity * 2;
        struct group_pending *pending = mem_realloc(g->pending, capacity * sizeof *pending);
        if (pending == NULL) {
            return false;
        }
        g->pending = pending;
        g->pending_capacity = capacity;
    }
    struct bytes copy = group_member_copy_bytes(id);
    if (bytes_is_null(copy)) {
        return false;
    }
    g->pending[g->pending_count++] = (struct group_pending){copy, deadline_ms};
    return true;
}

static void remove_pending_at(struct group *g, size_t at)
{
    group_member_free_bytes(&g->pending[at].id);
    g->pending[at] = g->pending[--g->pending_count];
}

bool group_remove_pending(struct group *g, struct bytes id)
{
    for (size_t i = 0; i < g->pending_count; i++) {
        if (bytes_equal(g->pending[i].id, id)) {
            remove_pending_at(g, i);
            return true;
        }
    }
    return false;
}

/* ---- answers ---- */

struct group_join_answer group_join_error(int16_t error, struct bytes member_id)
{
    return (struct group_join_answer){.error = error,
                                      .generation = -1,
                                      .protocol_type = bytes_null(),
                                      .protocol_name = bytes_null(),
                                      .leader = bytes_of("", 0),
                                      .member_id = member_id};
}

void group_answer_join(struct group *g, struct group_member *m,
                       const struct group_join_answer *answer)
{
    void *token = m->join_token;
    if (token != NULL) {
        m->join_token = NULL;
        g->io->joined(g->io->ctx, token, g, answer);
    }
}

void group_answer_sync(struct group *g, struct group_member *m, int16_t error)
{
    void *token = m->sync_token;
    if (token == NULL) {
        return;
    }
    bool ok = error == KAFKA_ERROR_NONE;
    m->sync_token = NULL;
    struct group_sync_answer answer = {
        .error = error,
        .protocol_type = ok ? g->protocol_type : bytes_null(),
        .protocol_name = ok ? g->protocol_name : bytes_null(),
        .assignment = ok ? m->assignment : bytes_of("", 0),
    };
    g->io->synced(g->io->ctx, token, &answer);
}

/* ---- time ---- */

/* While its request waits with us the member cannot heartbeat; only a new one, whose client may be
 * gone for good, has a limit then. */
static bool session_counts(const struct group_member *m)
{
    return m->is_new || (m->join_token == NULL && m->sync_token == NULL);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t group_next_deadline(const struct group *g)
{
    int64_t next = GROUP_NO_DEADLINE;
    for (size_t i = 0; i < g->member_count; i++) {
        if (session_counts(g->members[i])) {
            next = earlier(next, g->members[i]->session_deadline_ms);
        }
    }
    for (size_t i = 0; i < g->pending_count; i++) {
        next = earlier(next, g->pending[i].deadline_ms);
    }
    if (g->state == GROUP_PREPARING) {
        next = earlier(next, g->join_deadline_ms);
    }
    if (g->state == GROUP_COMPLETING || g->state == GROUP_STABLE) {
        next = earlier(next, g->sync_deadline_ms);
    }
    return next;
}

static bool expire_pending(struct group *g, int64_t now_ms)
{
    bool any = false;
    for (size_t i = g->pending_count; i > 0; i--) {
        if (g->pending[i - 1].deadline_ms <= now_ms) {
            remove_pending_at(g, i - 1);
            any = true;
        }
    }
    return any;
}

static bool expire_sessions(struct group *g, int64_t now_ms)
{
    bool any = false;
    for (size_t i = g->member_count; i > 0; i--) {
        struct group_member *m = g->members[i - 1];
        if (session_counts(m) && m->session_deadline_ms <= now_ms) {
            group_remove_member(g, m);
            any = true;
        }
    }
    return any;
}

/* Members that were told of the generation but never asked for their part of it. */
static bool expire_syncs(struct group *g, int64_t now_ms)
{
    bool due =
        (g->state == GROUP_COMPLETING || g->state == GROUP_STABLE) && g->sync_deadline_ms <= now_ms;
    if (!due) {
        return false;
    }
    g->sync_deadline_ms = GROUP_NO_DEADLINE;
    bool any = false;
    for (size_t i = g->member_count; i > 0; i--) {
        if (g->members[i - 1]->sync_missing) {
            group_remove_member(g, g->members[i - 1]);
            any = true;
        }
    }
    return any;
}

void group_tick(struct group *g, int64_t now_ms)
{
    bool gone = expire_pending(g, now_ms);
    gone = expire_sessions(g, now_ms) || gone;
    gone = expire_syncs(g, now_ms) || gone;
    if (gone) {
        group_member_gone(g, now_ms);
    }
    if (g->state == GROUP_PREPARING && g->join_deadline_ms <= now_ms) {
        group_join_expired(g, now_ms);
    }
}

/* ---- loading ---- */

bool group_load_member(struct group *g, struct bytes id, const struct group_member_info *info,
                       struct bytes assignment)
{
    struct group_member *m = group_member_create(id, info);
    struct bytes copy = group_member_copy_bytes(assignment);
    if (m == NULL || bytes_is_null(copy) || !reserve_member(g)) {
        group_member_destroy(m);
        group_member_free_bytes(&copy);
        return false;
    }
    group_member_free_bytes(&m->assignment);
    m->assignment = copy;
    g->members[g->member_count++] = m;
    return true;
}

bool group_loaded(struct group *g, int32_t generation, struct bytes protocol_type,
                  struct bytes protocol_name, struct bytes leader, int64_t now_ms)
{
    g->generation = generation;
    g->protocol_type = group_member_copy_bytes(protocol_type);
    g->protocol_name = group_member_copy_bytes(protocol_name);
    if (!group_set_leader(g, leader) ||
        bytes_is_null(g->protocol_type) != bytes_is_null(protocol_type) ||
        bytes_is_null(g->protocol_name) != bytes_is_null(protocol_name)) {
        return false;
    }
    for (size_t i = 0; i < g->member_count; i++) {
        /* They could not heartbeat while nobody was here: the session starts anew. */
        group_touch(g->members[i], now_ms);
    }
    g->state = g->member_count > 0 ? GROUP_STABLE : GROUP_EMPTY;
    return true;
}
