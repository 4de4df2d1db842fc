/* The state machine of one group, cell by cell of its state table (Kafka's classic protocol).
 * It is over 800 lines because all cells share one fixture, and a reader looks for a cell in one
 * place.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "broker/group/group.h"
#include "protocol/kafka_error.h"

#define TOKENS_MAX 64
#define SESSION_MS 10000
#define REBALANCE_MS 60000

/* One request that waits, and its answer. */
struct call {
    bool answered;
    int16_t error;
    int32_t generation;
    char member_id[64];
    char leader[64];
    char protocol[32];
    char assignment[32];
    bool skip;
    size_t member_count; /* shown to the leader */
    bool has_protocol_type;
};

struct fixture {
    struct group_config config;
    struct group_io io;
    struct group *g;
    int64_t now;
    struct call calls[TOKENS_MAX];
    size_t call_count;
    uint64_t persists; /* the newest change asked for */
    size_t persist_count;
    int next_id;
};

static void copy_text(char *to, size_t size, struct bytes from)
{
    (void)snprintf(to, size, "%.*s", (int)from.len,
                   from.data == NULL ? "" : (const char *)from.data);
}

static void on_joined(void *ctx, void *token, const struct group *g,
                      const struct group_join_answer *a)
{
    (void)ctx;
    struct call *c = token;
    assert_false(c->answered);
    c->answered = true;
    c->error = a->error;
    c->generation = a->generation;
    c->skip = a->skip_assignment;
    c->has_protocol_type = !bytes_is_null(a->protocol_type);
    c->member_count = a->with_members ? g->member_count : 0;
    copy_text(c->member_id, sizeof c->member_id, a->member_id);
    copy_text(c->leader, sizeof c->leader, a->leader);
    copy_text(c->protocol, sizeof c->protocol, a->protocol_name);
}

static void on_synced(void *ctx, void *token, const struct group_sync_answer *a)
{
    (void)ctx;
    struct call *c = token;
    assert_false(c->answered);
    c->answered = true;
    c->error = a->error;
    copy_text(c->protocol, sizeof c->protocol, a->protocol_name);
    copy_text(c->assignment, sizeof c->assignment, a->assignment);
}

static void on_persist(void *ctx, struct group *g, uint64_t change)
{
    (void)g;
    struct fixture *f = ctx;
    f->persists = change;
    f->persist_count++;
}

static size_t on_new_id(void *ctx, struct bytes prefix, char out_id[GROUP_MEMBER_ID_MAX])
{
    struct fixture *f = ctx;
    return (size_t)snprintf(out_id, GROUP_MEMBER_ID_MAX, "%.*s-%d", (int)prefix.len,
                            (const char *)prefix.data, ++f->next_id);
}

static void begin(struct fixture *f)
{
    *f = (struct fixture){.config = {.min_session_timeout_ms = 6000,
                                     .max_session_timeout_ms = 1800000,
                                     .max_size = INT32_MAX,
                                     .initial_rebalance_delay_ms = 0,
                                     .new_member_timeout_ms = 300000},
                          .now = 1000000};
    f->io = (struct group_io){.ctx = f,
                              .joined = on_joined,
                              .synced = on_synced,
                              .persist = on_persist,
                              .new_member_id = on_new_id};
    f->g = group_create(bytes_of_text("g"), &f->config, &f->io, f->now);
    assert_non_null(f->g);
}

/* Every request was answered, in the end. */
static void end(struct fixture *f)
{
    group_kill(f->g, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE, f->now);
    for (size_t i = 0; i < f->call_count; i++) {
        assert_true(f->calls[i].answered);
    }
    group_destroy(f->g);
}

static struct call *new_call(struct fixture *f)
{
    assert_true(f->call_count < TOKENS_MAX);
    return &f->calls[f->call_count++];
}

struct join_options {
    const char *id;
    const char *instance;
    const char *protocols; /* "range:m1" or "range:m1,sticky:m2" */
    const char *type;
    bool v4;
    bool v9;
    int32_t session_ms;
};

