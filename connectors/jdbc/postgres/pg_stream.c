#include "connectors/jdbc/postgres/pg_stream.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"
#include "connectors/jdbc/postgres/pg_moment.h"

#define PG_STREAM_SQL_MAX ((size_t)1 << 20)

static struct pg_stream *pg_stream_of(struct jdbc_stream *s)
{
    return (struct pg_stream *)(void *)s;
}

static struct pg_session *pg_stream_session(const struct pg_stream *s)
{
    return (struct pg_session *)(void *)s->base.session;
}

static void pg_stream_put_be64(char *out, int64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (char)((uint64_t)v >> (56 - 8 * i));
    }
}

/* The type that the timestamp parameters have: that of the first column. */
static Oid pg_stream_timestamp_type(const struct pg_stream *s)
{
    const struct pg_column *c = &s->pg[s->base.timestamp_indexes[0]];
    return c->form == PG_FORM_TIMESTAMPTZ ? PG_OID_TIMESTAMPTZ : PG_OID_TIMESTAMP;
}

/* Parameters in the order of jdbc_sql.h; text is room for them. */
static void pg_stream_bind(const struct pg_stream *s, const struct jdbc_bounds *bounds,
                           struct pg_request *r, char text[PG_PARAMETERS_MAX][8])
{
    int64_t values[PG_PARAMETERS_MAX] = {bounds->after_id};
    Oid types[PG_PARAMETERS_MAX] = {PG_OID_INT8, PG_OID_INT8, PG_OID_INT8, PG_OID_INT8};
    r->parameter_count = s->base.target.mode == JDBC_MODE_BULK ? 0 : 1;
    if (jdbc_settings_uses_timestamp(s->base.session->settings)) {
        Oid type = pg_stream_timestamp_type(s);
        bool wall = type == PG_OID_TIMESTAMP;
        int64_t after =
            wall ? jdbc_zone_to_wall(s->context.zone, bounds->after_us) : bounds->after_us;
        int64_t before =
            wall ? jdbc_zone_to_wall(s->context.zone, bounds->before_us) : bounds->before_us;
        after -= PG_EPOCH_US;
        before -= PG_EPOCH_US;
        bool both = s->base.target.mode == JDBC_MODE_TIMESTAMP_INCREMENTING;
        r->parameter_count = both ? 4 : 2;
        values[0] = both ? before : after;
        values[1] = both ? after : before;
        values[2] = bounds->after_id;
        values[3] = after;
        types[0] = type;
        types[1] = type;
        types[3] = type;
    }
    for (int i = 0; i < r->parameter_count; i++) {
        pg_stream_put_be64(text[i], values[i]);
        r->types[i] = types[i];
        r->values[i] = text[i];
        r->lengths[i] = 8;
    }
}

static void pg_stream_types(const struct pg_stream *s, Oid *types, int *out_count)
{
    struct pg_request r = {0};
    char text[PG_PARAMETERS_MAX][8];
    pg_stream_bind(s, &(struct jdbc_bounds){0}, &r, text);
    memcpy(types, r.types, sizeof r.types);
    *out_count = r.parameter_count;
}

/* Takes the columns of a result (or description) over. */
static enum err_code pg_stream_adopt_shape(struct pg_stream *s, const PGresult *shape,
                                           struct err *e)
{
    char where[300];
    jdbc_dialect_describe(&s->base, where, sizeof where);
    struct jdbc_columns columns;
    struct pg_column *pg = NULL;
    enum err_code rc = pg_catalog_describe(pg_stream_session(s), shape, where, &columns, &pg, e);
    if (rc != ERR_OK) {
        return rc;
    }
    jdbc_columns_deinit(&s->base.columns);
    mem_free(s->pg);
    s->base.columns = columns;
    s->pg = pg;
    for (size_t i = 0; i < columns.count && rc == ERR_OK; i++) {
        if (pg[i].form == PG_FORM_MONEY) {
            int digits = 0;
            rc = pg_catalog_money_digits(pg_stream_session(s), &digits, e);
            s->context.money_unit = pow(10, digits);
        }
    }
    return rc == ERR_OK ? jdbc_dialect_bind_columns(&s->base, e) : rc;
}

