/* Joining, and the rebalance that follows. */
#include "broker/group/group_internal.h"
#include "common/check.h"
#include "protocol/kafka_error.h"

/* Ids given out and not used: each costs memory until its session timeout. */
#define PENDING_MAX 10000

/* ---- protocols ---- */

static bool supported_by_all(const struct group *g, struct bytes protocol)
{
    for (size_t i = 0; i < g->member_count; i++) {
        if (!group_member_supports(g->members[i], protocol)) {
            return false;
        }
    }
    return true;
}

/* The first protocol of this member that all have. */
static struct bytes vote(const struct group *g, const struct group_member *m)
{
    for (int32_t i = 0; i < m->protocol_count; i++) {
        if (supported_by_all(g, m->protocols[i].name)) {
            return m->protocols[i].name;
        }
    }
    return bytes_null();
}

/* Ties go to what the earlier member prefers. */
struct bytes group_select_protocol(const struct group *g)
{
    const struct group_member *first = g->member_count > 0 ? g->members[0] : NULL;
    struct bytes best = bytes_null();
    size_t best_votes = 0;
    for (int32_t p = 0; first != NULL && p < first->protocol_count; p++) {
        size_t votes = 0;
        for (size_t i = 0; i < g->member_count; i++) {
            votes += bytes_equal(vote(g, g->members[i]), first->protocols[p].name) ? 1 : 0;
        }
        if (votes > best_votes) {
            best_votes = votes;
            best = first->protocols[p].name;
        }
    }
    return best;
}

/* Would the members still have a protocol in common with this one? `besides` is not asked. */
static bool supports(const struct group *g, const struct group_join *join)
{
    if (join->info.protocol_count == 0 || join->protocol_type.len == 0) {
        return false;
    }
    if (g->member_count == 0) {
        return true;
    }
    if (!bytes_equal(g->protocol_type, join->protocol_type)) {
        return false;
    }
    for (int32_t i = 0; i < join->info.protocol_count; i++) {
        if (supported_by_all(g, join->info.protocols[i].name)) {
            return true;
        }
    }
    return false;
}

/* ---- rebalances ---- */

static int64_t rebalance_timeout(const struct group *g)
{
    int64_t longest = 0;
    for (size_t i = 0; i < g->member_count; i++) {
        if (g->members[i]->rebalance_timeout_ms > longest) {
            longest = g->members[i]->rebalance_timeout_ms;
        }
    }
    return longest;
}

void group_drop_next_assignments(struct group *g)
{
    for (size_t i = 0; i < g->member_count; i++) {
        group_member_free_bytes(&g->members[i]->next_assignment);
    }
}

static void start_initial(struct group *g, int64_t now_ms)
{
    int64_t delay = g->config->initial_rebalance_delay_ms;
    int64_t timeout = rebalance_timeout(g);
    g->initial = delay > 0;
    g->new_member_added = false;
    g->initial_remaining_ms = timeout > delay ? timeout - delay : 0;
    g->join_deadline_ms = now_ms + (g->initial ? delay : timeout);
}

void group_rebalance(struct group *g, int64_t now_ms)
{
    if (g->state == GROUP_PREPARING || g->state == GROUP_DEAD) {
        return;
    }
    if (g->state == GROUP_COMPLETING) {
        for (size_t i = 0; i < g->member_count; i++) {
            struct group_member *m = g->members[i];
            m->assignment.len = 0;
            if (m->sync_token != NULL) {
                group_touch(m, now_ms);
            }
            group_answer_sync(g, m, KAFKA_ERROR_REBALANCE_IN_PROGRESS);
        }
    }
    if (g->persisting == GROUP_PERSISTING_SYNC) {
        g->persisting = GROUP_PERSISTING_NOTHING;
        group_drop_next_assignments(g);
    }
    g->sync_deadline_ms = GROUP_NO_DEADLINE;
    if (g->state == GROUP_EMPTY) {
        start_initial(g, now_ms);
    } else {
        g->initial = false;
        g->join_deadline_ms = now_ms + rebalance_timeout(g);
    }
    group_enter(g, GROUP_PREPARING, now_ms);
    group_try_complete_join(g, now_ms);
}

/* The leader stays while it has joined; otherwise the first who has. False: nobody has. */
static bool elect_leader(struct group *g)
{
    const struct group_member *leader = group_find_member(g, g->leader);
    if (leader != NULL && leader->join_token != NULL) {
        return true;
    }
    for (size_t i = 0; i < g->member_count; i++) {
        if (g->members[i]->join_token != NULL) {
            return group_set_leader(g, g->members[i]->id);
        }
    }
    return false;
}