/* Splits "name:bytes,name:bytes"; the texts stay in the caller's copy. */
static int32_t split(char *text, struct group_protocol out[8])
{
    int32_t count = 0;
    char *rest = text;
    for (char *part = strsep(&rest, ","); part != NULL && *part != '\0';
         part = strsep(&rest, ",")) {
        char *name = strsep(&part, ":");
        out[count++] =
            (struct group_protocol){bytes_of_text(name), bytes_of_text(part == NULL ? "" : part)};
    }
    return count;
}

static struct call *join_with(struct fixture *f, const struct join_options *o)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s", o->protocols == NULL ? "range:m" : o->protocols);
    struct group_protocol protocols[8];
    int32_t count = split(text, protocols);
    struct call *c = new_call(f);
    struct group_join join = {
        .token = c,
        .member_id = bytes_of_text(o->id == NULL ? "" : o->id),
        .info = {.instance_id = bytes_of_text(o->instance),
                 .client_id = bytes_of_text("c"),
                 .client_host = bytes_of_text("127.0.0.1"),
                 .session_timeout_ms = o->session_ms == 0 ? SESSION_MS : o->session_ms,
                 .rebalance_timeout_ms = REBALANCE_MS,
                 .protocols = protocols,
                 .protocol_count = count},
        .protocol_type = bytes_of_text(o->type == NULL ? "consumer" : o->type),
        .require_known_id = o->v4,
        .may_skip = o->v9};
    group_join(f->g, &join, f->now);
    return c;
}

static struct call *join(struct fixture *f, const char *id)
{
    return join_with(f, &(struct join_options){.id = id});
}

static struct call *sync_with(struct fixture *f, const char *id, int32_t generation,
                              const char *type, const char *protocol,
                              const struct group_assignment *assignments, int32_t count)
{
    struct call *c = new_call(f);
    struct group_sync s = {.token = c,
                           .member_id = bytes_of_text(id),
                           .instance_id = bytes_null(),
                           .generation = generation,
                           .protocol_type = bytes_of_text(type),
                           .protocol_name = bytes_of_text(protocol),
                           .assignments = assignments,
                           .assignment_count = count};
    group_sync(f->g, &s, f->now);
    return c;
}

static struct call *sync_one(struct fixture *f, const char *id, int32_t generation)
{
    return sync_with(f, id, generation, NULL, NULL, NULL, 0);
}

static struct group_sender sender(const char *id, int32_t generation)
{
    return (struct group_sender){bytes_of_text(id), bytes_null(), generation};
}

static int16_t heartbeat(struct fixture *f, const char *id, int32_t generation)
{
    struct group_sender s = sender(id, generation);
    return group_heartbeat(f->g, &s, f->now);
}

static int16_t leave(struct fixture *f, const char *id)
{
    struct group_sender s = sender(id, -1);
    return group_leave(f->g, &s, f->now);
}

static int16_t commit(struct fixture *f, const char *id, int32_t generation)
{
    struct group_sender s = sender(id, generation);
    return group_check_commit(f->g, &s, f->now);
}

static void persisted(struct fixture *f, int16_t error)
{
    group_persisted(f->g, f->persists, error, f->now);
}

/* One member, stable, generation 1, id "c-1". */
static void make_stable(struct fixture *f)
{
    struct call *c = join(f, "");
    assert_true(c->answered);
    assert_int_equal(c->error, 0);
    struct group_assignment a = {bytes_of_text(c->member_id), bytes_of_text("A1")};
    struct call *s = sync_with(f, c->member_id, c->generation, NULL, NULL, &a, 1);
    assert_false(s->answered);
    persisted(f, 0);
    assert_true(s->answered);
    assert_string_equal(s->assignment, "A1");
    assert_int_equal(f->g->state, GROUP_STABLE);
}

/* Two members "c-1" (leader) and "c-2", stable, generation 2. */
static void make_stable_two(struct fixture *f)
{
    make_stable(f);
    struct call *second = join(f, "");
    struct call *first = join(f, "c-1");
    assert_true(first->answered && second->answered);
    assert_int_equal(first->generation, 2);
    struct group_assignment a[] = {{bytes_of_text("c-1"), bytes_of_text("A1")},
                                   {bytes_of_text("c-2"), bytes_of_text("A2")}};
    struct call *s2 = sync_one(f, "c-2", 2);
    (void)sync_with(f, "c-1", 2, "consumer", "range", a, 2);
    persisted(f, 0);
    assert_string_equal(s2->assignment, "A2");
    assert_int_equal(f->g->state, GROUP_STABLE);
}

