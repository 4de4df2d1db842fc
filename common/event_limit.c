#include "common/event_limit.h"

bool event_limit_pass(struct event_limit *l, int64_t now_mono_ms, uint64_t *out_held_back)
{
    int64_t next_ms = atomic_load(&l->next_ms);
    if (now_mono_ms < next_ms ||
        !atomic_compare_exchange_strong(&l->next_ms, &next_ms, now_mono_ms + EVENT_LIMIT_MS)) {
        (void)atomic_fetch_add(&l->held_back, 1);
        return false;
    }
    *out_held_back = atomic_exchange(&l->held_back, 0);
    return true;
}
