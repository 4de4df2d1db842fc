#include "connect/include/connect_error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum err_code connect_error_set(struct err *e, enum err_code code, const char *class_name,
                                const char *fmt, ...)
{
    if (e == NULL) {
        return code;
    }
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(e, code, "%s: %s", class_name, text);
}

/* "org.x.Class: ...": a name with a dot in it, up to the first colon, or the whole line. */
static bool names_class(const char *text)
{
    bool dotted = false;
    const char *at = text;
    for (; *at != '\0' && *at != ':' && *at != '\n'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '.' && *at != '$' && *at != '_') {
            return false;
        }
        dotted = dotted || (*at == '.' && at != text);
    }
    return dotted && (*at != ':' || at[1] == ' ');
}

enum err_code connect_error_name(struct err *e)
{
    if (!names_class(e->text)) {
        return err_wrap(e, "%s", CONNECT_EXCEPTION);
    }
    return e->code;
}

enum err_code connect_error_wrap(struct err *e, const char *class_name, const char *fmt, ...)
{
    if (e == NULL) {
        return ERR_INTERNAL;
    }
    (void)connect_error_name(e);
    struct err cause = *e;
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(e, cause.code, "%s%s%s\nCaused by: %s", class_name, text[0] != '\0' ? ": " : "",
                   text, cause.text);
}