static void answer_joined(struct group *g, struct group_member *m)
{
    bool leads = group_is_leader(g, m);
    struct group_join_answer answer = {.error = KAFKA_ERROR_NONE,
                                       .generation = g->generation,
                                       .protocol_type = g->protocol_type,
                                       .protocol_name = g->protocol_name,
                                       .leader = g->leader,
                                       .member_id = m->id,
                                       .with_members = leads};
    group_answer_join(g, m, &answer);
}

static void next_generation(struct group *g, int64_t now_ms)
{
    g->generation = g->generation == INT32_MAX ? 1 : g->generation + 1;
    g->join_deadline_ms = GROUP_NO_DEADLINE;
    group_member_free_bytes(&g->protocol_name);
    if (g->member_count == 0) {
        group_enter(g, GROUP_EMPTY, now_ms);
        group_persist(g, GROUP_PERSISTING_NOTHING);
        return;
    }
    g->protocol_name = group_member_copy_bytes(group_select_protocol(g));
    group_enter(g, GROUP_COMPLETING, now_ms);
    g->sync_deadline_ms = now_ms + rebalance_timeout(g);
    for (size_t i = 0; i < g->member_count; i++) {
        struct group_member *m = g->members[i];
        m->is_new = false;
        m->sync_missing = true;
        group_touch(m, now_ms);
        answer_joined(g, m);
    }
}

/* Dynamic members that did not come back are out; static ones stay until their session ends. */
static void drop_missing(struct group *g)
{
    for (size_t i = g->member_count; i > 0; i--) {
        struct group_member *m = g->members[i - 1];
        if (m->join_token == NULL && bytes_is_null(m->instance_id)) {
            group_remove_member(g, m);
        }
    }
}

static void complete_join(struct group *g, int64_t now_ms)
{
    drop_missing(g);
    if (g->member_count > 0 && !elect_leader(g)) {
        /* Only static members that are away: wait on, until one returns or their sessions end. */
        g->join_deadline_ms = now_ms + rebalance_timeout(g);
        return;
    }
    next_generation(g, now_ms);
}

void group_try_complete_join(struct group *g, int64_t now_ms)
{
    if (g->state != GROUP_PREPARING || g->initial || g->pending_count > 0) {
        return;
    }
    for (size_t i = 0; i < g->member_count; i++) {
        if (g->members[i]->join_token == NULL) {
            return;
        }
    }
    complete_join(g, now_ms);
}

void group_join_expired(struct group *g, int64_t now_ms)
{
    CHECK(g->state == GROUP_PREPARING);
    if (g->initial && g->new_member_added && g->initial_remaining_ms > 0) {
        /* Somebody came while we waited: wait for more, up to the rebalance timeout. */
        int64_t delay = g->config->initial_rebalance_delay_ms;
        delay = delay < g->initial_remaining_ms ? delay : g->initial_remaining_ms;
        g->new_member_added = false;
        g->initial_remaining_ms -= delay;
        g->join_deadline_ms = now_ms + delay;
        return;
    }
    g->initial = false;
    complete_join(g, now_ms);
}

/* ---- joining ---- */

static void refuse(const struct group *g, const struct group_join *join, int16_t error,
                   struct bytes member_id)
{
    struct group_join_answer answer = group_join_error(error, member_id);
    g->io->joined(g->io->ctx, join->token, g, &answer);
}

/* A request of the same member that still waits belongs to a connection that the client gave up. */
static void take_join(struct group *g, struct group_member *m, void *token)
{
    struct group_join_answer answer = group_join_error(KAFKA_ERROR_REBALANCE_IN_PROGRESS, m->id);
    group_answer_join(g, m, &answer);
    m->join_token = token;
}

static void add_and_rebalance(struct group *g, const struct group_join *join, struct bytes id,
                              int64_t now_ms)
{
    struct group_member *m = group_member_create(id, &join->info);
    if (m == NULL || !group_add_member(g, m, join->protocol_type)) {
        group_member_destroy(m);
        refuse(g, join, KAFKA_ERROR_UNKNOWN_SERVER_ERROR, id);
        return;
    }
    (void)group_remove_pending(g, id); /* it may or may not have been one */
    m->is_new = true;
    m->join_token = join->token;
    m->session_deadline_ms = now_ms + g->config->new_member_timeout_ms;
    if (g->state == GROUP_PREPARING && g->initial) {
        g->new_member_added = true;
    }
    group_rebalance(g, now_ms);
    group_try_complete_join(g, now_ms);
}

