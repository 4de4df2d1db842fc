#include "connectors/jdbc/jdbc_querier.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"

/* While rows are held at a gap, look more often than poll.interval.ms may say. */
#define JDBC_HOLD_POLL_MS 50
/* A statement takes its time a moment before its transaction can be seen. */
#define JDBC_CLOCK_MARGIN_US 10000
#define JDBC_HOLD_WARN_MS 10000
#define JDBC_HOLD_WARN_AGAIN_MS 60000

struct jdbc_querier {
    const struct jdbc_settings *settings;
    struct source_context *ctx;
    const struct jdbc_table *table;
    char name[300];
    char *partition;
    char *topic;
    struct jdbc_stream *stream; /* NULL until the first read, and after a lost session */
    const struct connect_schema *schema;
    struct jdbc_gap gap;
    bool want_moment; /* a gap was met without one */
    /* Where it is. */
    int64_t id;      /* of the last row emitted */
    int64_t us;      /* timestamp of the last row emitted; the lower bound of the next query */
    int64_t full_us; /* last timestamp all of whose rows have been emitted: what is committed */
    int64_t read_us; /* the upper bound of the last statement that ran to its end */
    bool wants_now;  /* timestamp.initial = -1 and no offset: begin at the database's now */
    /* The statement under way. */
    bool running;
    struct jdbc_chunk chunk;
    size_t row;
    size_t limit; /* rows of the chunk that may go */
    bool held;    /* the rest of the chunk must wait */
    int64_t due_ms;
    int64_t warned_ms;
    int64_t *ids;
};

static int64_t jdbc_querier_now(void)
{
    return clock_mono_ms(clock_system());
}

static void jdbc_querier_start_position(struct jdbc_querier *q, const struct jdbc_offset *offset)
{
    q->id = offset->has_id ? offset->id : -1;
    if (offset->has_timestamp) {
        q->us = offset->us;
    } else if (q->settings->has_timestamp_initial) {
        q->wants_now = q->settings->timestamp_initial_ms < 0;
        q->us = q->wants_now ? 0 : q->settings->timestamp_initial_ms * 1000;
    }
    q->full_us = q->us;
}

static enum err_code jdbc_querier_name_topic(struct jdbc_querier *q, struct err *e)
{
    struct buf topic;
    buf_init(&topic, 1024);
    buf_append_text(&topic, q->settings->topic_prefix);
    buf_append_text(&topic, q->table != NULL ? q->table->name : "");
    q->topic = buf_take_text(&topic);
    buf_deinit(&topic);
    q->partition = jdbc_offset_partition(q->table, false);
    return q->topic != NULL && q->partition != NULL ? ERR_OK : err_nomem(e, "querier");
}

/* Nothing above the position is known to be complete. */
static void jdbc_querier_forget(struct jdbc_querier *q)
{
    bool by_id = q->settings->mode == JDBC_MODE_INCREMENTING;
    jdbc_gap_deinit(&q->gap);
    jdbc_gap_init(&q->gap, by_id ? q->id : INT64_MIN, q->settings->gap_hold_ms);
    q->want_moment = false;
    q->read_us = INT64_MIN;
}

enum err_code jdbc_querier_create(const struct jdbc_settings *settings, struct source_context *ctx,
                                  const struct jdbc_table *table, struct jdbc_querier **out_querier,
                                  struct err *e)
{
    struct jdbc_querier *q = mem_calloc(1, sizeof *q);
    if (q == NULL) {
        return err_nomem(e, "querier");
    }
    q->settings = settings;
    q->ctx = ctx;
    q->table = table;
    (void)snprintf(q->name, sizeof q->name, table == NULL ? "query" : "%s%s%s",
                   table != NULL && table->schema != NULL ? table->schema : "",
                   table != NULL && table->schema != NULL ? "." : "",
                   table != NULL ? table->name : "");
    struct jdbc_offset offset = {.found = false};
    enum err_code rc = jdbc_querier_name_topic(q, e);
    if (rc == ERR_OK && settings->mode != JDBC_MODE_BULK) {
        rc = jdbc_offset_load(ctx, table, &offset, e);
    }
    q->ids = mem_alloc(((size_t)settings->batch_max_rows + 1) * sizeof *q->ids);
    if (rc == ERR_OK && q->ids == NULL) {
        rc = err_nomem(e, "querier");
    }
    if (rc != ERR_OK) {
        jdbc_querier_destroy(q);
        return rc;
    }
    jdbc_querier_start_position(q, &offset);
    jdbc_querier_forget(q);
    *out_querier = q;
    return ERR_OK;
}

