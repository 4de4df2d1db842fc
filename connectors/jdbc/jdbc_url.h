/*
 * A JDBC URL taken apart: `jdbc:postgresql://h1:p1,h2:p2/db?user=..&password=..` and
 * `jdbc:sqlite:path`. The texts are percent-decoded, as the drivers do. Pure.
 */
#pragma once

#include <stddef.h>

#include "common/err.h"

#define JDBC_URL_PROPERTIES_MAX 64

enum jdbc_url_kind { JDBC_URL_POSTGRES, JDBC_URL_SQLITE };

struct jdbc_url_property {
    char *name;
    char *value;
};

struct jdbc_url {
    enum jdbc_url_kind kind;
    char *hosts;    /* comma list, Postgres only; "localhost" when absent */
    char *ports;    /* comma list of the same length; 5432 where absent */
    char *database; /* Postgres: NULL when absent (the driver then uses the user's name);
                       SQLite: the path, "" or ":memory:" for memory */
    struct jdbc_url_property properties[JDBC_URL_PROPERTIES_MAX];
    size_t property_count;
};

/* Refusals have the originals' texts: "Not a valid JDBC URL: x", "java.sql.SQLException: No
 * suitable driver found for x". The password never appears in them. */
enum err_code jdbc_url_parse(const char *text, struct jdbc_url *out_url,
                             struct err *e) ERR_MUST_CHECK;
/* Zeroed or half-built structs are fine. */
void jdbc_url_deinit(struct jdbc_url *url);
/* NULL when the URL does not name it. */
const char *jdbc_url_property(const struct jdbc_url *url, const char *name);
/* Writes the URL without what follows '?', and without user information: fit for logs. */
void jdbc_url_redact(const char *text, char *out_text, size_t size);
