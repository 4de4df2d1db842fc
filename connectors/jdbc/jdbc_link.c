#include "connectors/jdbc/jdbc_link.h"

#include <inttypes.h>

#include "connect/include/connect_error.h"

enum err_code jdbc_link_init(struct jdbc_link *l, const struct jdbc_settings *settings,
                             struct source_context *ctx, struct err *e)
{
    *l = (struct jdbc_link){.settings = settings, .ctx = ctx};
    return jdbc_dialect_choose(settings, &l->dialect, e);
}

void jdbc_link_drop(struct jdbc_link *l)
{
    if (l->session != NULL) {
        l->dialect->close(l->session);
        l->session = NULL;
    }
}

void jdbc_link_deinit(struct jdbc_link *l)
{
    jdbc_link_drop(l);
}

static enum err_code jdbc_link_attempt(struct jdbc_link *l, struct err *e)
{
    enum err_code rc = l->dialect->open(l->settings, l->ctx, &l->session, e);
    if (rc == ERR_OK) {
        if (l->failures > 0) {
            logger_info(l->ctx->logger, "jdbc.connected", "attempts=%" PRId64, l->failures + 1);
        }
        l->failures = 0;
        l->refusals = 0;
        return ERR_OK;
    }
    if (rc == ERR_CANCELLED) {
        return ERR_OK;
    }
    l->failures++;
    l->refusals = rc == ERR_UNAVAILABLE ? 0 : l->refusals + 1;
    l->retry_ms = clock_mono_ms(clock_system()) + l->settings->connection_backoff_ms;
    if (l->refusals >= l->settings->connection_attempts) {
        return connect_error_wrap(e, CONNECT_EXCEPTION, "%s", e->text);
    }
    logger_warn(l->ctx->logger, "jdbc.connect_failed",
                "attempt=%" PRId64 " retry_in_ms=%" PRId64 " error=\"%s\"", l->failures,
                l->settings->connection_backoff_ms, e->text);
    return ERR_OK;
}

enum err_code jdbc_link_get(struct jdbc_link *l, int64_t timeout_ms, bool *out_ready, struct err *e)
{
    enum err_code rc = ERR_OK;
    if (l->session == NULL) {
        int64_t left_ms = l->retry_ms - clock_mono_ms(clock_system());
        if (l->failures > 0 && left_ms > 0) {
            (void)source_context_wait(l->ctx, left_ms < timeout_ms ? left_ms : timeout_ms);
            left_ms = l->retry_ms - clock_mono_ms(clock_system());
        }
        if (l->failures == 0 || left_ms <= 0) {
            struct err local;
            rc = jdbc_link_attempt(l, e != NULL ? e : &local);
        }
    }
    *out_ready = l->session != NULL;
    return rc;
}
