#include "registry/registry_settle.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/logger.h"
#include "registry/registry_internal.h"
#include "registry/registry_record.h"

#define REGISTRY_SETTLE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define REGISTRY_SETTLE_ROUNDS 3
#define REGISTRY_SETTLE_AT_ONCE 100

int64_t registry_settle_offset(struct bytes header)
{
    int64_t offset = 0;
    for (size_t i = 0; i < header.len; i++) {
        int digit = header.data[i] - '0';
        if (digit < 0 || digit > 9 || offset > (INT64_MAX - digit) / 10) {
            return REGISTRY_STORE_NOT_SETTLING;
        }
        offset = offset * 10 + digit;
    }
    return header.len > 0 ? offset : REGISTRY_STORE_NOT_SETTLING;
}

static void registry_settle_add(void *ctx, const char *key, int64_t offset, const char *subject,
                                const struct registry_version *v)
{
    struct registry_batch *batch = ctx;
    if (batch->count == REGISTRY_SETTLE_AT_ONCE) {
        return;
    }
    struct buf value;
    buf_init(&value, REGISTRY_SETTLE_BYTES_MAX);
    if (v != NULL) {
        registry_record_schema(&value, subject, v->version, v->id, v->content, v->deleted);
    }
    char header[24];
    (void)snprintf(header, sizeof header, "%lld", (long long)offset);
    registry_batch_add(batch, buf_failed(&value) ? NULL : key, v != NULL ? buf_text(&value) : NULL);
    registry_batch_mark(batch, header);
    buf_deinit(&value);
}

void registry_settle_run(struct registry *r)
{
    for (int round = 0; r->settle_due && round < REGISTRY_SETTLE_ROUNDS; round++) {
        struct registry_batch batch = {0};
        registry_store_lock_read(r->store);
        bool settled = registry_store_is_settled(r->store);
        registry_store_each_unsettled(r->store, registry_settle_add, &batch);
        registry_store_unlock(r->store);
        size_t count = batch.count;
        struct registry_answer unheard;
        registry_answer_init(&unheard);
        r->settle_due = !settled;
        bool go_on = settled || registry_writer_write(r, &batch, &unheard);
        registry_answer_deinit(&unheard);
        if (!go_on) {
            return;
        }
        if (!settled) {
            logger_info(r->lg, "registry.settled", "topic=%s records=%zu", r->topic_name, count);
        }
    }
}
