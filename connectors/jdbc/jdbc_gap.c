#include "connectors/jdbc/jdbc_gap.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

void jdbc_gap_init(struct jdbc_gap *g, int64_t settled, int64_t hold_ms)
{
    *g = (struct jdbc_gap){.settled = settled, .hold_ms = hold_ms};
}

void jdbc_gap_deinit(struct jdbc_gap *g)
{
    for (size_t i = 0; i < g->barrier_count; i++) {
        mem_free(g->barriers[i].open);
    }
    g->barrier_count = 0;
}

static int jdbc_gap_compare(const void *a, const void *b)
{
    const struct jdbc_gap_open *x = a;
    const struct jdbc_gap_open *y = b;
    return x->transaction < y->transaction ? -1 : x->transaction > y->transaction;
}

/* Keeps of the barrier's list what is still open; both lists are sorted. Once a writer, always one:
 * a savepoint that is rolled back gives the table's lock away, but not the place taken. */
static void jdbc_gap_intersect(struct jdbc_gap_barrier *barrier, const struct jdbc_gap_open *open,
                               size_t count)
{
    size_t kept = 0;
    size_t at = 0;
    for (size_t i = 0; i < barrier->open_count; i++) {
        struct jdbc_gap_open entry = barrier->open[i];
        while (at < count && open[at].transaction < entry.transaction) {
            at++;
        }
        if (at < count && open[at].transaction == entry.transaction) {
            entry.writer = entry.writer || open[at].writer;
            barrier->open[kept++] = entry;
        }
    }
    barrier->open_count = kept;
}

static bool jdbc_gap_passed(const struct jdbc_gap *g, const struct jdbc_gap_barrier *b,
                            uint64_t oldest, int64_t now_ms)
{
    int64_t age_ms = now_ms - b->since_ms;
    if (age_ms < g->hold_ms || oldest < b->next) {
        return false;
    }
    for (size_t i = 0; i < b->open_count; i++) {
        if (b->open[i].writer || age_ms < JDBC_GAP_BYSTANDER_MS) {
            return false;
        }
    }
    return true;
}

static void jdbc_gap_drop_settled(struct jdbc_gap *g)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->barrier_count; i++) {
        if (g->barriers[i].known <= g->settled) {
            mem_free(g->barriers[i].open);
        } else {
            g->barriers[kept++] = g->barriers[i];
        }
    }
    g->barrier_count = kept;
}

/* A younger barrier may pass before an older one. */
static void jdbc_gap_collect(struct jdbc_gap *g, uint64_t oldest, int64_t now_ms)
{
    for (size_t i = 0; i < g->barrier_count; i++) {
        const struct jdbc_gap_barrier *b = &g->barriers[i];
        if (b->known > g->settled && jdbc_gap_passed(g, b, oldest, now_ms)) {
            g->settled = b->known;
        }
    }
    jdbc_gap_drop_settled(g);
}

enum err_code jdbc_gap_observe(struct jdbc_gap *g, const struct jdbc_gap_view *view, int64_t now_ms,
                               struct err *e)
{
    size_t count = view->open_count;
    if (count > JDBC_GAP_TRANSACTIONS_MAX) {
        return err_set(e, ERR_LIMIT, "%zu transactions write to the table, more than %d", count,
                       JDBC_GAP_TRANSACTIONS_MAX);
    }
    struct jdbc_gap_open *sorted = mem_alloc((count + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return err_nomem(e, "open transactions");
    }
    if (count > 0) {
        memcpy(sorted, view->open, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, jdbc_gap_compare);
    }
    for (size_t i = 0; i < g->barrier_count; i++) {
        jdbc_gap_intersect(&g->barriers[i], sorted, count);
    }
    jdbc_gap_collect(g, view->oldest, now_ms);
    bool news = view->known > g->settled &&
                (g->barrier_count == 0 || view->known > g->barriers[g->barrier_count - 1].known);
    if (!news || g->barrier_count == JDBC_GAP_BARRIERS_MAX) {
        mem_free(sorted);
        return ERR_OK;
    }
    g->barriers[g->barrier_count++] = (struct jdbc_gap_barrier){.known = view->known,
                                                                .since_ms = now_ms,
                                                                .open = sorted,
                                                                .open_count = count,
                                                                .next = view->next};
    jdbc_gap_collect(g, view->oldest, now_ms);
    return ERR_OK;
}

size_t jdbc_gap_deliverable(const struct jdbc_gap *g, int64_t last, const int64_t *ids,
                            size_t count)
{
    int64_t reached = last > g->settled ? last : g->settled;
    for (size_t i = 0; i < count; i++) {
        /* An id that repeats is as settled as its first row. */
        bool follows = ids[i] <= reached || ids[i] - 1 == reached;
        if (!follows) {
            return i;
        }
        reached = ids[i] > reached ? ids[i] : reached;
    }
    return count;
}

void jdbc_gap_advance(struct jdbc_gap *g, int64_t last)
{
    if (last > g->settled) {
        g->settled = last;
    }
    jdbc_gap_drop_settled(g); /* a barrier above keeps its list */
    CHECK(g->barrier_count == 0 || g->barriers[0].known > g->settled);
}

bool jdbc_gap_pending(const struct jdbc_gap *g)
{
    return g->barrier_count > 0;
}

int64_t jdbc_gap_held_since_ms(const struct jdbc_gap *g)
{
    return g->barrier_count > 0 ? g->barriers[0].since_ms : 0;
}
