#include "common/clock.h"

#include <time.h>

static int64_t clock_read_ns(clockid_t id)
{
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts); /* cannot fail for these two ids */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t clock_system_wall_ms(const struct clock *c)
{
    (void)c;
    return clock_read_ns(CLOCK_REALTIME) / 1000000;
}

static int64_t clock_system_mono_ns(const struct clock *c)
{
    (void)c;
    return clock_read_ns(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void)
{
    static const struct clock system = {clock_system_wall_ms, clock_system_mono_ns};
    return &system;
}

/* The manual clock's first member is the clock that is passed around. */
static int64_t clock_manual_wall_ms(const struct clock *c)
{
    return atomic_load(&((const struct clock_manual *)c)->wall_ms);
}

static int64_t clock_manual_mono_ns(const struct clock *c)
{
    return atomic_load(&((const struct clock_manual *)c)->mono_ns);
}

void clock_manual_init(struct clock_manual *m, int64_t wall_ms)
{
    m->clock = (struct clock){clock_manual_wall_ms, clock_manual_mono_ns};
    atomic_init(&m->wall_ms, wall_ms);
    atomic_init(&m->mono_ns, 0);
}

void clock_manual_advance(struct clock_manual *m, int64_t ms)
{
    (void)atomic_fetch_add(&m->wall_ms, ms);
    (void)atomic_fetch_add(&m->mono_ns, ms * 1000000);
}
