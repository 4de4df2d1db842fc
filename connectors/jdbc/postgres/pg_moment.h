/*
 * The moment A of jdbc_gap.h in Postgres: which transactions could still add rows.
 *
 * An INSERT locks its table (RowExclusiveLock), and nextval() its sequence, before the id is taken,
 * and both keep the lock until the transaction has ended, which is after its rows have become
 * visible. So the holders of such a lock, read from pg_locks, are all who can bring a row below an
 * id that was visible before: no transaction that merely is open holds anything up. Prepared
 * transactions keep their locks too.
 *
 * The statement's snapshot (the greatest id, the clock) is older than its look at pg_locks, because
 * a function is run after the snapshot of its statement has been taken; the rows that are judged by
 * it come from a later statement with a newer snapshot. A lock that is not seen any more was given
 * up after its rows had become visible, so the newer snapshot has them.
 *
 * On a standby the locks of the primary cannot be seen; there the transaction numbers of the
 * snapshot have to do. Which of both is decided by each run: a standby may be promoted.
 */
#pragma once

#include "connectors/jdbc/postgres/pg_session.h"

struct pg_moment_target {
    const char *max_sql; /* gives the greatest id; NULL: not wanted */
    const char *table;   /* as statements name it; NULL: any table may be behind what is read */
    const char *column;  /* numbered by a sequence; "": by none */
    bool times;          /* rows are placed by times: bystanders count */
};

/* The statement; the text is the caller's. */
enum err_code pg_moment_write(struct pg_session *s, const struct pg_moment_target *target,
                              char **out_sql, struct err *e);
/* Reads its result. *open grows as needed and stays the caller's (mem_free). */
enum err_code pg_moment_read(const PGresult *r, struct jdbc_gap_open **open, size_t *capacity,
                             struct jdbc_moment *out_moment, struct err *e);
