#include "connectors/jdbc/sqlite/sqlite_stream.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"
#include "connectors/jdbc/sqlite/sqlite_time.h"

#define SQLITE_STREAM_SQL_MAX ((size_t)1 << 20)
/* A row may have SQLite's own maximum; a chunk ends once it has this much. */
#define SQLITE_STREAM_ARENA_MAX ((size_t)3 << 30)
#define SQLITE_STREAM_CHUNK_BYTES ((size_t)16 << 20)

static struct sqlite_stream *sqlite_stream_of(struct jdbc_stream *s)
{
    return (struct sqlite_stream *)(void *)s;
}

static struct sqlite_session *sqlite_stream_session(const struct sqlite_stream *s)
{
    return (struct sqlite_session *)(void *)s->base.session;
}

static void sqlite_stream_free_columns(struct sqlite_stream *s)
{
    for (size_t i = 0; s->declared != NULL && i < s->base.columns.count; i++) {
        mem_free(s->declared[i].declared);
    }
    mem_free(s->declared);
    s->declared = NULL;
    jdbc_columns_deinit(&s->base.columns);
}

/* The alias of the rowid can hold no null; other columns when they are declared so. */
static bool sqlite_stream_is_required(const struct sqlite_stream *s, int column)
{
    const char *table = sqlite3_column_table_name(s->statement, column);
    const char *origin = sqlite3_column_origin_name(s->statement, column);
    const char *database = sqlite3_column_database_name(s->statement, column);
    const char *type = NULL;
    int not_null = 0;
    int primary_key = 0;
    if (table == NULL || origin == NULL ||
        sqlite3_table_column_metadata(sqlite_stream_session(s)->db, database, table, origin, &type,
                                      NULL, &not_null, &primary_key, NULL) != SQLITE_OK) {
        return false;
    }
    bool alias = primary_key != 0 && type != NULL && strcasecmp(type, "INTEGER") == 0;
    return not_null != 0 || alias;
}

static enum err_code sqlite_stream_describe(struct sqlite_stream *s, struct err *e)
{
    int count = sqlite3_column_count(s->statement);
    sqlite_stream_free_columns(s);
    enum err_code rc = jdbc_columns_init(&s->base.columns, (size_t)count, e);
    s->declared = mem_calloc((size_t)count + 1, sizeof *s->declared);
    if (rc != ERR_OK || s->declared == NULL) {
        return rc != ERR_OK ? rc : err_nomem(e, "columns");
    }
    const struct sqlite_cell none = {.storage = SQLITE_NULL};
    for (int i = 0; i < count; i++) {
        struct jdbc_column *c = &s->base.columns.items[i];
        const char *declared = sqlite3_column_decltype(s->statement, i);
        c->name = mem_strdup(sqlite3_column_name(s->statement, i));
        s->declared[i].declared = mem_strdup(declared);
        if (c->name == NULL || (declared != NULL && s->declared[i].declared == NULL)) {
            return err_nomem(e, "columns");
        }
        s->declared[i].undecided = declared == NULL || declared[0] == '\0';
        c->required = sqlite_stream_is_required(s, i);
        sqlite_types_map(declared, &none, s->base.session->settings->numeric, c);
    }
    return jdbc_dialect_bind_columns(&s->base, e);
}

static bool sqlite_stream_same_shape(const struct sqlite_stream *s)
{
    if ((size_t)sqlite3_column_count(s->statement) != s->base.columns.count) {
        return false;
    }
    for (size_t i = 0; i < s->base.columns.count; i++) {
        const char *declared = sqlite3_column_decltype(s->statement, (int)i);
        const char *before = s->declared[i].declared;
        bool same =
            declared == NULL || before == NULL ? declared == before : strcmp(declared, before) == 0;
        if (!same ||
            strcmp(sqlite3_column_name(s->statement, (int)i), s->base.columns.items[i].name) != 0) {
            return false;
        }
    }
    return true;
}