static void update_and_rebalance(struct group *g, struct group_member *m,
                                 const struct group_join *join, int64_t now_ms)
{
    if (!group_member_update(m, &join->info)) {
        refuse(g, join, KAFKA_ERROR_UNKNOWN_SERVER_ERROR, m->id);
        return;
    }
    take_join(g, m, join->token);
    group_rebalance(g, now_ms);
    group_try_complete_join(g, now_ms);
}

/* The member's present generation, as it would have heard at the end of the rebalance. */
static void answer_again(struct group *g, struct group_member *m, const struct group_join *join,
                         int64_t now_ms)
{
    take_join(g, m, join->token);
    group_touch(m, now_ms);
    answer_joined(g, m);
}

/* ---- static members ---- */

static void forget_static(struct group *g)
{
    group_member_free_bytes(&g->static_instance);
    group_member_free_bytes(&g->static_old_id);
    group_member_free_bytes(&g->static_old_leader);
}

/* The old id is fenced, the new one takes its place; false when memory is short. */
static bool replace_id(struct group *g, struct group_member *m, struct bytes new_id)
{
    bool leads = group_is_leader(g, m);
    struct bytes old_leader = group_member_copy_bytes(g->leader);
    struct group_join_answer fenced = group_join_error(KAFKA_ERROR_FENCED_INSTANCE_ID, m->id);
    group_answer_join(g, m, &fenced);
    group_answer_sync(g, m, KAFKA_ERROR_FENCED_INSTANCE_ID);
    if (leads && !group_set_leader(g, new_id)) {
        group_member_free_bytes(&old_leader);
        return false;
    }
    if (!group_member_set_id(m, new_id)) {
        group_member_free_bytes(&g->leader);
        g->leader = old_leader;
        return false;
    }
    group_member_free_bytes(&old_leader);
    return true;
}

static void answer_static(struct group *g, struct group_member *m)
{
    bool leads = group_is_leader(g, m);
    bool skip = g->static_may_skip && leads;
    /* Before v9 the leader is shown its old id as the leader's: it then computes no assignment,
     * which a stable group would not take. */
    struct group_join_answer answer = {
        .error = KAFKA_ERROR_NONE,
        .generation = g->generation,
        .protocol_type = g->protocol_type,
        .protocol_name = g->protocol_name,
        .leader = g->static_may_skip ? g->leader : g->static_old_leader,
        .member_id = m->id,
        .skip_assignment = skip,
        .with_members = skip,
    };
    group_answer_join(g, m, &answer);
}

void group_static_persisted(struct group *g, int16_t error, int64_t now_ms)
{
    struct group_member *m = group_find_static(g, g->static_instance);
    if (m != NULL && error != KAFKA_ERROR_NONE) {
        struct group_join_answer answer = group_join_error(error, bytes_of("", 0));
        group_answer_join(g, m, &answer);
        bool leads = group_is_leader(g, m);
        if (group_member_set_id(m, g->static_old_id) && leads) {
            (void)group_set_leader(g, g->static_old_id); /* no memory: the next join elects */
        }
    } else if (m != NULL && g->state == GROUP_STABLE) {
        group_touch(m, now_ms);
        answer_static(g, m);
    }
    /* In a rebalance the member has joined already: its answer comes at the end of that. */
    forget_static(g);
}

static void rejoin_stable(struct group *g, struct group_member *m, const struct group_join *join,
                          int64_t now_ms)
{
    if (!bytes_equal(group_select_protocol(g), g->protocol_name)) {
        group_rebalance(g, now_ms);
        return;
    }
    g->static_may_skip = join->may_skip;
    g->static_instance = group_member_copy_bytes(m->instance_id);
    if (bytes_is_null(g->static_instance)) {
        /* Not enough memory to keep the others undisturbed. */
        forget_static(g);
        group_rebalance(g, now_ms);
        return;
    }
    group_persist(g, GROUP_PERSISTING_STATIC);
}

static void replace_static(struct group *g, struct group_member *m, const struct group_join *join,
                           struct bytes new_id, int64_t now_ms)
{
    forget_static(g);
    g->static_old_id = group_member_copy_bytes(m->id);
    g->static_old_leader = group_member_copy_bytes(g->leader);
    if (bytes_is_null(g->static_old_id) || !replace_id(g, m, new_id) ||
        !group_member_update(m, &join->info)) {
        refuse(g, join, KAFKA_ERROR_UNKNOWN_SERVER_ERROR, bytes_of("", 0));
        return;
    }
    m->join_token = join->token;
    group_touch(m, now_ms);
    switch (g->state) {
    case GROUP_STABLE:
        rejoin_stable(g, m, join, now_ms);
        break;
    case GROUP_COMPLETING:
        /* The leader may be computing with the old id: what it sends would not reach the new. */
        group_rebalance(g, now_ms);
        break;
    case GROUP_PREPARING:
        group_try_complete_join(g, now_ms);
        break;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        CHECK(false); /* they have no members */
    }
}

