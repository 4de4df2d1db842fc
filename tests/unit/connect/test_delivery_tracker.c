#include "connect/runtime/delivery_tracker.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

struct seen {
    int64_t a;
    int64_t b;
};

static void note(void *ctx, const char *partition, const struct connect_value *offset)
{
    struct seen *seen = ctx;
    int64_t id = connect_value_map_get(offset, "id")->integer;
    *(strcmp(partition, "{\"t\":\"a\"}") == 0 ? &seen->a : &seen->b) = id;
}

static struct seen committable(struct delivery_tracker *t)
{
    struct seen seen = {-1, -1};
    delivery_tracker_each(t, note, &seen);
    return seen;
}

static void add(struct delivery_batch *b, const char *partition, int64_t id)
{
    struct connect_record *r = connect_batch_add(&b->batch);
    assert_non_null(r);
    r->source_partition = partition;
    r->source_offset = connect_batch_offset(&b->batch, "id", id);
}

static struct delivery_tracker *create(size_t batches)
{
    struct delivery_tracker *t = NULL;
    assert_int_equal(delivery_tracker_create(NULL, batches, 8, 1 << 20, &t, NULL), ERR_OK);
    return t;
}

static void commits_only_behind_a_gapless_line_of_acknowledgements(void **state)
{
    (void)state;
    struct delivery_tracker *t = create(2);
    struct delivery_batch *b = delivery_tracker_take(t);
    add(b, "{\"t\":\"a\"}", 1);
    add(b, "{\"t\":\"b\"}", 7);
    add(b, "{\"t\":\"a\"}", 2);
    add(b, "{\"t\":\"a\"}", 3);
    assert_int_equal(delivery_tracker_enter(t, b, NULL), ERR_OK);
    delivery_tracker_acknowledge(t, &b->deliveries[2]);
    delivery_tracker_acknowledge(t, &b->deliveries[1]);
    assert_int_equal(committable(t).a, -1); /* 1 is still on its way */
    assert_int_equal(committable(t).b, 7);
    delivery_tracker_acknowledge(t, &b->deliveries[0]);
    assert_int_equal(committable(t).a, 2);
    assert_int_equal(delivery_tracker_open_count(t), 1);
    delivery_tracker_mark_committed(t);
    assert_false(delivery_tracker_has_news(t));
    delivery_tracker_acknowledge(t, &b->deliveries[3]);
    assert_int_equal(committable(t).a, 3);
    assert_int_equal(committable(t).b, -1);
    delivery_tracker_destroy(t);
}

static void keeps_a_batch_while_its_offset_may_be_committed(void **state)
{
    (void)state;
    struct delivery_tracker *t = create(2);
    struct delivery_batch *first = delivery_tracker_take(t);
    add(first, "{\"t\":\"a\"}", 1);
    assert_int_equal(delivery_tracker_enter(t, first, NULL), ERR_OK);
    delivery_tracker_acknowledge(t, &first->deliveries[0]);
    struct delivery_batch *second = delivery_tracker_take(t);
    assert_non_null(second);
    assert_null(delivery_tracker_take(t)); /* the first one holds offset 1 */
    assert_int_equal(committable(t).a, 1);
    add(second, "{\"t\":\"a\"}", 2);
    assert_int_equal(delivery_tracker_enter(t, second, NULL), ERR_OK);
    delivery_tracker_acknowledge(t, &second->deliveries[0]);
    assert_ptr_equal(delivery_tracker_take(t), first);
    assert_int_equal(committable(t).a, 2);
    delivery_tracker_mark_committed(t);
    assert_ptr_equal(delivery_tracker_take(t), second);
    delivery_tracker_destroy(t);
}

static void records_without_a_position_need_no_commit(void **state)
{
    (void)state;
    struct delivery_tracker *t = create(1);
    struct delivery_batch *b = delivery_tracker_take(t);
    assert_non_null(connect_batch_add(&b->batch));
    assert_int_equal(delivery_tracker_enter(t, b, NULL), ERR_OK);
    assert_null(delivery_tracker_take(t));
    delivery_tracker_acknowledge(t, &b->deliveries[0]);
    assert_false(delivery_tracker_has_news(t));
    b = delivery_tracker_take(t);
    assert_non_null(b);
    /* An empty batch goes straight back. */
    assert_int_equal(delivery_tracker_enter(t, b, NULL), ERR_OK);
    assert_non_null(delivery_tracker_take(t));
    delivery_tracker_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_only_behind_a_gapless_line_of_acknowledgements),
        cmocka_unit_test(keeps_a_batch_while_its_offset_may_be_committed),
        cmocka_unit_test(records_without_a_position_need_no_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
