/* Keeps one fault (a full disk) from filling the log: an event passes at most once in ten seconds,
 * and says how many did not. Zeroed is ready; any thread. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENT_LIMIT_MS 10000

struct event_limit {
    _Atomic int64_t next_ms; /* monotonic */
    _Atomic uint64_t held_back;
};

/* True: log it, with *out_held_back, the events since the last that passed. */
bool event_limit_pass(struct event_limit *l, int64_t now_mono_ms, uint64_t *out_held_back);
