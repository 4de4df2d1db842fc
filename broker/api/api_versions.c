/* Key 18: what this broker speaks, read off the tables. */
#include <ctype.h>
#include <stdbool.h>

#include "broker/api/api_table.h"
#include "common/check.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool api_versions_name_valid(struct bytes name)
{
    if (name.len == 0 || !isalnum(name.data[0]) || !isalnum(name.data[name.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!isalnum(name.data[i]) && name.data[i] != '-' && name.data[i] != '.') {
            return false;
        }
    }
    return true;
}

static bool api_versions_request_valid(const struct request *rq)
{
    const struct kafka_api_versions_request *body = rq->body;
    return rq->version < 3 || (api_versions_name_valid(body->client_software_name) &&
                               api_versions_name_valid(body->client_software_version));
}

static void api_versions_fill(struct kafka_api_versions_response *response, int16_t only_key)
{
    for (size_t i = 0; i < message_apis_count; i++) {
        const struct message_api *api = &message_apis[i];
        if (api_table_find(api->key) != NULL && (only_key < 0 || only_key == api->key)) {
            response->api_keys[response->api_keys_count++] =
                (struct kafka_api_versions_response_api_key){
                    .api_key = api->key,
                    .min_version = api->min_version,
                    .max_version = api->max_version,
                };
        }
    }
}

void api_versions(struct request *rq)
{
    struct kafka_api_versions_response *response = request_alloc(rq, sizeof *response);
    struct kafka_api_versions_response_api_key *keys = message_alloc_array(
        &kafka_api_versions_response_api_key_schema, &rq->arena, (int32_t)message_apis_count);
    if (response == NULL || keys == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    message_init(&kafka_api_versions_response_schema, response);
    response->api_keys = keys;
    response->api_keys_count = 0;
    if (rq->body == NULL) {
        /* A version from the future: in version 0 the client learns which one to ask with. */
        response->error_code = KAFKA_ERROR_UNSUPPORTED_VERSION;
        api_versions_fill(response, KAFKA_API_API_VERSIONS);
    } else if (!api_versions_request_valid(rq)) {
        response->error_code = KAFKA_ERROR_INVALID_REQUEST;
    } else {
        api_versions_fill(response, -1);
    }
    request_respond(rq, response);
}