void jdbc_querier_detach(struct jdbc_querier *q)
{
    if (q->stream != NULL) {
        q->stream->session->dialect->close_stream(q->stream);
        q->stream = NULL;
    }
    q->running = false;
    q->us = q->full_us;
}

void jdbc_querier_destroy(struct jdbc_querier *q)
{
    if (q == NULL) {
        return;
    }
    jdbc_querier_detach(q);
    jdbc_gap_deinit(&q->gap);
    connect_schema_unref(q->schema);
    mem_free(q->partition);
    mem_free(q->topic);
    mem_free(q->ids);
    mem_free(q);
}

int64_t jdbc_querier_due_ms(const struct jdbc_querier *q)
{
    return q->running ? 0 : q->due_ms;
}

const char *jdbc_querier_name(const struct jdbc_querier *q)
{
    return q->name;
}

static const struct jdbc_dialect *jdbc_querier_dialect(const struct jdbc_querier *q)
{
    return q->stream->session->dialect;
}

void jdbc_querier_reset(struct jdbc_querier *q)
{
    if (q->stream != NULL) {
        (void)jdbc_querier_dialect(q)->finish(q->stream, NULL); /* the next use tells */
    }
    q->running = false;
    q->us = q->full_us; /* rows of a half-read timestamp come again */
    q->read_us = INT64_MIN;
    q->due_ms = jdbc_querier_now() + q->settings->poll_interval_ms;
}

static enum err_code jdbc_querier_open(struct jdbc_querier *q, struct jdbc_session *session,
                                       struct err *e)
{
    const struct jdbc_settings *s = q->settings;
    struct jdbc_sql_target target = {.table = q->table,
                                     .query = s->query,
                                     .suffix = s->query_suffix,
                                     .mode = s->mode,
                                     .incrementing_column = s->incrementing_column,
                                     .timestamp_columns = s->timestamp_columns.items,
                                     .timestamp_column_count = s->timestamp_columns.count};
    enum err_code rc = session->dialect->open_stream(session, &target, &q->stream, e);
    if (rc == ERR_OK) {
        connect_schema_unref(q->schema);
        q->schema = NULL;
        /* The server may have been restarted, or may be another: what was seen there says nothing
         * about what is visible here. */
        jdbc_querier_forget(q);
    }
    return rc;
}

static enum err_code jdbc_querier_build_schema(struct jdbc_querier *q, struct err *e)
{
    const struct connect_schema *schema = NULL;
    enum err_code rc =
        jdbc_columns_build_schema(&q->stream->columns, q->table != NULL ? q->table->name : NULL,
                                  q->settings->granularity, &schema, e);
    if (rc == ERR_OK) {
        connect_schema_unref(q->schema);
        q->schema = schema;
    }
    return rc;
}

static void jdbc_querier_warn_held(struct jdbc_querier *q, const struct jdbc_moment *m)
{
    int64_t since_ms = jdbc_gap_held_since_ms(&q->gap);
    int64_t now_ms = jdbc_querier_now();
    if (since_ms == 0 || now_ms - since_ms < JDBC_HOLD_WARN_MS ||
        now_ms - q->warned_ms < JDBC_HOLD_WARN_AGAIN_MS) {
        return;
    }
    q->warned_ms = now_ms;
    logger_warn(q->ctx->logger, "jdbc.rows_held",
                "table=%s held_ms=%" PRId64 " open_transactions=%zu pids=\"%s\" text=\"open "
                "transactions that have written to the table may still add earlier rows\"",
                q->name, now_ms - since_ms, m->view.open_count, m->blockers);
}