static enum err_code sqlite_stream_find_auto_column(struct sqlite_stream *s, struct err *e)
{
    struct jdbc_sql_target *t = &s->base.target;
    if (t->incrementing_column[0] != '\0' || t->table == NULL ||
        !jdbc_settings_uses_incrementing(s->base.session->settings)) {
        return ERR_OK;
    }
    sqlite3_stmt *st = NULL;
    enum err_code rc = sqlite_session_prepare(
        sqlite_stream_session(s),
        "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 AND lower(type) = 'integer'", &st, e);
    if (rc != ERR_OK) {
        return rc;
    }
    (void)sqlite3_bind_text(st, 1, t->table->name, -1, SQLITE_STATIC);
    int step = sqlite3_step(st);
    if (step == SQLITE_ROW) {
        s->auto_column = mem_strdup((const char *)sqlite3_column_text(st, 0));
        t->incrementing_column = s->auto_column;
        rc = s->auto_column != NULL ? ERR_OK : err_nomem(e, "column name");
    } else if (step != SQLITE_DONE) {
        rc = sqlite_session_error(sqlite_stream_session(s), "columns", e);
    }
    (void)sqlite3_finalize(st);
    if (rc != ERR_OK) {
        return rc;
    }
    return s->auto_column != NULL
               ? ERR_OK
               : connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                   "\"%s\" has no INTEGER PRIMARY KEY: name a column in "
                                   "incrementing.column.name",
                                   t->table->name);
}

/* Only then may a statement end after any row: with ids that repeat, a LIMIT could end between two
 * rows of one id. */
static enum err_code sqlite_stream_has_unique_ids(const struct sqlite_stream *s, bool *out_unique,
                                                  struct err *e)
{
    const struct jdbc_sql_target *t = &s->base.target;
    sqlite3_stmt *st = NULL;
    enum err_code rc = sqlite_session_prepare(
        sqlite_stream_session(s),
        "SELECT 1 FROM pragma_table_info(?1) c WHERE c.name = ?2 COLLATE NOCASE AND ((c.pk = 1 AND "
        "NOT EXISTS (SELECT 1 FROM pragma_table_info(?1) o WHERE o.pk > 1)) OR EXISTS (SELECT 1 "
        "FROM pragma_index_list(?1) i WHERE i.\"unique\" AND NOT i.partial AND (SELECT count(*) "
        "FROM pragma_index_info(i.name)) = 1 AND (SELECT x.cid FROM pragma_index_info(i.name) x) = "
        "c.cid))",
        &st, e);
    if (rc != ERR_OK) {
        return rc;
    }
    (void)sqlite3_bind_text(st, 1, t->table->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(st, 2, t->incrementing_column, -1, SQLITE_STATIC);
    int step = sqlite3_step(st);
    *out_unique = step == SQLITE_ROW;
    if (step != SQLITE_ROW && step != SQLITE_DONE) {
        rc = sqlite_session_error(sqlite_stream_session(s), "indexes", e);
    }
    (void)sqlite3_finalize(st);
    return rc;
}

static enum err_code sqlite_stream_setup(struct sqlite_stream *s, struct err *e)
{
    struct jdbc_sql_target *t = &s->base.target;
    enum err_code rc = sqlite_stream_find_auto_column(s, e);
    if (rc != ERR_OK) {
        return rc;
    }
    if (jdbc_settings_uses_timestamp(s->base.session->settings) &&
        jdbc_zone_to_wall(s->context.zone, 0) != 0) {
        /* strftime() in the statement reads texts as UTC. */
        return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_CONFIG_EXCEPTION,
                                 "db.timezone must be UTC for timestamp modes on SQLite");
    }
    if (t->mode == JDBC_MODE_INCREMENTING && t->table != NULL && t->suffix[0] == '\0') {
        rc = sqlite_stream_has_unique_ids(s, &s->direct, e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    t->limit = s->direct ? s->base.session->settings->batch_max_rows : 0;
    const struct jdbc_sql_style style = jdbc_dialect_style(s->base.session);
    struct buf sql;
    buf_init(&sql, SQLITE_STREAM_SQL_MAX);
    jdbc_sql_select(&sql, &style, t);
    rc = buf_check(&sql, "query", e);
    rc = rc == ERR_OK
             ? sqlite_session_prepare(sqlite_stream_session(s), buf_text(&sql), &s->statement, e)
             : rc;
    buf_deinit(&sql);
    rc = rc == ERR_OK
             ? sqlite_session_prepare(sqlite_stream_session(s),
                                      "SELECT strftime('%Y-%m-%d %H:%M:%f','now')", &s->clock, e)
             : rc;
    return rc == ERR_OK ? sqlite_stream_describe(s, e) : rc;
}

enum err_code sqlite_stream_open(struct jdbc_session *session, const struct jdbc_sql_target *target,
                                 struct jdbc_stream **out_stream, struct err *e)
{
    struct sqlite_stream *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "stream");
    }
    s->base.session = session;
    s->base.target = *target;
    s->base.incrementing_index = -1;
    s->base.ordered_commits = true;
    s->context =
        (struct sqlite_context){sqlite_stream_session(s)->zone, session->settings->granularity};
    arena_init(&s->rows_arena, SQLITE_STREAM_ARENA_MAX);
    s->row_capacity = (size_t)session->settings->batch_max_rows;
    s->rows = mem_calloc(s->row_capacity, sizeof *s->rows);
    enum err_code rc = s->rows != NULL ? sqlite_stream_setup(s, e) : err_nomem(e, "rows");
    if (rc != ERR_OK) {
        sqlite_stream_close(&s->base);
        return rc;
    }
    *out_stream = &s->base;
    return ERR_OK;
}

