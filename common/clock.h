/*
 * Time comes in as a value, so that tests turn the hands themselves. Wall time is milliseconds
 * since 1970 UTC; monotonic time is nanoseconds since an arbitrary start and never goes back.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(const struct clock *c);
    int64_t (*mono_ns)(const struct clock *c);
};

/* The machine's clock; static, any thread. */
const struct clock *clock_system(void);

static inline int64_t clock_wall_ms(const struct clock *c)
{
    return c->wall_ms(c);
}

static inline int64_t clock_mono_ns(const struct clock *c)
{
    return c->mono_ns(c);
}

static inline int64_t clock_mono_ms(const struct clock *c)
{
    return c->mono_ns(c) / 1000000;
}

/* A clock that stands still until told otherwise. Pass &manual.clock. Any thread may read while one
 * advances. */
struct clock_manual {
    struct clock clock;
    _Atomic int64_t wall_ms;
    _Atomic int64_t mono_ns;
};

void clock_manual_init(struct clock_manual *m, int64_t wall_ms);
void clock_manual_advance(struct clock_manual *m, int64_t ms);
