#include "registry/registry_page.h"

#include "registry/registry_internal.h"

bool registry_page_init(struct registry_page *page, const struct http_request *rq,
                        struct registry_answer *a, int limit_max)
{
    *page = (struct registry_page){.offset = 0, .limit = -1, .first = true};
    if (!registry_request_number(rq, a, "offset", &page->offset) ||
        !registry_request_number(rq, a, "limit", &page->limit)) {
        return false;
    }
    page->offset = page->offset > 0 ? page->offset : 0;
    if (page->limit <= 0 || page->limit > limit_max) {
        page->limit = limit_max;
    }
    return true;
}

bool registry_page_takes(struct registry_page *page, struct buf *b)
{
    int i = page->seen++;
    if (i < page->offset || i - page->offset >= page->limit) {
        return false;
    }
    if (!page->first) {
        buf_append_char(b, ',');
    }
    page->first = false;
    return true;
}