void sqlite_stream_close(struct jdbc_stream *take_stream)
{
    if (take_stream == NULL) {
        return;
    }
    struct sqlite_stream *s = sqlite_stream_of(take_stream);
    (void)sqlite3_finalize(s->statement);
    (void)sqlite3_finalize(s->clock);
    sqlite_stream_free_columns(s);
    arena_deinit(&s->rows_arena);
    mem_free(s->rows);
    mem_free(s->auto_column);
    mem_free(s);
}

/* A writer of another connection that holds its lock: with a rollback journal SQLite tells. Its
 * name changes whenever somebody has committed, so that the next writer is not taken for it. */
static bool sqlite_stream_writer_active(const struct sqlite_stream *s)
{
    sqlite3_file *file = NULL;
    int reserved = 0;
    sqlite3 *db = sqlite_stream_session(s)->db;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        file == NULL || file->pMethods == NULL) {
        return false;
    }
    return file->pMethods->xCheckReservedLock(file, &reserved) == SQLITE_OK && reserved != 0;
}

enum err_code sqlite_stream_observe(struct jdbc_stream *stream, struct jdbc_moment *out_moment,
                                    struct err *e)
{
    struct sqlite_stream *s = sqlite_stream_of(stream);
    bool ok = false;
    bool zoned = false;
    int64_t now_us = 0;
    if (sqlite3_step(s->clock) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s->clock, 0);
        ok = text != NULL && sqlite_time_parse(text, strlen(text), &now_us, &zoned);
    }
    if (!ok) {
        enum err_code rc = sqlite_session_error(sqlite_stream_session(s), "clock", e);
        (void)sqlite3_reset(s->clock);
        return rc;
    }
    (void)sqlite3_reset(s->clock);
    unsigned version = 0;
    (void)sqlite3_file_control(sqlite_stream_session(s)->db, "main", SQLITE_FCNTL_DATA_VERSION,
                               &version);
    s->writer = (struct jdbc_gap_open){version, true};
    *out_moment =
        (struct jdbc_moment){.now_us = now_us,
                             .view = {.known = INT64_MIN,
                                      .open = &s->writer,
                                      .open_count = sqlite_stream_writer_active(s) ? 1 : 0,
                                      .oldest = UINT64_MAX}};
    return ERR_OK;
}

