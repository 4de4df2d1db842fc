#include "common/logger.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"

#define LOGGER_LINE_MAX 2048
#define LOGGER_COMPONENT_MAX 64

/* Shared by a logger and its children. */
struct logger_output {
    pthread_mutex_t lock;
    logger_sink_fn sink;
    void *sink_ctx;
};

struct logger {
    struct logger *parent;
    struct logger_output *output;
    enum logger_level level;
    char component[LOGGER_COMPONENT_MAX];
};

static const char *const logger_level_names[] = {"debug", "info", "warn", "error", "off"};

static void logger_stderr_sink(void *ctx, enum logger_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)fprintf(stderr, "%s\n", line);
}

struct logger *logger_create(const char *component, enum logger_level level, logger_sink_fn sink,
                             void *sink_ctx)
{
    struct logger *lg = mem_calloc(1, sizeof *lg);
    struct logger_output *output = mem_calloc(1, sizeof *output);
    if (lg == NULL || output == NULL) {
        mem_free(lg);
        mem_free(output);
        return NULL;
    }
    (void)pthread_mutex_init(&output->lock, NULL);
    output->sink = sink != NULL ? sink : logger_stderr_sink;
    output->sink_ctx = sink_ctx;
    lg->output = output;
    lg->level = level;
    (void)snprintf(lg->component, sizeof lg->component, "%s", component);
    return lg;
}

struct logger *logger_child(struct logger *parent, const char *component)
{
    if (parent == NULL) {
        return NULL;
    }
    struct logger *lg = mem_calloc(1, sizeof *lg);
    if (lg != NULL) {
        lg->parent = parent;
        lg->output = parent->output;
        lg->level = parent->level;
        (void)snprintf(lg->component, sizeof lg->component, "%s", component);
    }
    return lg;
}

void logger_destroy(struct logger *lg)
{
    if (lg == NULL) {
        return;
    }
    if (lg->parent == NULL) {
        (void)pthread_mutex_destroy(&lg->output->lock);
        mem_free(lg->output);
    }
    mem_free(lg);
}

bool logger_enabled(const struct logger *lg, enum logger_level level)
{
    return lg != NULL && level >= lg->level;
}

/* "2026-11-22T14:53:44.123Z info broker segment.rolled " */
static size_t logger_head(char *line, size_t size, const struct logger *lg, enum logger_level level,
                          const char *event)
{
    int64_t now_ms = clock_wall_ms(clock_system());
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    char stamp[32];
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    int n = snprintf(line, size, "%s.%03" PRId64 "Z %s %s %s ", stamp, now_ms % 1000,
                     logger_level_names[level], lg->component, event);
    return n < 0 ? 0 : (size_t)n;
}

void logger_event(struct logger *lg, enum logger_level level, const char *event, const char *fmt,
                  ...)
{
    if (!logger_enabled(lg, level)) {
        return;
    }
    char line[LOGGER_LINE_MAX];
    size_t at = logger_head(line, sizeof line, lg, level, event);
    if (at < sizeof line) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(line + at, sizeof line - at, fmt, args);
        va_end(args);
    }
    /* One event, one line: what came from outside may hold line ends. */
    for (char *p = line; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\r') {
            *p = ' ';
        }
    }
    (void)pthread_mutex_lock(&lg->output->lock);
    lg->output->sink(lg->output->sink_ctx, level, line);
    (void)pthread_mutex_unlock(&lg->output->lock);
}

enum err_code logger_level_parse(const char *text, enum logger_level *out_level, struct err *e)
{
    for (size_t i = 0; i < sizeof logger_level_names / sizeof logger_level_names[0]; i++) {
        if (strcasecmp(text, logger_level_names[i]) == 0) {
            *out_level = (enum logger_level)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID,
                   "log level \"%s\" is unknown: use debug, info, warn, error or off", text);
}
