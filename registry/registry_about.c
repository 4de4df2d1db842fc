/* What the registry says of itself. */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "registry/registry_internal.h"
#include "registry/registry_page.h"

#define REGISTRY_ABOUT_CLUSTER "schema-registry"

void registry_on_root(void *ctx, struct http_request *rq)
{
    (void)ctx;
    http_request_respond(rq, 200, bytes_of_text("{}"));
}

void registry_on_types(void *ctx, struct http_request *rq)
{
    (void)ctx;
    http_request_respond(rq, 200, bytes_of_text("[\"AVRO\"]"));
}

void registry_on_contexts(void *ctx, struct http_request *rq)
{
    (void)ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    struct registry_page page;
    const char *prefix = http_request_query(rq, "contextPrefix");
    if (registry_page_init(&page, rq, &a, INT32_MAX)) {
        bool wanted = prefix == NULL || strncmp(".", prefix, strlen(prefix)) == 0;
        bool shown = wanted && registry_page_takes(&page, &a.body);
        buf_append_text(&a.body, shown ? "[\".\"]" : "[]");
    }
    registry_respond(rq, &a);
}

void registry_on_ready(void *ctx, struct http_request *rq)
{
    (void)ctx; /* the filter has answered when it is not */
    http_request_respond(rq, 200, bytes_of_text("{}"));
}

void registry_on_metadata_id(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    char *id = compacted_topic_cluster_id(r->topic);
    const char *text = id != NULL ? id : "";
    buf_append_text(&a.body, "{\"scope\":{\"path\":[],\"clusters\":{\"kafka-cluster\":");
    json_write_text(&a.body, text, strlen(text));
    buf_append_text(&a.body, ",\"schema-registry-cluster\":\"" REGISTRY_ABOUT_CLUSTER "\"}}}");
    mem_free(id);
    registry_respond(rq, &a);
}

void registry_on_metadata_version(void *ctx, struct http_request *rq)
{
    (void)ctx;
    http_request_respond(rq, 200,
                         bytes_of_text("{\"version\":\"" WEIR_VERSION "\",\"commitId\":\"\"}"));
}

void registry_on_metadata_deployment(void *ctx, struct http_request *rq)
{
    (void)ctx;
    http_request_respond(rq, 200, bytes_of_text("{\"attributes\":[]}"));
}