/* Columns before any row is read: describe `SELECT * FROM t` (or the query). */
static enum err_code pg_stream_describe(struct pg_stream *s, struct err *e)
{
    const struct jdbc_sql_style style = jdbc_dialect_style(s->base.session);
    struct jdbc_sql_target plain = s->base.target;
    plain.mode = JDBC_MODE_BULK;
    plain.limit = 0;
    plain.suffix = NULL;
    struct buf sql;
    buf_init(&sql, PG_STREAM_SQL_MAX);
    jdbc_sql_select(&sql, &style, &plain);
    PGresult *shape = NULL;
    enum err_code rc = buf_check(&sql, "query", e);
    rc = rc == ERR_OK ? pg_session_prepare(pg_stream_session(s), "", buf_text(&sql), NULL, 0, e)
                      : rc;
    rc = rc == ERR_OK ? pg_session_describe(pg_stream_session(s), "", &shape, e) : rc;
    rc = rc == ERR_OK ? pg_stream_adopt_shape(s, shape, e) : rc;
    PQclear(shape);
    buf_deinit(&sql);
    return rc;
}

/* What the user should know about how the ids are given out. */
static enum err_code pg_stream_warn(struct pg_stream *s, const char *table, struct err *e)
{
    struct logger *lg = s->base.session->ctx->logger;
    const struct jdbc_sql_target *t = &s->base.target;
    if (pg_stream_session(s)->standby) {
        logger_warn(lg, "jdbc.standby",
                    "table=%s text=\"the locks of the primary cannot be seen from a standby: a row "
                    "whose number was taken shortly before its transaction began may be missed; "
                    "read from the primary, or use incrementing.gap.hold.ms\"",
                    table);
    }
    int64_t cache = 1;
    enum err_code rc =
        pg_catalog_sequence_cache(pg_stream_session(s), table, t->incrementing_column, &cache, e);
    if (rc == ERR_OK && cache > 1) {
        logger_warn(lg, "jdbc.sequence_cache",
                    "table=%s cache=%" PRId64 " text=\"sessions take numbers ahead of time: a row "
                    "may appear below one that was delivered; use CACHE 1, mode "
                    "timestamp+incrementing, or incrementing.gap.hold.ms\"",
                    t->table->name, cache);
    }
    return rc;
}

static enum err_code pg_stream_build_moment(struct pg_stream *s, bool plain_table, struct err *e)
{
    const struct jdbc_sql_style style = jdbc_dialect_style(s->base.session);
    struct jdbc_sql_target *t = &s->base.target;
    bool by_id = t->mode == JDBC_MODE_INCREMENTING;
    struct buf max;
    struct buf table;
    buf_init(&max, PG_STREAM_SQL_MAX);
    buf_init(&table, PG_STREAM_SQL_MAX);
    if (by_id) {
        jdbc_sql_select_max(&max, &style, t);
    }
    if (plain_table) {
        jdbc_sql_write_table(&table, &style, t->table);
    }
    enum err_code rc = buf_check(&max, "query", e);
    rc = rc == ERR_OK ? buf_check(&table, "query", e) : rc;
    if (rc == ERR_OK) {
        const struct pg_moment_target target = {.max_sql = by_id ? buf_text(&max) : NULL,
                                                .table = plain_table ? buf_text(&table) : NULL,
                                                .column = by_id ? t->incrementing_column : "",
                                                .times = !by_id};
        rc = pg_moment_write(pg_stream_session(s), &target, &s->moment_sql, e);
    }
    if (rc == ERR_OK && by_id && plain_table) {
        rc = pg_stream_warn(s, buf_text(&table), e);
    }
    buf_deinit(&max);
    buf_deinit(&table);
    return rc;
}

