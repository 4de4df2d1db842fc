/* Late commits against a naive model: sessions take ids in order and end in any order. */
#include "connectors/jdbc/jdbc_gap.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

#define IDS 2000
#define SESSIONS 8

enum fate { FREE, OPEN, COMMITTED, ROLLED_BACK };

struct world {
    enum fate fate[IDS + 2];
    uint64_t owner[IDS + 2];
    uint64_t session[SESSIONS]; /* its transaction; 0: none */
    uint64_t next_transaction;
    int64_t next_id;
    uint64_t random;
};

static uint32_t roll(struct world *w, uint32_t n)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (uint32_t)(w->random >> 33) % n;
}

/* One step of one session: begin, take an id, commit or roll back. */
static void step(struct world *w)
{
    uint64_t *s = &w->session[roll(w, SESSIONS)];
    if (*s == 0) {
        *s = ++w->next_transaction;
    } else if (roll(w, 3) > 0 && w->next_id <= IDS) {
        w->fate[w->next_id] = OPEN;
        w->owner[w->next_id++] = *s;
    } else {
        enum fate end = roll(w, 4) == 0 ? ROLLED_BACK : COMMITTED;
        for (int64_t i = 1; i < w->next_id; i++) {
            if (w->owner[i] == *s && w->fate[i] == OPEN) {
                w->fate[i] = end;
            }
        }
        *s = 0;
    }
}

static void steps(struct world *w)
{
    for (uint32_t n = roll(w, 12); n > 0; n--) {
        step(w);
    }
}

static void look(struct jdbc_gap *g, int64_t known, struct jdbc_gap_open *open, size_t count,
                 int64_t now_ms)
{
    const struct jdbc_gap_view view = {known, open, count, UINT64_MAX, 0};
    assert_int_equal(jdbc_gap_observe(g, &view, now_ms, NULL), ERR_OK);
}

static void observe(struct world *w, struct jdbc_gap *g)
{
    int64_t max = INT64_MIN; /* visible before the list is read */
    for (int64_t i = 1; i < w->next_id; i++) {
        max = w->fate[i] == COMMITTED ? i : max;
    }
    steps(w); /* the world goes on between the snapshot and the list of locks */
    struct jdbc_gap_open open[SESSIONS];
    size_t count = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        if (w->session[i] != 0) {
            open[count++] = (struct jdbc_gap_open){w->session[i], true};
        }
    }
    look(g, max, open, count, 0);
}

/* A poll as the querier makes it: rows above `last`, at most 50, judged, delivered. */
static int64_t poll_rows(struct world *w, struct jdbc_gap *g, int64_t last, bool *delivered)
{
    int64_t ids[50];
    size_t count = 0;
    for (int64_t i = last + 1; i < w->next_id && count < 50; i++) {
        if (w->fate[i] == COMMITTED) {
            ids[count++] = i;
        }
    }
    size_t n = jdbc_gap_deliverable(g, last, ids, count);
    for (size_t i = 0; i < n; i++) {
        assert_false(delivered[ids[i]]);
        delivered[ids[i]] = true;
        last = ids[i];
    }
    if (n > 0) {
        jdbc_gap_advance(g, last);
    }
    return last;
}

static void nothing_is_skipped_whatever_the_order_of_commits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 15; seed++) {
        struct world w = {.next_id = 1, .random = seed * 0x9e3779b97f4a7c15U};
        bool delivered[IDS + 2] = {false};
        struct jdbc_gap g;
        jdbc_gap_init(&g, -1, 0);
        int64_t last = -1;
        for (int round = 0; round < 1500; round++) {
            steps(&w);
            if (roll(&w, 3) > 0) {
                observe(&w, &g);
            }
            steps(&w);
            last = poll_rows(&w, &g, last, delivered);
        }
        memset(w.session, 0, sizeof w.session);
        for (int64_t i = 1; i < w.next_id; i++) {
            w.fate[i] = w.fate[i] == OPEN ? ROLLED_BACK : w.fate[i];
        }
        for (int i = 0; i < IDS / 50 + 2; i++) {
            look(&g, IDS, NULL, 0, 0);
            last = poll_rows(&w, &g, last, delivered);
        }
        for (int64_t i = 1; i < w.next_id; i++) {
            assert_int_equal(delivered[i], w.fate[i] == COMMITTED);
        }
        jdbc_gap_deinit(&g);
    }
}

