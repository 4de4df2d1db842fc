/*
 * Errors as values: a code that callers branch on, and a text that people read. The caller owns the
 * struct err, passes it last, and each level that adds something puts it in front: "create topic
 * orders: write config log: no space left". Kafka, HTTP and exit codes are mapped from the code at
 * the edge, in one table each.
 *
 * Every function that can fail returns enum err_code (0 = ERR_OK) and takes struct err *, which may
 * be NULL when the caller only wants the code. Outputs are untouched on failure.
 */
#pragma once

#include <stdbool.h>

/* X(code, text, retriable): retriable means that the same call may succeed later without a change
 * by the caller. */
#define ERR_CODES(X)                              \
    X(OK, "no error", false)                      \
    X(NOMEM, "out of memory", false)              \
    X(INVALID, "invalid value", false)            \
    X(PARSE, "malformed input", false)            \
    X(CORRUPT, "corrupt data", false)             \
    X(LIMIT, "limit exceeded", false)             \
    X(NOT_FOUND, "not found", false)              \
    X(EXISTS, "already exists", false)            \
    X(CONFLICT, "conflicting operation", false)   \
    X(STATE, "not possible in this state", false) \
    X(UNSUPPORTED, "not supported", false)        \
    X(AUTH, "not authorized", false)              \
    X(IO, "input/output error", false)            \
    X(NOSPACE, "no space left on device", true)   \
    X(TIMEOUT, "timed out", true)                 \
    X(UNAVAILABLE, "not available", true)         \
    X(CANCELLED, "cancelled", false)              \
    X(CLOSED, "closed", false)                    \
    X(INTERNAL, "internal error", false)

enum err_code {
#define ERR_ENUM(name, text, retriable) ERR_##name,
    ERR_CODES(ERR_ENUM)
#undef ERR_ENUM
};

#define ERR_TEXT_MAX 1024

struct err {
    enum err_code code;
    char text[ERR_TEXT_MAX];
};

#define ERR_MUST_CHECK __attribute__((warn_unused_result))
#define ERR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Sets code and text, and returns the code, so that `return err_set(e, ...)` is the form of a
 * failure. */
enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Puts "<fmt>: " in front of the text and returns the code. Name the operation and the object. */
enum err_code err_wrap(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Sets from an errno value (ENOSPC and EDQUOT become NOSPACE, ENOENT NOT_FOUND, ...): "<fmt>: <text
 * of errnum>". */
enum err_code err_errno(struct err *e, int errnum, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Out of memory, the commonest failure: err_nomem(e, "read index"). */
enum err_code err_nomem(struct err *e, const char *what);

/* "NOT_FOUND", static. */
const char *err_code_name(enum err_code code);
/* "not found", static. */
const char *err_code_text(enum err_code code);
bool err_code_retriable(enum err_code code);
