/* Lines of "key TAB value" as records of _schemas, in order: what other programs have written there
 * must not break the store, whatever it says. An id is one content's as long as it is in use. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "registry/registry_store.h"
#include "serde/avro_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_look(struct registry_store *store)
{
    registry_store_lock_read(store);
    for (size_t i = 0; i < registry_store_subject_count(store); i++) {
        const struct registry_subject *subject = registry_store_subject_at(store, i);
        for (size_t j = 0; j < subject->count; j++) {
            const struct registry_version *v = &subject->versions[j];
            const struct registry_id *id = registry_store_id(store, v->id);
            CHECK(j == 0 || v[-1].version < v->version);
            CHECK(id != NULL);
            CHECK(strcmp(id->content->hash, v->content->hash) == 0);
            struct avro_schema *schema = NULL;
            if (registry_content_is_avro(v->content) &&
                registry_store_parse(store, v->content, true, true, &schema, NULL) == ERR_OK) {
                avro_schema_unref(schema);
            }
        }
    }
    registry_store_unlock(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry_store *store = registry_store_create();
    const uint8_t *end = data + size;
    int64_t offset = 0;
    for (const uint8_t *at = data; store != NULL && at < end;) {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end != NULL ? line_end : end;
        const uint8_t *tab = memchr(at, '\t', (size_t)(line_end - at));
        struct bytes value = bytes_null();
        if (tab != NULL) {
            value = bytes_of(tab + 1, (size_t)(line_end - tab - 1));
        }
        struct err e;
        const uint8_t *key_end = tab != NULL ? tab : line_end;
        /* Keys that begin with a blank are settling records. */
        const struct registry_store_record record = {
            .key = bytes_of(at, (size_t)(key_end - at)),
            .value = value,
            .offset = at - data,
            .settles = *at == ' ' ? offset : REGISTRY_STORE_NOT_SETTLING};
        (void)registry_store_apply(store, &record, &e);
        offset = record.offset;
        at = line_end < end ? line_end + 1 : end;
    }
    if (store != NULL) {
        fuzz_look(store);
    }
    registry_store_destroy(store);
    return 0;
}
