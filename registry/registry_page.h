/* Which part of a list is asked for: ?offset= and ?limit=, counted after filtering and sorting. */
#pragma once

#include <stdbool.h>

struct buf;
struct http_request;
struct registry_answer;

struct registry_page {
    int offset;
    int limit;
    int seen;
    bool first;
};

/* A limit that is absent, not positive or above the maximum is the maximum. False, with the answer
 * made, when one is no number. HTTP thread. */
bool registry_page_init(struct registry_page *page, const struct http_request *rq,
                        struct registry_answer *a, int limit_max);
/* Whether the next entry is on the page; writes the comma before it. */
bool registry_page_takes(struct registry_page *page, struct buf *b);
