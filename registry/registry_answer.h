/* The answer to one request while it is being made: a status and a JSON body. The error codes and
 * texts of the registry's REST interface are written here and nowhere else parsed again. */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct registry_answer {
    unsigned status;
    struct buf body;
    bool failed; /* an error has been written; it is the answer */
};

void registry_answer_init(struct registry_answer *a);
void registry_answer_deinit(struct registry_answer *a);
/* Replaces what was written by {"error_code":code,"message":"..."}. The HTTP status is that of the
 * code: 40401 is 404. Codes of three digits are the status itself. */
void registry_answer_error(struct registry_answer *a, int code, const char *fmt, ...)
    ERR_PRINTF(3, 4);
