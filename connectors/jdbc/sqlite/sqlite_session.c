#include "connectors/jdbc/sqlite/sqlite_session.h"

#include <stdio.h>
#include <strings.h>

#include "common/mem.h"
#include "connect/include/connect_error.h"

#define SQLITE_EXCEPTION "org.sqlite.SQLiteException"
#define SQLITE_BUSY_WAIT_MS 10
#define SQLITE_BUSY_TRIES 500
#define SQLITE_PROGRESS_STEPS 20000

enum err_code sqlite_session_error(const struct sqlite_session *s, const char *what, struct err *e)
{
    int rc = sqlite3_errcode(s->db);
    enum err_code code = ERR_INVALID;
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_SCHEMA:
        code = ERR_CONFLICT;
        break;
    case SQLITE_INTERRUPT:
        code = ERR_CANCELLED;
        break;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_FULL:
        code = ERR_UNAVAILABLE;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = ERR_CORRUPT;
        break;
    default:
        break;
    }
    return connect_error_set(e, code, SQLITE_EXCEPTION, "[%s] %s: %s", sqlite3_errstr(rc), what,
                             sqlite3_errmsg(s->db));
}

static int sqlite_session_busy(void *ctx, int tries)
{
    const struct sqlite_session *s = ctx;
    return tries < SQLITE_BUSY_TRIES && !source_context_wait(s->base.ctx, SQLITE_BUSY_WAIT_MS);
}

static int sqlite_session_progress(void *ctx)
{
    const struct sqlite_session *s = ctx;
    return source_context_stopping(s->base.ctx);
}

enum err_code sqlite_session_open(const struct jdbc_settings *settings, struct source_context *ctx,
                                  struct jdbc_session **out_session, struct err *e)
{
    struct sqlite_session *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "SQLite session");
    }
    s->base = (struct jdbc_session){&jdbc_dialect_sqlite, settings, ctx};
    enum err_code rc = jdbc_zone_open(settings->zone, &s->zone, e);
    if (rc == ERR_OK) {
        /* Never creates: a path that is wrong is an error, not an empty database. */
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
        if (sqlite3_open_v2(settings->url.database, &s->db, flags, NULL) != SQLITE_OK) {
            rc = sqlite_session_error(s, settings->url.database, e);
        }
    }
    if (rc != ERR_OK) {
        sqlite_session_close(&s->base);
        return rc;
    }
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_handler(s->db, sqlite_session_busy, s);
    sqlite3_progress_handler(s->db, SQLITE_PROGRESS_STEPS, sqlite_session_progress, s);
    *out_session = &s->base;
    return ERR_OK;
}

void sqlite_session_close(struct jdbc_session *take_session)
{
    struct sqlite_session *s = (struct sqlite_session *)(void *)take_session;
    if (s != NULL) {
        (void)sqlite3_close_v2(s->db);
        jdbc_zone_close(s->zone);
        mem_free(s);
    }
}

enum err_code sqlite_session_prepare(struct sqlite_session *s, const char *sql,
                                     sqlite3_stmt **out_statement, struct err *e)
{
    return sqlite3_prepare_v2(s->db, sql, -1, out_statement, NULL) == SQLITE_OK
               ? ERR_OK
               : sqlite_session_error(s, "prepare", e);
}

static bool sqlite_session_wants(const struct jdbc_settings *settings, const char *type)
{
    for (size_t i = 0; i < settings->table_types.count; i++) {
        if (strcasecmp(settings->table_types.items[i], type) == 0) {
            return true;
        }
    }
    return false;
}

enum err_code sqlite_session_list_tables(struct jdbc_session *session, struct jdbc_table_list *list,
                                         struct err *e)
{
    struct sqlite_session *s = (struct sqlite_session *)(void *)session;
    sqlite3_stmt *st = NULL;
    enum err_code rc = sqlite_session_prepare(
        s,
        "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE "
        "'sqlite!_%' ESCAPE '!' ORDER BY type, name",
        &st, e);
    if (rc != ERR_OK) {
        return rc;
    }
    int step = sqlite3_step(st);
    for (; rc == ERR_OK && step == SQLITE_ROW; step = sqlite3_step(st)) {
        if (sqlite_session_wants(session->settings, (const char *)sqlite3_column_text(st, 0))) {
            rc = jdbc_dialect_add_table(list, NULL, (const char *)sqlite3_column_text(st, 1), e);
        }
    }
    if (rc == ERR_OK && step != SQLITE_DONE) {
        rc = sqlite_session_error(s, "list tables", e);
    }
    (void)sqlite3_finalize(st);
    return rc;
}