static enum err_code pg_stream_find_auto_column(struct pg_stream *s,
                                                const struct pg_relation *relation, struct err *e)
{
    struct jdbc_sql_target *t = &s->base.target;
    if (t->incrementing_column[0] != '\0' ||
        !jdbc_settings_uses_incrementing(s->base.session->settings)) {
        return ERR_OK;
    }
    char where[300];
    jdbc_dialect_describe(&s->base, where, sizeof where);
    enum err_code rc =
        pg_catalog_auto_increment(pg_stream_session(s), relation->oid, where, &s->auto_column, e);
    t->incrementing_column = rc == ERR_OK ? s->auto_column : t->incrementing_column;
    return rc;
}

static enum err_code pg_stream_setup(struct pg_stream *s, struct err *e)
{
    const struct jdbc_sql_style style = jdbc_dialect_style(s->base.session);
    struct jdbc_sql_target *t = &s->base.target;
    struct pg_relation relation = {.oid = 0, .kind = 'v'};
    enum err_code rc = ERR_OK;
    if (t->table != NULL) {
        rc = pg_catalog_find(pg_stream_session(s), t->table, &relation, e);
    }
    rc = rc == ERR_OK ? pg_stream_find_auto_column(s, &relation, e) : rc;
    rc = rc == ERR_OK ? pg_stream_describe(s, e) : rc;
    bool plain_table = relation.kind == 'r' || relation.kind == 'p';
    rc = rc == ERR_OK ? pg_stream_build_moment(s, plain_table, e) : rc;
    bool unique = false;
    if (rc == ERR_OK && t->mode == JDBC_MODE_INCREMENTING && plain_table) {
        rc = pg_catalog_is_unique(pg_stream_session(s), relation.oid, t->incrementing_column,
                                  &unique, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    /* With ids that repeat, a LIMIT could end between two rows of one id. */
    s->direct = unique && t->suffix[0] == '\0';
    t->limit = s->direct ? s->base.session->settings->batch_max_rows : 0;
    struct buf sql;
    buf_init(&sql, PG_STREAM_SQL_MAX);
    if (!s->direct) {
        buf_append_text(&sql, "DECLARE weir_cursor NO SCROLL CURSOR FOR ");
    }
    jdbc_sql_select(&sql, &style, t);
    rc = buf_check(&sql, "query", e);
    s->sql = rc == ERR_OK ? buf_take_text(&sql) : NULL;
    buf_deinit(&sql);
    return rc == ERR_OK && s->sql == NULL ? err_nomem(e, "query") : rc;
}

enum err_code pg_stream_open(struct jdbc_session *session, const struct jdbc_sql_target *target,
                             struct jdbc_stream **out_stream, struct err *e)
{
    struct pg_session *p = (struct pg_session *)(void *)session;
    struct pg_stream *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "stream");
    }
    s->base.session = session;
    s->base.target = *target;
    s->base.incrementing_index = -1;
    s->context = (struct pg_context){p->zone, session->settings->granularity, 100.0, NULL};
    (void)snprintf(s->name, sizeof s->name, "weir_%u", ++p->statement_count);
    (void)snprintf(s->moment_name, sizeof s->moment_name, "weir_%u", ++p->statement_count);
    enum err_code rc = pg_stream_setup(s, e);
    if (rc != ERR_OK) {
        pg_stream_close(&s->base);
        return rc;
    }
    *out_stream = &s->base;
    return ERR_OK;
}

void pg_stream_close(struct jdbc_stream *take_stream)
{
    struct pg_stream *s = take_stream != NULL ? pg_stream_of(take_stream) : NULL;
    if (s == NULL) {
        return;
    }
    if (pg_stream_session(s)->inflight == s) {
        pg_stream_session(s)->inflight = NULL;
    }
    PQclear(s->result);
    PQclear(s->ahead);
    jdbc_columns_deinit(&s->base.columns);
    mem_free(s->pg);
    mem_free(s->auto_column);
    mem_free(s->sql);
    mem_free(s->moment_sql);
    mem_free(s->open);
    mem_free(s);
}

