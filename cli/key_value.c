#include "cli/key_value.h"

#include <ctype.h>
#include <string.h>

static bool key_value_copy(const char *from, size_t len, char *to)
{
    while (len > 0 && isspace((unsigned char)*from)) {
        from++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)from[len - 1])) {
        len--;
    }
    if (len == 0 || len >= KEY_VALUE_MAX) {
        return false;
    }
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

enum err_code key_value_parse(const char *text, const char *flag, struct key_value *out,
                              struct err *e)
{
    size_t cut = strcspn(text, "=:");
    if (text[cut] == '\0' || !key_value_copy(text, cut, out->key) ||
        !key_value_copy(text + cut + 1, strlen(text + cut + 1), out->value)) {
        return err_set(e, ERR_INVALID, "%s \"%s\": use KEY=VALUE with both sides given", flag,
                       text);
    }
    return ERR_OK;
}