/* ---- Empty ---- */

static void empty_answers_25_but_lets_a_new_member_in(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(join(&f, "stranger")->error, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(sync_one(&f, "x", 0)->error, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(heartbeat(&f, "x", 0), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave(&f, "x"), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit(&f, "x", 3), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit(&f, "", -1), 0);
    struct call *c = join(&f, "");
    assert_true(c->answered);
    assert_int_equal(c->error, 0);
    assert_int_equal(c->generation, 1);
    assert_string_equal(c->leader, c->member_id);
    assert_string_equal(c->protocol, "range");
    assert_int_equal(c->member_count, 1);
    end(&f);
}

static void the_first_rebalance_waits_for_more_members(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.config.initial_rebalance_delay_ms = 3000;
    struct call *first = join(&f, "");
    assert_int_equal(group_next_deadline(f.g), f.now + 3000);
    f.now += 2000;
    struct call *second = join(&f, "");
    f.now += 1000;
    group_tick(f.g, f.now);
    assert_false(first->answered); /* somebody came: another delay */
    f.now += 2999;
    group_tick(f.g, f.now);
    assert_false(first->answered);
    f.now += 1;
    group_tick(f.g, f.now);
    assert_true(first->answered && second->answered);
    assert_int_equal(first->generation, 1);
    assert_int_equal(first->member_count, 2);
    assert_int_equal(second->member_count, 0);
    end(&f);
}

static void the_initial_wait_ends_at_the_rebalance_timeout(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.config.initial_rebalance_delay_ms = 3000;
    struct call *first = join(&f, "");
    int64_t start = f.now;
    for (int i = 0; i < 40 && !first->answered; i++) {
        (void)join(&f, "");
        f.now += 3000;
        group_tick(f.g, f.now);
    }
    assert_int_equal(f.now - start, REBALANCE_MS);
    end(&f);
}

/* ---- joining rules ---- */

static void a_member_id_is_required_from_v4_on(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct call *c = join_with(&f, &(struct join_options){.v4 = true});
    assert_int_equal(c->error, KAFKA_ERROR_MEMBER_ID_REQUIRED);
    assert_string_equal(c->member_id, "c-1");
    assert_int_equal(f.g->member_count, 0);
    struct call *again = join_with(&f, &(struct join_options){.id = "c-1", .v4 = true});
    assert_int_equal(again->error, 0);
    assert_int_equal(f.g->pending_count, 0);
    end(&f);
}

static void a_pending_id_ends_after_its_session_or_by_leaving(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    (void)join_with(&f, &(struct join_options){.v4 = true});
    (void)join_with(&f, &(struct join_options){.v4 = true});
    assert_int_equal(leave(&f, "c-2"), 0);
    f.now += SESSION_MS;
    group_tick(f.g, f.now);
    assert_int_equal(f.g->pending_count, 0);
    assert_int_equal(join_with(&f, &(struct join_options){.id = "c-1", .v4 = true})->error,
                     KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    end(&f);
}

static void a_rebalance_waits_for_pending_members(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    (void)join_with(&f, &(struct join_options){.v4 = true}); /* c-2 */
    struct call *first = join(&f, "c-1");                    /* the leader rejoins */
    assert_false(first->answered);
    struct call *second = join_with(&f, &(struct join_options){.id = "c-2", .v4 = true});
    assert_true(first->answered && second->answered);
    end(&f);
}

static void static_members_need_no_id(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct call *c = join_with(&f, &(struct join_options){.instance = "i", .v4 = true});
    assert_int_equal(c->error, 0);
    assert_string_equal(c->member_id, "i-1");
    end(&f);
}

static void refuses_bad_session_timeouts_and_protocols(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(join_with(&f, &(struct join_options){.session_ms = 5999})->error,
                     KAFKA_ERROR_INVALID_SESSION_TIMEOUT);
    assert_int_equal(join_with(&f, &(struct join_options){.session_ms = 1800001})->error,
                     KAFKA_ERROR_INVALID_SESSION_TIMEOUT);
    assert_int_equal(join_with(&f, &(struct join_options){.protocols = ""})->error,
                     KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
    make_stable(&f);
    assert_int_equal(join_with(&f, &(struct join_options){.type = "connect"})->error,
                     KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(join_with(&f, &(struct join_options){.protocols = "sticky:x"})->error,
                     KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
    end(&f);
}

static void the_protocol_is_voted_for(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.config.initial_rebalance_delay_ms = 10;
    struct call *c = join_with(&f, &(struct join_options){.protocols = "a:1,b:1,x:1"});
    (void)join_with(&f, &(struct join_options){.protocols = "b:1,a:1"});
    (void)join_with(&f, &(struct join_options){.protocols = "y:1,b:1,a:1"});
    f.now += 10;
    group_tick(f.g, f.now);
    f.now += 10;
    group_tick(f.g, f.now);
    assert_string_equal(c->protocol, "b");
    end(&f);
}

static void a_full_group_refuses_more(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.config.max_size = 1;
    make_stable(&f);
    assert_int_equal(join(&f, "")->error, KAFKA_ERROR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(f.g->state, GROUP_STABLE);
    end(&f);
}

/* ---- PreparingRebalance ---- */

static void preparing_answers_27_and_takes_commits(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    struct call *second = join(&f, "");
    assert_int_equal(f.g->state, GROUP_PREPARING);
    assert_false(second->answered);
    assert_int_equal(heartbeat(&f, "c-1", 1), KAFKA_ERROR_REBALANCE_IN_PROGRESS);
    assert_int_equal(sync_one(&f, "c-1", 1)->error, KAFKA_ERROR_REBALANCE_IN_PROGRESS);
    assert_int_equal(commit(&f, "c-1", 1), 0);
    assert_int_equal(commit(&f, "c-1", 0), KAFKA_ERROR_ILLEGAL_GENERATION);
    assert_int_equal(commit(&f, "", -1), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave(&f, "c-1"), 0);
    assert_true(second->answered); /* nobody else to wait for */
    assert_string_equal(second->leader, "c-2");
    end(&f);
}

static void who_does_not_rejoin_in_time_is_out(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    struct call *second = join(&f, "");
    for (int i = 0; i < 6; i++) { /* it heartbeats, but never joins */
        f.now += 9000;
        group_tick(f.g, f.now);
        assert_int_equal(heartbeat(&f, "c-1", 1), KAFKA_ERROR_REBALANCE_IN_PROGRESS);
    }
    assert_false(second->answered);
    f.now += 6000;
    group_tick(f.g, f.now);
    assert_true(second->answered);
    assert_int_equal(second->generation, 2);
    assert_int_equal(second->member_count, 1);
    assert_int_equal(heartbeat(&f, "c-1", 1), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    end(&f);
}

static void a_repeated_join_replaces_the_one_that_waits(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable_two(&f);
    struct call *old = join_with(&f, &(struct join_options){.id = "c-2", .protocols = "range:n"});
    assert_false(old->answered);
    struct call *renewed =
        join_with(&f, &(struct join_options){.id = "c-2", .protocols = "range:n"});
    assert_true(old->answered);
    assert_int_equal(old->error, KAFKA_ERROR_REBALANCE_IN_PROGRESS);
    (void)join(&f, "c-1");
    assert_int_equal(renewed->error, 0);
    end(&f);
}

/* ---- CompletingRebalance ---- */

static void completing_rules(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    struct call *second = join(&f, "");
    (void)join(&f, "c-1");
    assert_int_equal(f.g->state, GROUP_COMPLETING);
    assert_int_equal(second->member_count, 0);
    /* The same metadata: the same answer. */
    struct call *again = join(&f, "c-1");
    assert_int_equal(again->generation, 2);
    assert_int_equal(again->member_count, 2);
    assert_int_equal(f.g->state, GROUP_COMPLETING);
    assert_int_equal(heartbeat(&f, "c-2", 2), 0);
    assert_int_equal(heartbeat(&f, "c-2", 1), KAFKA_ERROR_ILLEGAL_GENERATION);
    assert_int_equal(commit(&f, "c-2", 2), KAFKA_ERROR_REBALANCE_IN_PROGRESS);
    assert_int_equal(sync_with(&f, "c-2", 1, NULL, NULL, NULL, 0)->error,
                     KAFKA_ERROR_ILLEGAL_GENERATION);
    assert_int_equal(sync_with(&f, "c-2", 2, "connect", "range", NULL, 0)->error,
                     KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(sync_with(&f, "c-2", 2, "consumer", "sticky", NULL, 0)->error,
                     KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
    /* A follower waits for the leader; other metadata starts anew and sends it back. */
    struct call *waiting = sync_one(&f, "c-2", 2);
    assert_false(waiting->answered);
    struct call *changed =
        join_with(&f, &(struct join_options){.id = "c-1", .protocols = "range:other"});
    assert_true(waiting->answered);
    assert_int_equal(waiting->error, KAFKA_ERROR_REBALANCE_IN_PROGRESS);
    assert_int_equal(f.g->state, GROUP_PREPARING);
    assert_false(changed->answered);
    end(&f);
}

static void leaving_while_completing_rebalances(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    (void)join(&f, "");
    (void)join(&f, "c-1");
    assert_int_equal(leave(&f, "c-1"), 0);
    assert_int_equal(f.g->state, GROUP_PREPARING);
    struct call *c = join(&f, "c-2");
    assert_int_equal(c->error, 0);
    assert_string_equal(c->leader, "c-2");
    assert_int_equal(c->generation, 3);
    end(&f);
}

static void a_member_that_does_not_sync_is_out(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    (void)join(&f, "");
    (void)join(&f, "c-1");
    struct group_assignment a = {bytes_of_text("c-1"), bytes_of_text("A1")};
    (void)sync_with(&f, "c-1", 2, NULL, NULL, &a, 1);
    persisted(&f, 0);
    assert_int_equal(f.g->state, GROUP_STABLE);
    for (int i = 0; i < 12; i++) { /* both heartbeat, c-2 never asks for its part */
        f.now += 5000;
        (void)heartbeat(&f, "c-1", 2);
        (void)heartbeat(&f, "c-2", 2);
        group_tick(f.g, f.now);
    }
    assert_null(group_find_member(f.g, bytes_of_text("c-2")));
    assert_int_equal(f.g->state, GROUP_PREPARING);
    end(&f);
}

static void the_assignment_is_durable_before_anybody_hears_of_it(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct call *c = join(&f, "");
    struct group_assignment a = {bytes_of_text("c-1"), bytes_of_text("A1")};
    struct call *s = sync_with(&f, "c-1", 1, NULL, NULL, &a, 1);
    assert_int_equal(c->error, 0);
    assert_int_equal(f.persist_count, 1);
    assert_false(s->answered);
    persisted(&f, KAFKA_ERROR_NOT_COORDINATOR);
    assert_true(s->answered);
    assert_int_equal(s->error, KAFKA_ERROR_NOT_COORDINATOR);
    assert_int_equal(f.g->state, GROUP_PREPARING);
    struct call *again = join(&f, "c-1");
    assert_int_equal(again->generation, 2);
    end(&f);
}

static void a_late_answer_of_the_disk_does_not_count(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    (void)join(&f, "");
    struct call *s = sync_one(&f, "c-1", 1);
    uint64_t old = f.persists;
    struct call *second = join(&f, "");
    assert_int_equal(s->error, KAFKA_ERROR_REBALANCE_IN_PROGRESS);
    (void)join(&f, "c-1");
    assert_true(second->answered);
    group_persisted(f.g, old, 0, f.now);
    assert_int_equal(f.g->state, GROUP_COMPLETING);
    end(&f);
}

static void a_member_left_out_gets_zero_bytes(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    (void)join(&f, "");
    (void)join(&f, "c-1");
    struct call *follower = sync_one(&f, "c-2", 2);
    struct group_assignment a = {bytes_of_text("c-1"), bytes_of_text("A1")};
    (void)sync_with(&f, "c-1", 2, NULL, NULL, &a, 1);
    persisted(&f, 0);
    assert_int_equal(follower->error, 0);
    assert_string_equal(follower->assignment, "");
    end(&f);
}

/* ---- Stable ---- */

static void stable_rules(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable_two(&f);
    assert_int_equal(heartbeat(&f, "c-2", 2), 0);
    assert_int_equal(commit(&f, "c-2", 2), 0);
    assert_int_equal(commit(&f, "c-2", 1), KAFKA_ERROR_ILLEGAL_GENERATION);
    assert_int_equal(commit(&f, "nobody", 2), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit(&f, "", -1), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_string_equal(sync_one(&f, "c-2", 2)->assignment, "A2");
    /* A follower with unchanged metadata hears the current generation. */
    struct call *c = join(&f, "c-2");
    assert_int_equal(c->generation, 2);
    assert_int_equal(f.g->state, GROUP_STABLE);
    /* The leader's join is a wish to rebalance. */
    c = join(&f, "c-1");
    assert_false(c->answered);
    assert_int_equal(f.g->state, GROUP_PREPARING);
    end(&f);
}

static void a_follower_with_new_metadata_rebalances(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable_two(&f);
    struct call *c = join_with(&f, &(struct join_options){.id = "c-2", .protocols = "range:new"});
    assert_false(c->answered);
    assert_int_equal(f.g->state, GROUP_PREPARING);
    end(&f);
}

static void a_session_that_ends_removes_the_member(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable_two(&f);
    f.now += SESSION_MS - 1;
    assert_int_equal(heartbeat(&f, "c-1", 2), 0);
    group_tick(f.g, f.now);
    assert_int_equal(f.g->member_count, 2);
    assert_int_equal(group_next_deadline(f.g), f.now + 1);
    f.now += 1;
    group_tick(f.g, f.now);
    assert_int_equal(f.g->member_count, 1);
    assert_int_equal(f.g->state, GROUP_PREPARING);
    assert_int_equal(heartbeat(&f, "c-2", 2), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    end(&f);
}

static void the_last_one_out_leaves_an_empty_group_with_a_new_generation(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_stable(&f);
    size_t before = f.persist_count;
    assert_int_equal(leave(&f, "c-1"), 0);
    assert_int_equal(f.g->state, GROUP_EMPTY);
    assert_int_equal(f.g->generation, 2);
    assert_true(bytes_is_null(f.g->protocol_name));
    assert_true(bytes_is_null(f.g->leader));
    assert_int_equal(f.persist_count, before + 1);
    assert_int_equal(commit(&f, "", -1), 0);
    end(&f);
}

/* ---- static members ---- */

static void make_static(struct fixture *f)
{
    struct call *c = join_with(f, &(struct join_options){.instance = "i"});
    struct group_assignment a = {bytes_of_text(c->member_id), bytes_of_text("A1")};
    (void)sync_with(f, c->member_id, 1, NULL, NULL, &a, 1);
    persisted(f, 0);
    assert_int_equal(f->g->state, GROUP_STABLE);
}

static void a_static_member_takes_its_place_back(void **state)
{
    (void)state;
    for (int v9 = 0; v9 < 2; v9++) {
        struct fixture f;
        begin(&f);
        make_static(&f);
        struct call *c = join_with(&f, &(struct join_options){.instance = "i", .v9 = v9 == 1});
        assert_false(c->answered); /* the new id is durable first */
        persisted(&f, 0);
        assert_true(c->answered);
        assert_int_equal(c->error, 0);
        assert_int_equal(c->generation, 1);
        assert_string_equal(c->member_id, "i-2");
        assert_string_equal(c->leader, v9 == 1 ? "i-2" : "i-1");
        assert_int_equal(c->skip, v9);
        assert_int_equal(c->member_count, v9);
        assert_int_equal(f.g->state, GROUP_STABLE);
        struct group_sender old = {bytes_of_text("i-1"), bytes_of_text("i"), 1};
        assert_int_equal(group_heartbeat(f.g, &old, f.now), KAFKA_ERROR_FENCED_INSTANCE_ID);
        assert_int_equal(heartbeat(&f, "i-1", 1), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
        assert_string_equal(sync_one(&f, "i-2", 1)->assignment, "A1");
        end(&f);
    }
}

static void a_static_member_that_could_not_be_recorded_keeps_its_old_id(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_static(&f);
    struct call *c = join_with(&f, &(struct join_options){.instance = "i"});
    persisted(&f, KAFKA_ERROR_NOT_COORDINATOR);
    assert_int_equal(c->error, KAFKA_ERROR_NOT_COORDINATOR);
    assert_int_equal(heartbeat(&f, "i-1", 1), 0);
    assert_true(bytes_equal(f.g->leader, bytes_of_text("i-1")));
    end(&f);
}

static void a_static_member_that_comes_back_while_completing_rebalances(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct call *first = join_with(&f, &(struct join_options){.instance = "i"});
    assert_int_equal(f.g->state, GROUP_COMPLETING);
    struct call *again = join_with(&f, &(struct join_options){.instance = "i"});
    assert_true(first->answered && again->answered);
    assert_int_equal(again->generation, 2);
    assert_string_equal(again->leader, "i-2");
    end(&f);
}

static void a_static_member_that_is_away_holds_its_place_for_a_session(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_static(&f);
    struct call *second = join(&f, ""); /* a rebalance that i-1 does not join */
    f.now += SESSION_MS - 1;
    group_tick(f.g, f.now);
    assert_false(second->answered);
    f.now += 1;
    group_tick(f.g, f.now);
    assert_true(second->answered);
    assert_int_equal(second->member_count, 1);
    end(&f);
}

static void an_administrator_removes_a_static_member_by_its_instance(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    make_static(&f);
    struct group_sender by_instance = {bytes_of_text(""), bytes_of_text("i"), -1};
    struct group_sender wrong = {bytes_of_text("other"), bytes_of_text("i"), -1};
    struct group_sender unknown = {bytes_of_text(""), bytes_of_text("j"), -1};
    assert_int_equal(group_leave(f.g, &wrong, f.now), KAFKA_ERROR_FENCED_INSTANCE_ID);
    assert_int_equal(group_leave(f.g, &unknown, f.now), KAFKA_ERROR_UNKNOWN_MEMBER_ID);
    assert_int_equal(group_leave(f.g, &by_instance, f.now), 0);
    assert_int_equal(f.g->state, GROUP_EMPTY);
    end(&f);
}

/* ---- Dead ---- */

static void dead_answers_15_to_all(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    group_kill(f.g, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE, f.now);
    assert_int_equal(join(&f, "")->error, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(sync_one(&f, "x", 0)->error, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(heartbeat(&f, "x", 0), KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(leave(&f, "x"), KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(commit(&f, "", -1), KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    end(&f);
}

/* ---- anything ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void check_invariants(const struct group *g, int32_t last_generation)
{
    assert_true(g->generation >= last_generation);
    switch (g->state) {
    case GROUP_EMPTY:
        assert_int_equal(g->member_count, 0);
        break;
    case GROUP_PREPARING:
        assert_true(g->join_deadline_ms != GROUP_NO_DEADLINE);
        break;
    case GROUP_COMPLETING:
    case GROUP_STABLE:
        assert_true(g->member_count > 0);
        assert_false(bytes_is_null(g->protocol_name));
        assert_non_null(group_find_member(g, g->leader));
        break;
    case GROUP_DEAD:
        fail();
    }
    for (size_t i = 0; i < g->member_count; i++) {
        assert_ptr_equal(group_find_member(g, g->members[i]->id), g->members[i]);
        if (g->state == GROUP_STABLE) {
            assert_null(g->members[i]->sync_token);
        }
    }
}

/* What a member does depends on what it heard last, mostly. */
static void random_step(struct fixture *f, uint32_t *seed)
{
    char id[16];
    uint32_t ids = (uint32_t)f->next_id + 1;
    uint32_t back = next_random(seed) % (ids < 4 ? ids : 4);
    (void)snprintf(id, sizeof id, "c-%u", ids - back);
    int32_t generation = f->g->generation - (next_random(seed) % 8 == 0 ? 1 : 0);
    switch (next_random(seed) % 9) {
    case 0:
        (void)join_with(f, &(struct join_options){.v4 = next_random(seed) % 2 == 0});
        break;
    case 1:
    case 2:
        (void)join_with(
            f, &(struct join_options){.id = id,
                                      .protocols = next_random(seed) % 4 == 0 ? "range:x" : NULL});
        break;
    case 3:
        (void)join_with(f, &(struct join_options){.instance = next_random(seed) % 2 ? "i" : "j",
                                                  .v9 = next_random(seed) % 2 == 0});
        break;
    case 4:
        (void)sync_one(f, id, generation);
        break;
    case 5:
        if (!bytes_is_null(f->g->leader)) {
            char leader[64];
            copy_text(leader, sizeof leader, f->g->leader);
            (void)sync_one(f, leader, generation);
        }
        break;
    case 6:
        persisted(f, next_random(seed) % 5 == 0 ? KAFKA_ERROR_NOT_COORDINATOR : 0);
        break;
    case 7:
        if (next_random(seed) % 3 == 0) {
            (void)leave(f, id);
        } else {
            (void)heartbeat(f, id, generation);
            (void)commit(f, id, generation);
        }
        break;
    default:
        f->now += next_random(seed) % 20000;
        group_tick(f->g, f->now);
        assert_true(group_next_deadline(f->g) > f->now);
    }
}

static void random_requests_keep_the_invariants_and_are_all_answered(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 3000; round++) {
        struct fixture f;
        uint32_t seed = round;
        begin(&f);
        f.config.initial_rebalance_delay_ms = round % 2 == 0 ? 0 : 3000;
        int32_t generation = 0;
        while (f.call_count < TOKENS_MAX - 1) {
            random_step(&f, &seed);
            check_invariants(f.g, generation);
            generation = f.g->generation;
        }
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_answers_25_but_lets_a_new_member_in),
        cmocka_unit_test(the_first_rebalance_waits_for_more_members),
        cmocka_unit_test(the_initial_wait_ends_at_the_rebalance_timeout),
        cmocka_unit_test(a_member_id_is_required_from_v4_on),
        cmocka_unit_test(a_pending_id_ends_after_its_session_or_by_leaving),
        cmocka_unit_test(a_rebalance_waits_for_pending_members),
        cmocka_unit_test(static_members_need_no_id),
        cmocka_unit_test(refuses_bad_session_timeouts_and_protocols),
        cmocka_unit_test(the_protocol_is_voted_for),
        cmocka_unit_test(a_full_group_refuses_more),
        cmocka_unit_test(preparing_answers_27_and_takes_commits),
        cmocka_unit_test(who_does_not_rejoin_in_time_is_out),
        cmocka_unit_test(a_repeated_join_replaces_the_one_that_waits),
        cmocka_unit_test(completing_rules),
        cmocka_unit_test(leaving_while_completing_rebalances),
        cmocka_unit_test(a_member_that_does_not_sync_is_out),
        cmocka_unit_test(the_assignment_is_durable_before_anybody_hears_of_it),
        cmocka_unit_test(a_late_answer_of_the_disk_does_not_count),
        cmocka_unit_test(a_member_left_out_gets_zero_bytes),
        cmocka_unit_test(stable_rules),
        cmocka_unit_test(a_follower_with_new_metadata_rebalances),
        cmocka_unit_test(a_session_that_ends_removes_the_member),
        cmocka_unit_test(the_last_one_out_leaves_an_empty_group_with_a_new_generation),
        cmocka_unit_test(a_static_member_takes_its_place_back),
        cmocka_unit_test(a_static_member_that_could_not_be_recorded_keeps_its_old_id),
        cmocka_unit_test(a_static_member_that_comes_back_while_completing_rebalances),
        cmocka_unit_test(a_static_member_that_is_away_holds_its_place_for_a_session),
        cmocka_unit_test(an_administrator_removes_a_static_member_by_its_instance),
        cmocka_unit_test(dead_answers_15_to_all),
        cmocka_unit_test(random_requests_keep_the_invariants_and_are_all_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