/* Whatever was sent ahead on this connection is received, so that the next statement may go. */
static enum err_code pg_stream_absorb(struct pg_session *p, struct err *e)
{
    struct pg_stream *owner = p->inflight;
    if (owner == NULL) {
        return ERR_OK;
    }
    p->inflight = NULL;
    enum err_code rc = pg_session_receive(p, &owner->ahead, e);
    if (rc == ERR_OK || rc == ERR_UNAVAILABLE || rc == ERR_CANCELLED || !owner->direct) {
        return rc;
    }
    return ERR_OK; /* its owner runs the statement again, and sees the error then */
}

/* Both statements are prepared when first used. */
static enum err_code pg_stream_prepare(struct pg_stream *s, struct err *e)
{
    if (s->prepared) {
        return ERR_OK;
    }
    struct pg_session *p = pg_stream_session(s);
    enum err_code rc = pg_session_prepare(p, s->moment_name, s->moment_sql, NULL, 0, e);
    if (rc == ERR_OK && s->direct) {
        Oid types[PG_PARAMETERS_MAX];
        int count = 0;
        pg_stream_types(s, types, &count);
        rc = pg_session_prepare(p, s->name, s->sql, types, count, e);
    }
    s->prepared = rc == ERR_OK;
    return rc;
}

/* New names: the old statements no longer fit the table, or the server session. */
static void pg_stream_forget_prepared(struct pg_stream *s)
{
    struct pg_session *p = pg_stream_session(s);
    (void)snprintf(s->name, sizeof s->name, "weir_%u", ++p->statement_count);
    (void)snprintf(s->moment_name, sizeof s->moment_name, "weir_%u", ++p->statement_count);
    s->prepared = false;
}

static bool pg_stream_same_shape(const struct pg_stream *s, const PGresult *r)
{
    if ((size_t)PQnfields(r) != s->base.columns.count) {
        return false;
    }
    for (int i = 0; i < PQnfields(r); i++) {
        if (PQftype(r, i) != s->pg[i].type || PQfmod(r, i) != s->pg[i].modifier ||
            strcmp(PQfname(r, i), s->base.columns.items[i].name) != 0) {
            return false;
        }
    }
    /* A NOT NULL that has been dropped shows in the first null. */
    for (size_t c = 0; c < s->base.columns.count; c++) {
        for (int row = 0; s->base.columns.items[c].required && row < PQntuples(r); row++) {
            if (PQgetisnull(r, row, (int)c)) {
                return false;
            }
        }
    }
    return true;
}

