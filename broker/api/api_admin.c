#include "broker/api/api_admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "protocol/kafka_error.h"

static void release_view(struct request *rq)
{
    controller_view_release(rq->state);
    rq->state = NULL;
}

const struct controller_view *api_admin_hold_view(struct request *rq)
{
    struct controller_view *view = controller_view_acquire(broker_controller(rq->broker));
    rq->state = view;
    rq->release = release_view;
    return view;
}

struct bytes api_admin_message(const char *message)
{
    return message[0] == '\0' ? bytes_null() : bytes_of_text(message);
}

void api_admin_queue_full(int16_t *out_error, char out_message[CONTROLLER_MESSAGE_MAX])
{
    *out_error = KAFKA_ERROR_REQUEST_TIMED_OUT;
    (void)snprintf(out_message, CONTROLLER_MESSAGE_MAX, "%s",
                   "The controller has too much to do or is stopping; try again.");
}

struct placed_name {
    struct bytes name;
    int32_t place;
};

/* By name, then by place. */
static int compare_placed(const void *a, const void *b)
{
    const struct placed_name *x = a;
    const struct placed_name *y = b;
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = len == 0 ? 0 : memcmp(x->name.data, y->name.data, len);
    if (order == 0) {
        order = (x->name.len > y->name.len) - (x->name.len < y->name.len);
    }
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

const enum api_admin_repeat *api_admin_find_repeats(struct request *rq, const struct bytes *names,
                                                    int32_t count)
{
    size_t total = count < 0 ? 0 : (size_t)count;
    enum api_admin_repeat *repeats = arena_alloc_array(&rq->arena, total, sizeof *repeats);
    struct placed_name *sorted = arena_alloc_array(&rq->arena, total, sizeof *sorted);
    if (repeats == NULL || sorted == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < total; i++) {
        sorted[i] = (struct placed_name){names[i], (int32_t)i};
    }
    if (total > 0) {
        qsort(sorted, total, sizeof *sorted, compare_placed);
    }
    for (size_t i = 0; i < total; i++) {
        bool before = i > 0 && bytes_equal(sorted[i - 1].name, sorted[i].name);
        bool after = i + 1 < total && bytes_equal(sorted[i + 1].name, sorted[i].name);
        repeats[sorted[i].place] = before  ? API_ADMIN_REPEATED_AGAIN
                                   : after ? API_ADMIN_REPEATED_FIRST
                                           : API_ADMIN_ONCE;
    }
    return repeats;
}
