#include "connectors/jdbc/postgres/pg_moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "connectors/jdbc/jdbc_gap.h"
#include "connectors/jdbc/postgres/pg_types.h"

#define PG_MOMENT_SQL_MAX ((size_t)1 << 20)
/* First object id that is not the system's own. */
#define PG_FIRST_USER_OID 16384

char *pg_moment_sql(const char *max_sql, const char *oids, bool standby)
{
    struct buf b;
    buf_init(&b, PG_MOMENT_SQL_MAX);
    buf_printf(&b, "SELECT CURRENT_TIMESTAMP, (%s)::bigint, l.open, l.pids FROM ",
               max_sql != NULL ? max_sql : "NULL");
    if (standby) {
        buf_append_text(&b, "(SELECT string_agg('-1/' || x, ',') AS open, NULL::text AS pids FROM "
                            "pg_catalog.txid_snapshot_xip(pg_catalog.txid_current_snapshot()) AS "
                            "s(x)) l");
        return buf_take_text(&b);
    }
    buf_append_text(&b, "(SELECT string_agg(DISTINCT k.virtualtransaction, ',') AS open, "
                        "string_agg(DISTINCT k.pid::text, ' ') AS pids FROM pg_catalog.pg_locks k "
                        "WHERE k.locktype = 'relation' AND k.granted AND k.database = (SELECT "
                        "d.oid FROM pg_catalog.pg_database d WHERE d.datname = "
                        "pg_catalog.current_database()) AND ");
    if (oids[0] == '\0') {
        buf_printf(&b, "k.relation >= %d", PG_FIRST_USER_OID);
    } else {
        buf_printf(&b, "k.relation = ANY ('%s'::oid[])", oids);
    }
    buf_append_text(&b, " AND k.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', "
                        "'ExclusiveLock', 'AccessExclusiveLock') AND k.pid IS DISTINCT FROM "
                        "pg_catalog.pg_backend_pid()) l");
    return buf_take_text(&b);
}

/* "3/1234" is backend 3's transaction 1234; "-1/77" the prepared transaction 77. */
static uint64_t pg_moment_parse_one(const char **text)
{
    char *end = NULL;
    long backend = strtol(*text, &end, 10);
    uint64_t number = *end == '/' ? strtoull(end + 1, &end, 10) : 0;
    *text = end;
    return (uint64_t)(uint32_t)backend << 32 ^ number;
}

static enum err_code pg_moment_read_open(const char *text, uint64_t **open, size_t *capacity,
                                         size_t *out_count, struct err *e)
{
    size_t count = 0;
    while (*text != '\0') {
        if (count == *capacity) {
            size_t more = *capacity == 0 ? 64 : *capacity * 2;
            uint64_t *grown = more <= (size_t)2 * JDBC_GAP_TRANSACTIONS_MAX
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

enum err_code pg_moment_read(const PGresult *r, uint64_t **open, size_t *capacity,
                             struct jdbc_moment *out_moment, struct err *e)
{
    if (PQntuples(r) != 1 || PQnfields(r) != 4) {
        return err_set(e, ERR_CORRUPT, "unexpected answer about open transactions");
    }
    struct jdbc_moment m = {.now_us = pg_session_int64(pg_session_cell(r, 0, 0)) + PG_EPOCH_US};
    struct bytes max_id = pg_session_cell(r, 0, 1);
    m.has_max_id = !bytes_is_null(max_id);
    m.max_id = pg_session_int64(max_id);
    (void)snprintf(m.blockers, sizeof m.blockers, "%s", PQgetvalue(r, 0, 3));
    enum err_code rc = pg_moment_read_open(PQgetvalue(r, 0, 2), open, capacity, &m.open_count, e);
    if (rc != ERR_OK) {
        return rc;
    }
    m.open = *open;
    *out_moment = m;
    return ERR_OK;
}
