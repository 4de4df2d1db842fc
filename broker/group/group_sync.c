/* Assignments, and the requests that are answered at once. */
#include "broker/group/group_internal.h"
#include "common/check.h"
#include "protocol/kafka_error.h"

void group_persist(struct group *g, enum group_persisting what)
{
    g->change++;
    if (what != GROUP_PERSISTING_NOTHING) {
        g->persisting = what;
        g->awaited_change = g->change;
    }
    g->io->persist(g->io->ctx, g, g->change);
}

/* ---- sync ---- */

static void refuse(const struct group *g, const struct group_sync *sync, int16_t error)
{
    struct group_sync_answer answer = {.error = error,
                                       .protocol_type = bytes_null(),
                                       .protocol_name = bytes_null(),
                                       .assignment = bytes_of("", 0)};
    g->io->synced(g->io->ctx, sync->token, &answer);
}

static int16_t check_sync(const struct group *g, const struct group_sync *sync)
{
    if (g->state == GROUP_DEAD) {
        return KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
    }
    int16_t error = group_check_member(g, sync->member_id, sync->instance_id);
    if (error != KAFKA_ERROR_NONE) {
        return error;
    }
    if (sync->generation != g->generation) {
        return KAFKA_ERROR_ILLEGAL_GENERATION;
    }
    bool type_differs =
        !bytes_is_null(sync->protocol_type) && !bytes_equal(sync->protocol_type, g->protocol_type);
    bool name_differs = !bytes_is_null(sync->protocol_name) && !bytes_is_null(g->protocol_name) &&
                        !bytes_equal(sync->protocol_name, g->protocol_name);
    if (type_differs || name_differs) {
        return KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL;
    }
    return g->state == GROUP_PREPARING ? KAFKA_ERROR_REBALANCE_IN_PROGRESS : KAFKA_ERROR_NONE;
}

static struct bytes assignment_of(const struct group_sync *sync, struct bytes member_id)
{
    for (int32_t i = 0; i < sync->assignment_count; i++) {
        if (bytes_equal(sync->assignments[i].member_id, member_id)) {
            struct bytes found = sync->assignments[i].assignment;
            return bytes_is_null(found) ? bytes_of("", 0) : found;
        }
    }
    return bytes_of("", 0); /* a member that the leader left out gets zero bytes */
}

/* False when memory is short. */
static bool take_assignments(struct group *g, const struct group_sync *sync)
{
    for (size_t i = 0; i < g->member_count; i++) {
        struct group_member *m = g->members[i];
        group_member_free_bytes(&m->next_assignment);
        m->next_assignment = group_member_copy_bytes(assignment_of(sync, m->id));
        if (bytes_is_null(m->next_assignment)) {
            group_drop_next_assignments(g);
            return false;
        }
    }
    return true;
}

static void wait_for_sync(struct group *g, struct group_member *m, const struct group_sync *sync)
{
    group_answer_sync(g, m, KAFKA_ERROR_REBALANCE_IN_PROGRESS); /* of a connection given up */
    m->sync_token = sync->token;
    m->sync_missing = false;
    if (!group_is_leader(g, m) || g->persisting == GROUP_PERSISTING_SYNC) {
        return;
    }
    if (!take_assignments(g, sync)) {
        group_answer_sync(g, m, KAFKA_ERROR_UNKNOWN_SERVER_ERROR);
        return;
    }
    group_persist(g, GROUP_PERSISTING_SYNC);
}

void group_sync(struct group *g, const struct group_sync *sync, int64_t now_ms)
{
    CHECK(sync->token != NULL);
    int16_t error = check_sync(g, sync);
    struct group_member *m = group_find_member(g, sync->member_id);
    if (error != KAFKA_ERROR_NONE || m == NULL) {
        refuse(g, sync, error != KAFKA_ERROR_NONE ? error : KAFKA_ERROR_UNKNOWN_MEMBER_ID);
        return;
    }
    group_touch(m, now_ms);
    if (g->state == GROUP_COMPLETING) {
        wait_for_sync(g, m, sync);
    } else {
        CHECK(g->state == GROUP_STABLE);
        m->sync_missing = false;
        m->sync_token = sync->token;
        group_answer_sync(g, m, KAFKA_ERROR_NONE);
    }
}