static void sqlite_stream_bind(struct sqlite_stream *s, const struct jdbc_bounds *b)
{
    int64_t after_ms = jdbc_columns_micros_to_millis(b->after_us);
    int64_t before_ms = jdbc_columns_micros_to_millis(b->before_us);
    switch (s->base.target.mode) {
    case JDBC_MODE_BULK:
        break;
    case JDBC_MODE_INCREMENTING:
        (void)sqlite3_bind_int64(s->statement, 1, b->after_id);
        break;
    case JDBC_MODE_TIMESTAMP:
        (void)sqlite3_bind_int64(s->statement, 1, after_ms);
        (void)sqlite3_bind_int64(s->statement, 2, before_ms);
        break;
    case JDBC_MODE_TIMESTAMP_INCREMENTING:
        (void)sqlite3_bind_int64(s->statement, 1, before_ms);
        (void)sqlite3_bind_int64(s->statement, 2, after_ms);
        (void)sqlite3_bind_int64(s->statement, 3, b->after_id);
        (void)sqlite3_bind_int64(s->statement, 4, after_ms);
        break;
    }
}

static enum err_code sqlite_stream_copy_row(struct sqlite_stream *s, struct err *e)
{
    size_t count = s->base.columns.count;
    struct sqlite_cell *cells = arena_alloc_array(&s->rows_arena, count + 1, sizeof *cells);
    for (size_t i = 0; cells != NULL && i < count; i++) {
        struct sqlite_cell *c = &cells[i];
        int column = (int)i;
        c->storage = sqlite3_column_type(s->statement, column);
        if (c->storage == SQLITE_INTEGER) {
            c->integer = sqlite3_column_int64(s->statement, column);
        } else if (c->storage == SQLITE_FLOAT) {
            c->real = sqlite3_column_double(s->statement, column);
        } else if (c->storage != SQLITE_NULL) {
            const void *data = c->storage == SQLITE_TEXT
                                   ? (const void *)sqlite3_column_text(s->statement, column)
                                   : sqlite3_column_blob(s->statement, column);
            size_t len = (size_t)sqlite3_column_bytes(s->statement, column);
            c->data = bytes_of(arena_dup(&s->rows_arena, data != NULL ? data : "", len), len);
        }
    }
    if (arena_failed(&s->rows_arena)) {
        return err_nomem(e, "rows");
    }
    s->rows[s->row_count++] = cells;
    return ERR_OK;
}

/* Decides columns that no declaration decides, and widens INTEGER, by the values at hand. */
static bool sqlite_stream_refine(struct sqlite_stream *s)
{
    bool changed = false;
    for (size_t i = 0; i < s->base.columns.count; i++) {
        struct jdbc_column *c = &s->base.columns.items[i];
        bool narrow = c->kind == JDBC_KIND_INT32 && sqlite_types_may_widen(s->declared[i].declared);
        for (size_t row = 0; row < s->row_count && (narrow || s->declared[i].undecided); row++) {
            const struct sqlite_cell *cell = &s->rows[row][i];
            if (s->declared[i].undecided && cell->storage != SQLITE_NULL) {
                sqlite_types_map(NULL, cell, s->base.session->settings->numeric, c);
                s->declared[i].undecided = false;
                changed = true;
            }
            if (narrow && cell->storage == SQLITE_INTEGER &&
                (cell->integer > INT32_MAX || cell->integer < INT32_MIN)) {
                c->kind = JDBC_KIND_INT64;
                changed = true;
                narrow = false;
            }
        }
    }
    return changed;
}