static enum err_code pg_stream_accept(struct pg_stream *s, PGresult *take_result,
                                      struct jdbc_chunk *out_chunk, struct err *e)
{
    PQclear(s->result);
    s->result = take_result;
    bool changed = !pg_stream_same_shape(s, take_result);
    if (changed) {
        enum err_code rc = pg_stream_adopt_shape(s, take_result, e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    size_t rows = (size_t)PQntuples(take_result);
    bool full = rows == (size_t)s->base.session->settings->batch_max_rows;
    *out_chunk = (struct jdbc_chunk){.row_count = rows,
                                     .more = !s->direct && full,
                                     .full = s->direct && full,
                                     .columns_changed = changed};
    return ERR_OK;
}

static enum err_code pg_stream_read_moment(struct pg_stream *s, PGresult *take_result,
                                           struct jdbc_moment *out_moment, struct err *e)
{
    enum err_code rc = pg_moment_read(take_result, &s->open, &s->open_capacity, out_moment, e);
    PQclear(take_result);
    return rc;
}

enum err_code pg_stream_observe(struct jdbc_stream *stream, struct jdbc_moment *out_moment,
                                struct err *e)
{
    struct pg_stream *s = pg_stream_of(stream);
    PGresult *r = NULL;
    enum err_code rc = pg_stream_absorb(pg_stream_session(s), e);
    rc = rc == ERR_OK ? pg_stream_prepare(s, e) : rc;
    rc = rc == ERR_OK ? pg_session_run(pg_stream_session(s),
                                       &(struct pg_request){.prepared = s->moment_name}, &r, e)
                      : rc;
    return rc == ERR_OK ? pg_stream_read_moment(s, r, out_moment, e) : rc;
}

/* Runs moment (when asked for) and statement in one round trip; results[0] is the moment's. */
static enum err_code pg_stream_execute(struct pg_stream *s, const struct jdbc_bounds *bounds,
                                       PGresult **out_moment, PGresult **out_rows, struct err *e)
{
    struct pg_request requests[PG_REQUESTS_MAX];
    PGresult *results[PG_REQUESTS_MAX] = {NULL};
    char text[PG_PARAMETERS_MAX][8];
    char fetch[64];
    size_t n = 0;
    if (out_moment != NULL) {
        requests[n++] = (struct pg_request){.prepared = s->moment_name, .sync_after = true};
    }
    if (!s->direct) {
        requests[n++] = (struct pg_request){.sql = "BEGIN"};
    }
    requests[n] = (struct pg_request){.sql = s->sql, .prepared = s->direct ? s->name : NULL};
    pg_stream_bind(s, bounds, &requests[n++], text);
    if (!s->direct) {
        (void)snprintf(fetch, sizeof fetch, "FETCH FORWARD %" PRId64 " FROM weir_cursor",
                       s->base.session->settings->batch_max_rows);
        requests[n++] = (struct pg_request){.sql = fetch};
    }
    struct pg_session *p = pg_stream_session(s);
    enum err_code rc = n == 1 ? pg_session_run(p, &requests[0], &results[0], e)
                              : pg_session_run_all(p, requests, n, results, e);
    if (rc != ERR_OK) {
        s->cursor_open = !s->direct; /* perhaps: finish() rolls back */
        return rc;
    }
    s->cursor_open = !s->direct;
    if (out_moment != NULL) {
        *out_moment = results[0];
    }
    for (size_t i = out_moment != NULL ? 1 : 0; i + 1 < n; i++) {
        PQclear(results[i]);
    }
    *out_rows = results[n - 1];
    return ERR_OK;
}

static bool pg_stream_take_ahead(struct pg_stream *s, const struct jdbc_bounds *bounds,
                                 PGresult **out_rows)
{
    bool fits = s->ahead != NULL && s->ahead_bounds.after_id == bounds->after_id;
    if (fits) {
        *out_rows = s->ahead;
    } else {
        PQclear(s->ahead);
    }
    s->ahead = NULL;
    return fits;
}

enum err_code pg_stream_first_chunk(struct jdbc_stream *stream, const struct jdbc_bounds *bounds,
                                    struct jdbc_moment *out_moment, struct jdbc_chunk *out_chunk,
                                    struct err *e)
{
    struct pg_stream *s = pg_stream_of(stream);
    PGresult *rows = NULL;
    PGresult *moment = NULL;
    enum err_code rc = pg_stream_absorb(pg_stream_session(s), e);
    if (rc != ERR_OK) {
        return rc;
    }
    if (out_moment != NULL || !s->direct || !pg_stream_take_ahead(s, bounds, &rows)) {
        PQclear(s->ahead);
        s->ahead = NULL;
        for (int attempt = 0; attempt < 2; attempt++) {
            rc = pg_stream_prepare(s, e);
            rc = rc == ERR_OK
                     ? pg_stream_execute(s, bounds, out_moment != NULL ? &moment : NULL, &rows, e)
                     : rc;
            if (rc != ERR_STATE) {
                break;
            }
            pg_stream_forget_prepared(s);
        }
    }
    if (rc == ERR_OK && out_moment != NULL) {
        rc = pg_stream_read_moment(s, moment, out_moment, e);
    }
    if (rc != ERR_OK) {
        PQclear(rows);
        return rc;
    }
    return pg_stream_accept(s, rows, out_chunk, e);
}

enum err_code pg_stream_next_chunk(struct jdbc_stream *stream, struct jdbc_chunk *out_chunk,
                                   struct err *e)
{
    struct pg_stream *s = pg_stream_of(stream);
    CHECK(s->cursor_open);
    PGresult *rows = NULL;
    enum err_code rc = pg_stream_absorb(pg_stream_session(s), e);
    if (rc == ERR_OK && s->ahead != NULL) {
        rows = s->ahead;
        s->ahead = NULL;
    } else if (rc == ERR_OK) {
        char fetch[64];
        (void)snprintf(fetch, sizeof fetch, "FETCH FORWARD %" PRId64 " FROM weir_cursor",
                       s->base.session->settings->batch_max_rows);
        rc = pg_session_run(pg_stream_session(s), &(struct pg_request){.sql = fetch}, &rows, e);
    }
    return rc == ERR_OK ? pg_stream_accept(s, rows, out_chunk, e) : rc;
}

enum err_code pg_stream_finish(struct jdbc_stream *stream, struct err *e)
{
    struct pg_stream *s = pg_stream_of(stream);
    struct pg_session *p = pg_stream_session(s);
    enum err_code rc = pg_stream_absorb(p, e);
    PQclear(s->ahead);
    s->ahead = NULL;
    if (rc != ERR_OK || !s->cursor_open) {
        return rc;
    }
    s->cursor_open = false;
    bool idle = PQtransactionStatus(p->conn) == PQTRANS_IDLE;
    if (idle) {
        return ERR_OK;
    }
    PGresult *r = NULL;
    rc = pg_session_run(p, &(struct pg_request){.sql = "COMMIT"}, &r, e);
    if (rc == ERR_OK) {
        PQclear(r);
    }
    return rc;
}

enum err_code pg_stream_prefetch(struct jdbc_stream *stream, const struct jdbc_bounds *bounds,
                                 struct err *e)
{
    struct pg_stream *s = pg_stream_of(stream);
    struct pg_session *p = pg_stream_session(s);
    enum err_code rc = pg_stream_absorb(p, e);
    if (rc != ERR_OK || s->ahead != NULL) {
        return rc;
    }
    char text[PG_PARAMETERS_MAX][8];
    char fetch[64];
    struct pg_request request = {.prepared = s->name};
    if (s->direct) {
        pg_stream_bind(s, bounds, &request, text);
    } else {
        (void)snprintf(fetch, sizeof fetch, "FETCH FORWARD %" PRId64 " FROM weir_cursor",
                       s->base.session->settings->batch_max_rows);
        request = (struct pg_request){.sql = fetch};
    }
    rc = pg_session_send(p, &request, e);
    if (rc == ERR_OK) {
        s->ahead_bounds = *bounds;
        p->inflight = s;
        (void)PQflush(p->conn); /* what is left goes out with the next wait */
    }
    return rc;
}

enum err_code pg_stream_row_id(struct jdbc_stream *stream, size_t row, int64_t *out_id,
                               struct err *e)
{
    const struct pg_stream *s = pg_stream_of(stream);
    int column = s->base.incrementing_index;
    return pg_types_decode_id(&s->pg[column], pg_session_cell(s->result, (int)row, column), out_id,
                              e);
}

enum err_code pg_stream_row_timestamp(struct jdbc_stream *stream, size_t row, int64_t *out_us,
                                      struct err *e)
{
    const struct pg_stream *s = pg_stream_of(stream);
    for (size_t i = 0; i < s->base.target.timestamp_column_count; i++) {
        int column = s->base.timestamp_indexes[i];
        struct bytes cell = pg_session_cell(s->result, (int)row, column);
        if (!bytes_is_null(cell)) {
            return pg_types_decode_instant(&s->context, &s->pg[column], cell, out_us, e);
        }
    }
    return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                             "all timestamp columns of a row are null");
}

enum err_code pg_stream_decode_row(struct jdbc_stream *stream, size_t row, struct arena *a,
                                   struct connect_value *out_values, struct err *e)
{
    const struct pg_stream *s = pg_stream_of(stream);
    struct pg_context context = s->context;
    context.arena = a;
    for (size_t c = 0; c < s->base.columns.count; c++) {
        struct bytes cell = pg_session_cell(s->result, (int)row, (int)c);
        if (bytes_is_null(cell)) {
            out_values[c] = connect_value_null();
            continue;
        }
        enum err_code rc = pg_types_decode(&context, &s->pg[c], &s->base.columns.items[c], cell,
                                           &out_values[c], e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}
