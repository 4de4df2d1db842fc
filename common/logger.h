/*
 * Logging is events, not prose: a name that operators search for, then key=value pairs.
 *     logger_info(lg, "segment.rolled", "topic=%s base=%" PRId64, name, base);
 * Error = someone must act; warn = went wrong, carried on (say so); info = state changed; debug =
 * per request. Payloads and secrets never. Levels are tested before anything is formatted. Any
 * thread. Libraries and pure code do not log; the function that decides what happens next logs
 * once, with the wrapped error.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"

enum logger_level { LOGGER_DEBUG, LOGGER_INFO, LOGGER_WARN, LOGGER_ERROR, LOGGER_OFF };

/* Receives each formatted event; called under the logger's own lock, so lines never mix. */
typedef void (*logger_sink_fn)(void *ctx, enum logger_level level, const char *line);

struct logger;

/* component is copied and printed with every event. A NULL sink means standard error. NULL when out
 * of memory. */
struct logger *logger_create(const char *component, enum logger_level level, logger_sink_fn sink,
                             void *sink_ctx);
/* A logger for a part: same sink and level, own component. Destroy it before the parent. */
struct logger *logger_child(struct logger *parent, const char *component);
void logger_destroy(struct logger *lg);
bool logger_enabled(const struct logger *lg, enum logger_level level);
/* A NULL logger drops everything. */
void logger_event(struct logger *lg, enum logger_level level, const char *event, const char *fmt,
                  ...) ERR_PRINTF(4, 5);
/* "debug", "info", "warn", "error", "off" in any case. */
enum err_code logger_level_parse(const char *text, enum logger_level *out_level, struct err *e);

#define LOGGER_AT(lg, level, event, ...)                       \
    do {                                                       \
        if (logger_enabled((lg), (level))) {                   \
            logger_event((lg), (level), (event), __VA_ARGS__); \
        }                                                      \
    } while (0)

#define logger_debug(lg, event, ...) LOGGER_AT(lg, LOGGER_DEBUG, event, __VA_ARGS__)
#define logger_info(lg, event, ...) LOGGER_AT(lg, LOGGER_INFO, event, __VA_ARGS__)
#define logger_warn(lg, event, ...) LOGGER_AT(lg, LOGGER_WARN, event, __VA_ARGS__)
#define logger_error(lg, event, ...) LOGGER_AT(lg, LOGGER_ERROR, event, __VA_ARGS__)
