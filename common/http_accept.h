/* Content negotiation: the Accept and Content-Type headers against lists of types. Pure. */
#pragma once

#include <stdbool.h>

/* The entry of produces (NULL-terminated, the first is the default) that an Accept header likes
 * best, or NULL when it allows none. accept NULL or empty allows all. Parameters but q are ignored;
 * among equals the client's order decides, for wildcards ours. */
const char *http_accept_choose(const char *accept, const char *const *produces);
/* Whether content_type, parameters aside, is in the list (NULL-terminated). */
bool http_accept_consumes(const char *content_type, const char *const *consumes);