/* Rows at hand, in mode incrementing: how many may go. */
static enum err_code jdbc_querier_judge(struct jdbc_querier *q, bool observed, struct err *e)
{
    q->row = 0;
    q->limit = q->chunk.row_count;
    q->held = false;
    if (q->settings->mode != JDBC_MODE_INCREMENTING) {
        return ERR_OK;
    }
    CHECK(q->chunk.row_count <= (size_t)q->settings->batch_max_rows);
    for (size_t i = 0; i < q->chunk.row_count; i++) {
        enum err_code rc = jdbc_querier_dialect(q)->row_id(q->stream, i, &q->ids[i], e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    if (q->stream->ordered_commits || q->chunk.row_count == 0) {
        return ERR_OK;
    }
    q->limit = jdbc_gap_deliverable(&q->gap, q->id, q->ids, q->chunk.row_count);
    q->held = q->limit < q->chunk.row_count;
    q->want_moment = q->held && !observed;
    if (q->limit > 0) {
        jdbc_gap_advance(&q->gap, q->ids[q->limit - 1]);
    }
    return ERR_OK;
}

/* The next rows are asked for while these are made records of. */
static enum err_code jdbc_querier_prefetch(struct jdbc_querier *q, struct err *e)
{
    const struct jdbc_dialect *d = jdbc_querier_dialect(q);
    if (d->prefetch == NULL || q->held || q->limit == 0 || (!q->chunk.more && !q->chunk.full)) {
        return ERR_OK;
    }
    struct jdbc_bounds bounds = {.after_id = q->chunk.full ? q->ids[q->limit - 1] : 0};
    return d->prefetch(q->stream, &bounds, e);
}

static enum err_code jdbc_querier_accept(struct jdbc_querier *q, bool observed, struct err *e)
{
    if (q->chunk.columns_changed || q->schema == NULL) {
        enum err_code rc = jdbc_querier_build_schema(q, e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    enum err_code rc = jdbc_querier_judge(q, observed, e);
    return rc == ERR_OK ? jdbc_querier_prefetch(q, e) : rc;
}

static enum err_code jdbc_querier_run_by_id(struct jdbc_querier *q, struct err *e)
{
    const struct jdbc_bounds bounds = {.after_id = q->id};
    bool observe = !q->stream->ordered_commits && (q->want_moment || jdbc_gap_pending(&q->gap));
    struct jdbc_moment m = {.now_us = 0};
    enum err_code rc =
        jdbc_querier_dialect(q)->first_chunk(q->stream, &bounds, observe ? &m : NULL, &q->chunk, e);
    if (rc == ERR_OK && observe) {
        rc = jdbc_gap_observe(&q->gap, &m.view, jdbc_querier_now(), e);
        jdbc_querier_warn_held(q, &m);
    }
    q->running = rc == ERR_OK;
    return rc == ERR_OK ? jdbc_querier_accept(q, observe, e) : rc;
}

/* *out_nothing: the upper bound has not moved past the last row. */
static enum err_code jdbc_querier_run_by_time(struct jdbc_querier *q, bool *out_nothing,
                                              struct err *e)
{
    struct jdbc_moment m = {.now_us = 0};
    enum err_code rc = jdbc_querier_dialect(q)->observe(q->stream, &m, e);
    if (rc != ERR_OK) {
        return rc;
    }
    int64_t now_us = m.now_us - m.now_us % 1000;
    if (q->wants_now) {
        q->wants_now = false;
        q->us = now_us;
        q->full_us = now_us;
    }
    /* While one time waits for its transactions no further one is taken: there is no use in it
     * before the next poll. */
    m.view.known = jdbc_gap_pending(&q->gap) ? INT64_MIN : now_us - JDBC_CLOCK_MARGIN_US;
    rc = jdbc_gap_observe(&q->gap, &m.view, jdbc_querier_now(), e);
    if (rc != ERR_OK) {
        return rc;
    }
    jdbc_querier_warn_held(q, &m);
    int64_t upper_us = now_us - q->settings->timestamp_delay_ms * 1000;
    upper_us = q->gap.settled < upper_us ? q->gap.settled : upper_us;
    *out_nothing = upper_us <= q->us || upper_us <= q->read_us;
    if (*out_nothing) {
        return ERR_OK;
    }
    const struct jdbc_bounds bounds = {.after_id = q->id, .after_us = q->us, .before_us = upper_us};
    rc = jdbc_querier_dialect(q)->first_chunk(q->stream, &bounds, NULL, &q->chunk, e);
    q->running = rc == ERR_OK;
    q->read_us = rc == ERR_OK ? upper_us : INT64_MIN;
    return rc == ERR_OK ? jdbc_querier_accept(q, false, e) : rc;
}

static enum err_code jdbc_querier_run(struct jdbc_querier *q, bool *out_nothing, struct err *e)
{
    *out_nothing = false;
    switch (q->settings->mode) {
    case JDBC_MODE_INCREMENTING:
        return jdbc_querier_run_by_id(q, e);
    case JDBC_MODE_TIMESTAMP:
    case JDBC_MODE_TIMESTAMP_INCREMENTING:
        return jdbc_querier_run_by_time(q, out_nothing, e);
    case JDBC_MODE_BULK:
        break;
    }
    const struct jdbc_bounds none = {.after_id = 0};
    enum err_code rc = jdbc_querier_dialect(q)->first_chunk(q->stream, &none, NULL, &q->chunk, e);
    q->running = rc == ERR_OK;
    return rc == ERR_OK ? jdbc_querier_accept(q, false, e) : rc;
}

/* Moves the position over a row, by mode. */
static enum err_code jdbc_querier_advance(struct jdbc_querier *q, struct err *e)
{
    const struct jdbc_dialect *d = jdbc_querier_dialect(q);
    enum err_code rc = ERR_OK;
    switch (q->settings->mode) {
    case JDBC_MODE_BULK:
        return ERR_OK;
    case JDBC_MODE_INCREMENTING:
        q->id = q->ids[q->row];
        return ERR_OK;
    case JDBC_MODE_TIMESTAMP_INCREMENTING:
        rc = d->row_id(q->stream, q->row, &q->id, e);
        rc = rc == ERR_OK ? d->row_timestamp(q->stream, q->row, &q->us, e) : rc;
        q->full_us = q->us; /* the id tells ties apart */
        return rc;
    case JDBC_MODE_TIMESTAMP:
        break;
    }
    rc = d->row_timestamp(q->stream, q->row, &q->us, e);
    if (rc != ERR_OK || (q->row + 1 == q->limit && q->chunk.more)) {
        return rc; /* a tie may follow */
    }
    int64_t next_us = 0;
    bool last = q->row + 1 == q->limit;
    rc = last ? ERR_OK : d->row_timestamp(q->stream, q->row + 1, &next_us, e);
    if (rc == ERR_OK && (last || next_us != q->us)) {
        q->full_us = q->us;
    }
    return rc;
}

static enum err_code jdbc_querier_emit(struct jdbc_querier *q, struct connect_batch *batch,
                                       struct err *e)
{
    struct connect_record *r = connect_batch_add(batch);
    CHECK(r != NULL); /* the caller has looked */
    struct connect_struct *value = connect_value_create_struct(&batch->scope.arena, q->schema);
    if (value == NULL) {
        return err_set(e, ERR_LIMIT, "the rows of one batch are too large: lower batch.max.rows");
    }
    enum err_code rc = jdbc_querier_dialect(q)->decode_row(q->stream, q->row, &batch->scope.arena,
                                                           value->values, e);
    rc = rc == ERR_OK ? jdbc_querier_advance(q, e) : rc;
    if (rc != ERR_OK) {
        connect_batch_remove_last(batch);
        return rc;
    }
    r->source_partition = q->partition;
    r->source_offset =
        jdbc_offset_value(batch, q->settings->mode, q->id,
                          q->settings->mode == JDBC_MODE_TIMESTAMP ? q->full_us : q->us);
    r->topic = q->topic;
    r->value_schema = connect_scope_keep_schema(&batch->scope, q->schema);
    r->value = connect_value_struct(value);
    q->row++;
    return connect_scope_failed(&batch->scope) || arena_failed(&batch->scope.arena)
               ? err_set(e, ERR_LIMIT, "the rows of one batch are too large: lower batch.max.rows")
               : ERR_OK;
}

/* Half of the batch's memory is left to the transforms, and to the next row's size. */
static bool jdbc_querier_has_room(const struct connect_batch *batch)
{
    return batch->count < batch->capacity &&
           batch->scope.arena.used_bytes <= batch->scope.arena.limit_bytes / 2;
}

static int64_t jdbc_querier_next_due(const struct jdbc_querier *q)
{
    int64_t wait_ms = q->settings->poll_interval_ms;
    if (jdbc_gap_pending(&q->gap) && wait_ms > JDBC_HOLD_POLL_MS) {
        wait_ms = JDBC_HOLD_POLL_MS;
    }
    return jdbc_querier_now() + wait_ms;
}

/* The last row handed out was the last of its chunk, so that nobody could tell whether a tie would
 * follow. When none does, its offset is all of its timestamp: else a clean stop would read the
 * ties again. */
static enum err_code jdbc_querier_settle_tie(struct jdbc_querier *q, struct connect_batch *batch,
                                             struct err *e)
{
    int64_t next_us = 0;
    if (q->settings->mode != JDBC_MODE_TIMESTAMP || q->full_us == q->us) {
        return ERR_OK;
    }
    if (q->limit > 0) {
        enum err_code rc = jdbc_querier_dialect(q)->row_timestamp(q->stream, 0, &next_us, e);
        if (rc != ERR_OK || next_us == q->us) {
            return rc;
        }
    }
    q->full_us = q->us;
    struct connect_record *last = batch->count > 0 ? &batch->records[batch->count - 1] : NULL;
    if (last != NULL && last->source_partition == q->partition) {
        struct connect_value offset =
            jdbc_offset_value(batch, q->settings->mode, q->id, q->full_us);
        if (!connect_scope_failed(&batch->scope) && !arena_failed(&batch->scope.arena)) {
            last->source_offset = offset;
        }
    }
    return ERR_OK;
}

/* The chunk is used up: the next one, or the end of the statement. */
static enum err_code jdbc_querier_next(struct jdbc_querier *q, struct connect_batch *batch,
                                       struct err *e)
{
    const struct jdbc_dialect *d = jdbc_querier_dialect(q);
    if (q->chunk.more && !q->held) {
        enum err_code rc = d->next_chunk(q->stream, &q->chunk, e);
        rc = rc == ERR_OK ? jdbc_querier_accept(q, false, e) : rc;
        return rc == ERR_OK ? jdbc_querier_settle_tie(q, batch, e) : rc;
    }
    q->running = false;
    bool again = q->want_moment || (q->chunk.full && !q->held);
    q->due_ms = again ? 0 : jdbc_querier_next_due(q);
    return again && q->chunk.full && !q->held ? ERR_OK : d->finish(q->stream, e);
}

static enum err_code jdbc_querier_prepare(struct jdbc_querier *q, struct jdbc_session *session,
                                          bool *out_nothing, struct err *e)
{
    enum err_code rc = q->stream == NULL ? jdbc_querier_open(q, session, e) : ERR_OK;
    rc = rc == ERR_OK ? jdbc_querier_run(q, out_nothing, e) : rc;
    if (rc == ERR_OK && *out_nothing) {
        q->due_ms = jdbc_querier_next_due(q);
    }
    return rc;
}

enum err_code jdbc_querier_read(struct jdbc_querier *q, struct jdbc_session *session,
                                struct connect_batch *batch, struct err *e)
{
    enum err_code rc = ERR_OK;
    bool ran = false;
    while (rc == ERR_OK && jdbc_querier_has_room(batch)) {
        if (!q->running) {
            /* Once a call, unless there is more at once: poll.interval.ms may be 0. */
            if (q->due_ms > jdbc_querier_now() || (ran && q->due_ms != 0)) {
                return ERR_OK;
            }
            ran = true;
            bool nothing = false;
            rc = jdbc_querier_prepare(q, session, &nothing, e);
            if (rc != ERR_OK || nothing) {
                return rc;
            }
        }
        while (rc == ERR_OK && q->row < q->limit && jdbc_querier_has_room(batch)) {
            rc = jdbc_querier_emit(q, batch, e);
        }
        if (rc == ERR_OK && q->row == q->limit) {
            rc = jdbc_querier_next(q, batch, e);
        }
    }
    return rc;
}