/* ---- the request ---- */

static void join_new(struct group *g, const struct group_join *join, int64_t now_ms)
{
    char text[GROUP_MEMBER_ID_MAX];
    bool is_static = !bytes_is_null(join->info.instance_id);
    size_t len = g->io->new_member_id(
        g->io->ctx, is_static ? join->info.instance_id : join->info.client_id, text);
    struct bytes id = bytes_of(text, len);
    struct group_member *same = group_find_static(g, join->info.instance_id);
    if (same != NULL) {
        replace_static(g, same, join, id, now_ms);
        return;
    }
    if (!is_static && join->require_known_id) {
        if (g->pending_count >= PENDING_MAX) {
            refuse(g, join, KAFKA_ERROR_GROUP_MAX_SIZE_REACHED, bytes_of("", 0));
            return;
        }
        bool added = group_add_pending(g, id, now_ms + join->info.session_timeout_ms);
        refuse(g, join, added ? KAFKA_ERROR_MEMBER_ID_REQUIRED : KAFKA_ERROR_UNKNOWN_SERVER_ERROR,
               id);
        return;
    }
    add_and_rebalance(g, join, id, now_ms);
}

static void join_known(struct group *g, const struct group_join *join, int64_t now_ms)
{
    if (group_is_pending(g, join->member_id) && bytes_is_null(join->info.instance_id)) {
        add_and_rebalance(g, join, join->member_id, now_ms);
        return;
    }
    int16_t error = group_check_member(g, join->member_id, join->info.instance_id);
    if (error != KAFKA_ERROR_NONE) {
        refuse(g, join, error, join->member_id);
        return;
    }
    struct group_member *m = group_find_member(g, join->member_id);
    bool same = group_member_matches(m, join->info.protocols, join->info.protocol_count);
    switch (g->state) {
    case GROUP_PREPARING:
        update_and_rebalance(g, m, join, now_ms);
        break;
    case GROUP_COMPLETING:
        /* It did not hear the answer: the same one again. */
        if (same) {
            answer_again(g, m, join, now_ms);
        } else {
            update_and_rebalance(g, m, join, now_ms);
        }
        break;
    case GROUP_STABLE:
        /* A leader that joins again wants a rebalance: topics may have changed. */
        if (same && !group_is_leader(g, m)) {
            answer_again(g, m, join, now_ms);
        } else {
            update_and_rebalance(g, m, join, now_ms);
        }
        break;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        refuse(g, join, KAFKA_ERROR_UNKNOWN_MEMBER_ID, join->member_id);
        break;
    }
}

static size_t joined_count(const struct group *g)
{
    size_t count = 0;
    for (size_t i = 0; i < g->member_count; i++) {
        count += g->members[i]->join_token != NULL ? 1 : 0;
    }
    return count;
}

static bool has_room(const struct group *g, const struct group_join *join)
{
    const struct group_member *m = join->member_id.len > 0
                                       ? group_find_member(g, join->member_id)
                                       : group_find_static(g, join->info.instance_id);
    size_t max = (size_t)g->config->max_size;
    switch (g->state) {
    case GROUP_PREPARING:
        return (m != NULL && m->join_token != NULL) || joined_count(g) < max;
    case GROUP_COMPLETING:
    case GROUP_STABLE:
        return m != NULL || g->member_count < max;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        return true;
    }
    return true;
}

void group_join(struct group *g, const struct group_join *join, int64_t now_ms)
{
    CHECK(join->token != NULL);
    if (g->state == GROUP_DEAD) {
        refuse(g, join, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE, join->member_id);
    } else if (join->info.session_timeout_ms < g->config->min_session_timeout_ms ||
               join->info.session_timeout_ms > g->config->max_session_timeout_ms) {
        refuse(g, join, KAFKA_ERROR_INVALID_SESSION_TIMEOUT, join->member_id);
    } else if (!has_room(g, join)) {
        struct group_member *m = group_find_member(g, join->member_id);
        if (m != NULL) {
            group_remove_member(g, m);
            group_member_gone(g, now_ms);
        }
        refuse(g, join, KAFKA_ERROR_GROUP_MAX_SIZE_REACHED, bytes_of("", 0));
    } else if (!supports(g, join)) {
        refuse(g, join, KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL, join->member_id);
    } else if (join->member_id.len == 0) {
        join_new(g, join, now_ms);
    } else {
        join_known(g, join, now_ms);
    }
}
