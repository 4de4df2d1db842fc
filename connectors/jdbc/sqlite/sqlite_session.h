/*
 * One connection to an SQLite file. Waits for locks, and long statements, end when the worker wants
 * an end. One thread.
 */
#pragma once

#include <sqlite3.h>

#include "connectors/jdbc/jdbc_dialect.h"
#include "connectors/jdbc/jdbc_zone.h"

struct sqlite_session {
    struct jdbc_session base;
    sqlite3 *db;
    struct jdbc_zone *zone; /* db.timezone */
};

enum err_code sqlite_session_open(const struct jdbc_settings *settings, struct source_context *ctx,
                                  struct jdbc_session **out_session, struct err *e);
void sqlite_session_close(struct jdbc_session *take_session);
enum err_code sqlite_session_list_tables(struct jdbc_session *s, struct jdbc_table_list *list,
                                         struct err *e);
/* The last error of the connection, as the JDBC driver words it. */
enum err_code sqlite_session_error(const struct sqlite_session *s, const char *what, struct err *e);
enum err_code sqlite_session_prepare(struct sqlite_session *s, const char *sql,
                                     sqlite3_stmt **out_statement, struct err *e);
