#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
    bool retriable;
} err_table[] = {
#define ERR_ROW(name, text, retriable) {#name, text, retriable},
    ERR_CODES(ERR_ROW)
#undef ERR_ROW
};

#define ERR_COUNT (sizeof err_table / sizeof err_table[0])

enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (e == NULL) {
        return code;
    }
    e->code = code;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    return code;
}

/* A text that is too long loses its end, never the newest context in front. */
static void err_prepend(struct err *e, const char *prefix)
{
    char old[ERR_TEXT_MAX];
    (void)snprintf(old, sizeof old, "%s", e->text);
    int n = snprintf(e->text, sizeof e->text, "%s: ", prefix);
    size_t at = n < 0 ? 0 : (size_t)n;
    if (at < sizeof e->text) {
        (void)snprintf(e->text + at, sizeof e->text - at, "%s", old);
    }
}

enum err_code err_wrap(struct err *e, const char *fmt, ...)
{
    if (e == NULL) {
        /* The caller does not know the code either: it must not wrap through a NULL. */
        return ERR_INTERNAL;
    }
    char prefix[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    err_prepend(e, prefix);
    return e->code;
}

static enum err_code err_from_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case ENOMEM:
        return ERR_NOMEM;
    case EACCES:
    case EPERM:
        return ERR_AUTH;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EAGAIN:
        return ERR_UNAVAILABLE;
    case EINVAL:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

enum err_code err_errno(struct err *e, int errnum, const char *fmt, ...)
{
    enum err_code code = err_from_errno(errnum);
    if (e == NULL) {
        return code;
    }
    e->code = code;
    char system_text[128];
    /* The GNU form returns the text, which may or may not be our buffer. */
    (void)snprintf(e->text, sizeof e->text, "%s",
                   strerror_r(errnum, system_text, sizeof system_text));
    char prefix[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    err_prepend(e, prefix);
    return code;
}

enum err_code err_nomem(struct err *e, const char *what)
{
    return err_set(e, ERR_NOMEM, "%s: out of memory", what);
}

const char *err_code_name(enum err_code code)
{
    return (size_t)code < ERR_COUNT ? err_table[code].name : "UNKNOWN";
}

const char *err_code_text(enum err_code code)
{
    return (size_t)code < ERR_COUNT ? err_table[code].text : "unknown error";
}

bool err_code_retriable(enum err_code code)
{
    return (size_t)code < ERR_COUNT && err_table[code].retriable;
}
