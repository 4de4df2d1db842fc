/*
 * Decides which rows may be delivered when transactions commit in another order than that in which
 * they took their place (an id from a sequence, a time from now()). Pure: the dialect says what is
 * open, this says how far it is safe to go. docs/jdbc-source.md tells the whole story.
 *
 * A place is a 64-bit number: the id, or microseconds for timestamps. The rule:
 *
 *   1. "known" is a place that had been given out before the moment A.
 *   2. At A the dialect lists the transactions that could still bring a row at or below `known`:
 *      the ones that hold a write lock on the table or on its sequence ("writers"). Times are taken
 *      before any lock: there it lists all other open transactions too, as mere bystanders, which
 *      are waited for only so long, unless they turn out to be writers.
 *   3. When all of these have ended (seen at a moment A' >= A), a snapshot taken after A' shows
 *      every row at or below `known` that will ever exist there: what is missing then is missing
 *      for good. All up to `known` is settled.
 *
 * Where no locks can be seen (a standby) it says instead which transaction number is the next to be
 * given out and which is the oldest still running: all below the one must be below the other.
 *
 * A pair (known, list) is a barrier. Several may be pending, the oldest first, so that a place is
 * settled as soon as its own transactions have ended, not when the whole table is quiet. Between
 * settled and the first gap, consecutive ids need no barrier at all: there is nothing between k and
 * k + 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* When so many are pending, a further observation waits for its turn: this costs latency only. */
#define JDBC_GAP_BARRIERS_MAX 32
/* Open writers of one table; more make the observation fail with LIMIT. */
#define JDBC_GAP_TRANSACTIONS_MAX 65536

/* How long a transaction is waited for that has not written to the table. */
#define JDBC_GAP_BYSTANDER_MS 1000

struct jdbc_gap_open {
    uint64_t transaction;
    bool writer;
};

/* What the dialect saw at the moment A. */
struct jdbc_gap_view {
    int64_t known;              /* a place given out before A; INT64_MIN: none */
    struct jdbc_gap_open *open; /* any order, each transaction once */
    size_t open_count;
    uint64_t oldest; /* number of the oldest running transaction; UINT64_MAX: does not matter */
    uint64_t next;   /* no number from here on had been given out; 0: does not matter */
};

struct jdbc_gap_barrier {
    int64_t known;
    int64_t since_ms;
    struct jdbc_gap_open *open; /* sorted; what is left of the list */
    size_t open_count;
    uint64_t next;
};

struct jdbc_gap {
    int64_t settled; /* every place up to here is complete in snapshots taken from now on */
    int64_t hold_ms; /* a barrier lives at least so long */
    struct jdbc_gap_barrier barriers[JDBC_GAP_BARRIERS_MAX];
    size_t barrier_count;
};

/* settled is where delivery starts: what lies at or below it is never asked for. */
void jdbc_gap_init(struct jdbc_gap *g, int64_t settled, int64_t hold_ms);
void jdbc_gap_deinit(struct jdbc_gap *g);

/*
 * Takes a view in (its list is copied). Call it before the rows of a LATER snapshot are judged.
 * Unchanged on failure.
 */
enum err_code jdbc_gap_observe(struct jdbc_gap *g, const struct jdbc_gap_view *view, int64_t now_ms,
                               struct err *e) ERR_MUST_CHECK;

/*
 * Ids of one result in ascending order, the rows directly above `last`. Returns how many of them
 * may be delivered: those up to settled, and those that follow without a gap.
 */
size_t jdbc_gap_deliverable(const struct jdbc_gap *g, int64_t last, const int64_t *ids,
                            size_t count);

/* Delivery got to `last` without a gap: it is settled too. */
void jdbc_gap_advance(struct jdbc_gap *g, int64_t last);

/* True while an observation waits for transactions to end. */
bool jdbc_gap_pending(const struct jdbc_gap *g);
/* Since when the oldest barrier waits; 0 when none does. */
int64_t jdbc_gap_held_since_ms(const struct jdbc_gap *g);
