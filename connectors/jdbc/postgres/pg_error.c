#include "connectors/jdbc/postgres/pg_error.h"

#include <stdio.h>
#include <string.h>

#include "connect/include/connect_error.h"

enum err_code pg_error_code(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum err_code code;
    } table[] = {
        {"08", ERR_UNAVAILABLE},                          /* connection */
        {"57P", ERR_UNAVAILABLE},                         /* shutdown, crash, starting up */
        {"53", ERR_UNAVAILABLE},                          /* out of connections, memory, disk */
        {"58", ERR_UNAVAILABLE},                          /* I/O of the server */
        {"XX000", ERR_UNAVAILABLE}, {"40", ERR_CONFLICT}, /* serialization, deadlock, conflict with
                                                             recovery */
        {"55P03", ERR_CONFLICT},                          /* lock not available */
        {"57014", ERR_CONFLICT},                          /* statement timeout */
        {"25P03", ERR_UNAVAILABLE},                       /* idle in transaction timeout */
        {"0A000", ERR_STATE}, /* cached plan must not change result type */
        {"26000", ERR_STATE}, /* a pooler gave us another server session */
        {"28", ERR_AUTH},           {"42501", ERR_AUTH},  {"42P01", ERR_NOT_FOUND},
        {"3D000", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0) {
            return table[i].code;
        }
    }
    return ERR_INVALID;
}

/* The first line of a text, runs of spaces made one: "FATAL:  password ..." */
static void pg_error_tidy(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (const char *p = text; *p != '\0' && *p != '\n' && n + 1 < size; p++) {
        if (*p == ' ' && n > 0 && out[n - 1] == ' ') {
            continue;
        }
        out[n++] = *p;
    }
    out[n] = '\0';
}

/* Server messages that refuse a connection for good come without an SQLSTATE in libpq 15. */
static enum err_code pg_error_fatal_code(const char *text)
{
    static const char *const final[] = {"authentication", "does not exist",    "no pg_hba.conf",
                                        "not permitted",  "permission denied", "is not allowed"};
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        if (strstr(text, final[i]) != NULL) {
            return ERR_AUTH;
        }
    }
    return ERR_UNAVAILABLE;
}

enum err_code pg_error_from_connection(PGconn *conn, struct err *e)
{
    const char *text = conn != NULL ? PQerrorMessage(conn) : "out of memory";
    char tidy[ERR_TEXT_MAX / 2];
    const char *fatal = strstr(text, "FATAL:");
    if (fatal != NULL) {
        pg_error_tidy(fatal, tidy, sizeof tidy);
        return connect_error_set(e, pg_error_fatal_code(fatal), PG_EXCEPTION, "%s", tidy);
    }
    if (strstr(text, "no password supplied") != NULL) {
        return connect_error_set(e, ERR_AUTH, PG_EXCEPTION,
                                 "The server requested password-based authentication, but no "
                                 "password was provided.");
    }
    if (strstr(text, "Connection refused") != NULL) {
        return connect_error_set(
            e, ERR_UNAVAILABLE, PG_EXCEPTION,
            "Connection to %s:%s refused. Check that the hostname and port are correct and that "
            "the postmaster is accepting TCP/IP connections.",
            PQhost(conn), PQport(conn));
    }
    pg_error_tidy(text, tidy, sizeof tidy);
    return connect_error_set(e, ERR_UNAVAILABLE, PG_EXCEPTION, "%s", tidy);
}

enum err_code pg_error_from_result(PGconn *conn, const PGresult *r, struct err *e)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (sqlstate == NULL) {
        return pg_error_from_connection(conn, e);
    }
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
    return connect_error_set(e, pg_error_code(sqlstate), PG_EXCEPTION, "%s: %s%s%s (SQLSTATE %s)",
                             severity != NULL ? severity : "ERROR", message != NULL ? message : "",
                             detail != NULL ? " Detail: " : "", detail != NULL ? detail : "",
                             sqlstate);
}