static enum err_code sqlite_stream_read_chunk(struct sqlite_stream *s, bool first,
                                              struct jdbc_chunk *out_chunk, struct err *e)
{
    arena_reset(&s->rows_arena);
    s->row_count = 0;
    bool changed = false;
    bool small = true;
    int step = SQLITE_ROW;
    enum err_code rc = ERR_OK;
    while (rc == ERR_OK && small && s->row_count < s->row_capacity) {
        step = sqlite3_step(s->statement);
        if (step != SQLITE_ROW) {
            break;
        }
        if (first && s->row_count == 0 && !sqlite_stream_same_shape(s)) {
            changed = true;
            rc = sqlite_stream_describe(s, e);
        }
        rc = rc == ERR_OK ? sqlite_stream_copy_row(s, e) : rc;
        small = s->rows_arena.used_bytes < SQLITE_STREAM_CHUNK_BYTES;
    }
    if (rc == ERR_OK && step != SQLITE_ROW && step != SQLITE_DONE) {
        rc = sqlite_session_error(sqlite_stream_session(s), "query", e);
    }
    bool more = rc == ERR_OK && step == SQLITE_ROW;
    if (s->direct || !more) {
        (void)sqlite3_reset(s->statement);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    changed = sqlite_stream_refine(s) || changed;
    *out_chunk = (struct jdbc_chunk){.row_count = s->row_count,
                                     .more = !s->direct && more,
                                     .full = s->direct && more,
                                     .columns_changed = changed};
    return ERR_OK;
}

enum err_code sqlite_stream_first_chunk(struct jdbc_stream *stream,
                                        const struct jdbc_bounds *bounds,
                                        struct jdbc_moment *out_moment,
                                        struct jdbc_chunk *out_chunk, struct err *e)
{
    struct sqlite_stream *s = sqlite_stream_of(stream);
    CHECK(out_moment == NULL); /* ids are ordered: nobody asks */
    (void)sqlite3_reset(s->statement);
    sqlite_stream_bind(s, bounds);
    return sqlite_stream_read_chunk(s, true, out_chunk, e);
}

enum err_code sqlite_stream_next_chunk(struct jdbc_stream *stream, struct jdbc_chunk *out_chunk,
                                       struct err *e)
{
    return sqlite_stream_read_chunk(sqlite_stream_of(stream), false, out_chunk, e);
}

enum err_code sqlite_stream_finish(struct jdbc_stream *stream, struct err *e)
{
    (void)e;
    (void)sqlite3_reset(sqlite_stream_of(stream)->statement);
    return ERR_OK;
}

enum err_code sqlite_stream_row_id(struct jdbc_stream *stream, size_t row, int64_t *out_id,
                                   struct err *e)
{
    const struct sqlite_stream *s = sqlite_stream_of(stream);
    const struct sqlite_cell *c = &s->rows[row][s->base.incrementing_index];
    if (c->storage != SQLITE_INTEGER) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "the incrementing column \"%s\" holds a value that is no integer",
                                 s->base.columns.items[s->base.incrementing_index].name);
    }
    *out_id = c->integer;
    return ERR_OK;
}

enum err_code sqlite_stream_row_timestamp(struct jdbc_stream *stream, size_t row, int64_t *out_us,
                                          struct err *e)
{
    const struct sqlite_stream *s = sqlite_stream_of(stream);
    for (size_t i = 0; i < s->base.target.timestamp_column_count; i++) {
        int column = s->base.timestamp_indexes[i];
        const struct sqlite_cell *c = &s->rows[row][column];
        if (c->storage != SQLITE_NULL) {
            return sqlite_types_decode_instant(&s->context, &s->base.columns.items[column], c,
                                               out_us, e);
        }
    }
    return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                             "all timestamp columns of a row are null");
}

enum err_code sqlite_stream_decode_row(struct jdbc_stream *stream, size_t row, struct arena *a,
                                       struct connect_value *out_values, struct err *e)
{
    const struct sqlite_stream *s = sqlite_stream_of(stream);
    for (size_t i = 0; i < s->base.columns.count; i++) {
        const struct sqlite_cell *c = &s->rows[row][i];
        if (c->storage == SQLITE_NULL) {
            out_values[i] = connect_value_null();
            continue;
        }
        enum err_code rc =
            sqlite_types_decode(&s->context, &s->base.columns.items[i], c, a, &out_values[i], e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}
