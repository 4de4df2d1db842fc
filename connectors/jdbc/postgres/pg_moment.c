#include "connectors/jdbc/postgres/pg_moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "connectors/jdbc/postgres/pg_catalog.h"
#include "connectors/jdbc/postgres/pg_types.h"

#define PG_MOMENT_SQL_MAX ((size_t)1 << 20)
/* First object id that is not the system's own. */
#define PG_FIRST_USER_OID 16384

/* Which locks make a writer. */
static void pg_moment_write_locks(const struct pg_moment_target *target, struct buf *b)
{
    buf_append_text(b, "k.locktype = 'relation' AND k.mode = 'RowExclusiveLock' AND k.database = "
                       "db.oid AND ");
    if (target->table == NULL) {
        buf_printf(b,
                   "k.relation >= %d AND NOT EXISTS (SELECT FROM pg_catalog.pg_class i WHERE i.oid "
                   "= k.relation AND i.relkind IN ('i', 'I'))",
                   PG_FIRST_USER_OID);
        return;
    }
    buf_append_text(b, "(k.relation IN (SELECT oid FROM tree UNION ALL SELECT oid FROM used)");
    if (target->column[0] != '\0') {
        /* Numbered by hand: the sequence, if there is one, may be any. */
        buf_append_text(b, " OR (NOT EXISTS (SELECT FROM used) AND k.relation IN (SELECT seqrelid "
                           "FROM pg_catalog.pg_sequence))");
    }
    buf_append_char(b, ')');
}

enum err_code pg_moment_write(struct pg_session *s, const struct pg_moment_target *target,
                              char **out_sql, struct err *e)
{
    struct buf b;
    buf_init(&b, PG_MOMENT_SQL_MAX);
    enum err_code rc = ERR_OK;
    if (target->table != NULL) {
        rc = pg_catalog_write_family(s, target->table, target->column, &b, e);
    }
    buf_printf(&b, "SELECT CURRENT_TIMESTAMP, (%s)::bigint, l.open, l.pids, ",
               target->max_sql != NULL ? target->max_sql : "NULL");
    buf_append_text(
        &b, "pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()), CASE WHEN "
            "pg_catalog.pg_is_in_recovery() THEN "
            "pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) END FROM (SELECT "
            "string_agg(w.vxid || CASE WHEN w.writer THEN '!' ELSE '' END, ',') AS open, "
            "string_agg(w.pid::text, ' ') FILTER (WHERE w.writer) AS pids FROM (SELECT "
            "k.virtualtransaction AS vxid, min(k.pid) AS pid, bool_or(k.locktype = 'relation') AS "
            "writer FROM pg_catalog.pg_locks k, (SELECT d.oid FROM pg_catalog.pg_database d WHERE "
            "d.datname = pg_catalog.current_database()) db WHERE k.pid IS DISTINCT FROM "
            "pg_catalog.pg_backend_pid() AND (");
    pg_moment_write_locks(target, &b);
    if (target->times) {
        /* The system's own processes (vacuum) have no user. */
        buf_append_text(&b,
                        " OR k.locktype = 'virtualxid' AND k.granted AND k.pid IN (SELECT a.pid "
                        "FROM pg_catalog.pg_stat_activity a WHERE a.datid = db.oid AND "
                        "a.usesysid IS NOT NULL)");
    }
    buf_append_text(&b, ") GROUP BY 1) w) l");
    rc = rc == ERR_OK ? buf_check(&b, "query", e) : rc;
    *out_sql = rc == ERR_OK ? buf_take_text(&b) : NULL;
    buf_deinit(&b);
    return rc == ERR_OK && *out_sql == NULL ? err_nomem(e, "query") : rc;
}

/* "3/1234" is backend 3's transaction 1234; "-1/77" the prepared transaction 77; "!": a writer. */
static struct jdbc_gap_open pg_moment_parse_one(const char **text)
{
    char *end = NULL;
    long backend = strtol(*text, &end, 10);
    uint64_t number = *end == '/' ? strtoull(end + 1, &end, 10) : 0;
    bool writer = *end == '!';
    *text = end + (writer ? 1 : 0);
    return (struct jdbc_gap_open){(uint64_t)(uint32_t)backend << 32 ^ number, writer};
}

static enum err_code pg_moment_read_open(const char *text, struct jdbc_gap_open **open,
                                         size_t *capacity, size_t *out_count, struct err *e)
{
    size_t count = 0;
    while (*text != '\0') {
        if (count == *capacity) {
            size_t more = *capacity == 0 ? 64 : *capacity * 2;
            struct jdbc_gap_open *grown = more <= (size_t)2 * JDBC_GAP_TRANSACTIONS_MAX
                                              ? mem_realloc(*open, more * sizeof *grown)
                                              : NULL;
            if (grown == NULL) {
                return err_nomem(e, "open transactions");
            }
            *open = grown;
            *capacity = more;
        }
        (*open)[count++] = pg_moment_parse_one(&text);
        if (*text != ',') {
            break;
        }
        text++;
    }
    *out_count = count;
    return ERR_OK;
}

enum err_code pg_moment_read(const PGresult *r, struct jdbc_gap_open **open, size_t *capacity,
                             struct jdbc_moment *out_moment, struct err *e)
{
    if (PQntuples(r) != 1 || PQnfields(r) != 6) {
        return err_set(e, ERR_CORRUPT, "unexpected answer about open transactions");
    }
    struct jdbc_moment m = {.now_us = pg_session_int64(pg_session_cell(r, 0, 0)) + PG_EPOCH_US};
    struct bytes max_id = pg_session_cell(r, 0, 1);
    m.view.known = bytes_is_null(max_id) ? INT64_MIN : pg_session_int64(max_id);
    (void)snprintf(m.blockers, sizeof m.blockers, "%s", PQgetvalue(r, 0, 3));
    enum err_code rc =
        pg_moment_read_open(PQgetvalue(r, 0, 2), open, capacity, &m.view.open_count, e);
    if (rc != ERR_OK) {
        return rc;
    }
    m.view.open = *open;
    m.view.oldest = (uint64_t)pg_session_int64(pg_session_cell(r, 0, 4));
    m.view.next = (uint64_t)pg_session_int64(pg_session_cell(r, 0, 5));
    *out_moment = m;
    return ERR_OK;
}