/* The assignment is durable: all who wait get their part, the others when they ask. */
static void spread_assignments(struct group *g, int64_t now_ms)
{
    group_enter(g, GROUP_STABLE, now_ms);
    for (size_t i = 0; i < g->member_count; i++) {
        struct group_member *m = g->members[i];
        group_member_free_bytes(&m->assignment);
        m->assignment = m->next_assignment;
        m->next_assignment = bytes_null();
        if (m->sync_token != NULL) {
            group_touch(m, now_ms);
        }
        group_answer_sync(g, m, KAFKA_ERROR_NONE);
    }
}

static void sync_failed(struct group *g, int16_t error, int64_t now_ms)
{
    group_drop_next_assignments(g);
    for (size_t i = 0; i < g->member_count; i++) {
        g->members[i]->assignment.len = 0;
        group_answer_sync(g, g->members[i], error);
    }
    group_rebalance(g, now_ms);
}

void group_persisted(struct group *g, uint64_t change, int16_t error, int64_t now_ms)
{
    if (g->persisting == GROUP_PERSISTING_NOTHING || change != g->awaited_change) {
        return; /* overtaken by a rebalance, or nobody waits */
    }
    enum group_persisting what = g->persisting;
    g->persisting = GROUP_PERSISTING_NOTHING;
    if (what == GROUP_PERSISTING_STATIC) {
        group_static_persisted(g, error, now_ms);
    } else if (error != KAFKA_ERROR_NONE) {
        sync_failed(g, error, now_ms);
    } else {
        CHECK(g->state == GROUP_COMPLETING);
        spread_assignments(g, now_ms);
    }
}

/* ---- heartbeat, leave, commit ---- */

static int16_t check_sender(const struct group *g, const struct group_sender *sender)
{
    if (g->state == GROUP_DEAD) {
        return KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
    }
    int16_t error = group_check_member(g, sender->member_id, sender->instance_id);
    if (error != KAFKA_ERROR_NONE) {
        return error;
    }
    return sender->generation == g->generation ? KAFKA_ERROR_NONE : KAFKA_ERROR_ILLEGAL_GENERATION;
}

int16_t group_heartbeat(struct group *g, const struct group_sender *sender, int64_t now_ms)
{
    int16_t error = check_sender(g, sender);
    if (error != KAFKA_ERROR_NONE) {
        return error;
    }
    group_touch(group_find_member(g, sender->member_id), now_ms);
    return g->state == GROUP_PREPARING ? KAFKA_ERROR_REBALANCE_IN_PROGRESS : KAFKA_ERROR_NONE;
}

int16_t group_leave(struct group *g, const struct group_sender *sender, int64_t now_ms)
{
    if (g->state == GROUP_DEAD) {
        return KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
    }
    struct group_member *m = NULL;
    if (sender->member_id.len == 0 && !bytes_is_null(sender->instance_id)) {
        m = group_find_static(g, sender->instance_id); /* by an administrator */
    } else if (bytes_is_null(sender->instance_id) && group_remove_pending(g, sender->member_id)) {
        group_member_gone(g, now_ms);
        return KAFKA_ERROR_NONE;
    } else {
        int16_t error = group_check_member(g, sender->member_id, sender->instance_id);
        if (error != KAFKA_ERROR_NONE) {
            return error;
        }
        m = group_find_member(g, sender->member_id);
    }
    if (m == NULL) {
        return KAFKA_ERROR_UNKNOWN_MEMBER_ID;
    }
    group_remove_member(g, m);
    group_member_gone(g, now_ms);
    return KAFKA_ERROR_NONE;
}

int16_t group_check_commit(struct group *g, const struct group_sender *sender, int64_t now_ms)
{
    bool says_member =
        sender->generation >= 0 || sender->member_id.len > 0 || !bytes_is_null(sender->instance_id);
    if (g->state == GROUP_DEAD) {
        return KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
    }
    if (!says_member) {
        /* Only a group that nobody is in may be used as a mere store of offsets. */
        return g->state == GROUP_EMPTY ? KAFKA_ERROR_NONE : KAFKA_ERROR_UNKNOWN_MEMBER_ID;
    }
    int16_t error = check_sender(g, sender);
    if (error != KAFKA_ERROR_NONE) {
        return error;
    }
    if (g->state == GROUP_COMPLETING) {
        /* It knows the generation but not its part of it: it has to sync first. */
        return KAFKA_ERROR_REBALANCE_IN_PROGRESS;
    }
    group_touch(group_find_member(g, sender->member_id), now_ms);
    return KAFKA_ERROR_NONE;
}
