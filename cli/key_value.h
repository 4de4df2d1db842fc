/* "key=value" or "key:value" of a flag: cut at whichever delimiter comes first, both sides trimmed,
 * neither empty. */
#pragma once

#include "common/err.h"

#define KEY_VALUE_MAX 4096

struct key_value {
    char key[KEY_VALUE_MAX];
    char value[KEY_VALUE_MAX];
};

/* `flag` is for the message: "--topic-config". */
enum err_code key_value_parse(const char *text, const char *flag, struct key_value *out,
                              struct err *e) ERR_MUST_CHECK;