static void consecutive_ids_need_no_look_at_transactions(void **state)
{
    (void)state;
    struct jdbc_gap g;
    jdbc_gap_init(&g, 10, 0);
    const int64_t ids[] = {11, 12, 14, 15};
    assert_int_equal(jdbc_gap_deliverable(&g, 10, ids, 4), 2);
    jdbc_gap_advance(&g, 12);
    assert_int_equal(jdbc_gap_deliverable(&g, 12, ids + 2, 2), 0);
    assert_false(jdbc_gap_pending(&g));
    jdbc_gap_deinit(&g);
}

static void a_gap_waits_for_its_own_transactions_only(void **state)
{
    (void)state;
    struct jdbc_gap g;
    jdbc_gap_init(&g, 0, 0);
    const int64_t ids[] = {2, 4};
    struct jdbc_gap_open first[] = {{7, true}, {5, true}};
    struct jdbc_gap_open second[] = {{9, true}, {7, true}};
    struct jdbc_gap_open third[] = {{9, true}};
    look(&g, 2, first, 2, 1);
    assert_int_equal(jdbc_gap_deliverable(&g, 0, ids, 2), 0);
    look(&g, 4, second, 2, 2);
    assert_int_equal(jdbc_gap_deliverable(&g, 0, ids, 2), 0);
    assert_int_equal(jdbc_gap_held_since_ms(&g), 1);
    look(&g, 4, third, 1, 3);
    assert_int_equal(jdbc_gap_deliverable(&g, 0, ids, 2), 1);
    look(&g, 4, NULL, 0, 4);
    assert_int_equal(jdbc_gap_deliverable(&g, 2, ids + 1, 1), 1);
    assert_false(jdbc_gap_pending(&g));
    jdbc_gap_deinit(&g);
}

static void holds_for_the_time_asked_for(void **state)
{
    (void)state;
    struct jdbc_gap g;
    jdbc_gap_init(&g, 0, 100);
    const int64_t ids[] = {5};
    look(&g, 5, NULL, 0, 1000);
    look(&g, 5, NULL, 0, 1099);
    assert_int_equal(jdbc_gap_deliverable(&g, 0, ids, 1), 0);
    look(&g, 5, NULL, 0, 1100);
    assert_int_equal(jdbc_gap_deliverable(&g, 0, ids, 1), 1);
    jdbc_gap_deinit(&g);
}

static void bystanders_are_waited_for_so_long_unless_they_write(void **state)
{
    (void)state;
    struct jdbc_gap g;
    jdbc_gap_init(&g, INT64_MIN, 0);
    struct jdbc_gap_open open[] = {{8, false}, {3, false}};
    look(&g, 100, open, 2, 0);
    look(&g, 100, open, 2, JDBC_GAP_BYSTANDER_MS - 1);
    assert_int_equal(g.settled, INT64_MIN);
    open[1].writer = true;
    look(&g, 100, open, 2, JDBC_GAP_BYSTANDER_MS);
    open[1].writer = false; /* rolled back to a savepoint: still counts */
    look(&g, 100, open, 2, JDBC_GAP_BYSTANDER_MS + 1);
    assert_int_equal(g.settled, INT64_MIN);
    look(&g, 100, open, 1, JDBC_GAP_BYSTANDER_MS + 2);
    assert_int_equal(g.settled, 100);
    look(&g, 200, open, 1, 5000);
    assert_int_equal(g.settled, 100);
    look(&g, 300, NULL, 0, 5001); /* all gone: no waiting */
    assert_int_equal(g.settled, 300);
    jdbc_gap_deinit(&g);
}

static void numbers_do_where_locks_cannot_be_seen(void **state)
{
    (void)state;
    struct jdbc_gap g;
    jdbc_gap_init(&g, 0, 0);
    assert_int_equal(jdbc_gap_observe(&g, &(struct jdbc_gap_view){10, NULL, 0, 700, 705}, 0, NULL),
                     ERR_OK);
    assert_int_equal(g.settled, 0);
    assert_int_equal(jdbc_gap_observe(&g, &(struct jdbc_gap_view){11, NULL, 0, 704, 709}, 0, NULL),
                     ERR_OK);
    assert_int_equal(g.settled, 0);
    assert_int_equal(jdbc_gap_observe(&g, &(struct jdbc_gap_view){11, NULL, 0, 706, 709}, 0, NULL),
                     ERR_OK);
    assert_int_equal(g.settled, 10);
    jdbc_gap_deinit(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_skipped_whatever_the_order_of_commits),
        cmocka_unit_test(consecutive_ids_need_no_look_at_transactions),
        cmocka_unit_test(a_gap_waits_for_its_own_transactions_only),
        cmocka_unit_test(holds_for_the_time_asked_for),
        cmocka_unit_test(bystanders_are_waited_for_so_long_unless_they_write),
        cmocka_unit_test(numbers_do_where_locks_cannot_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
