/*
 * Records with schemas, for the command line: what `topic consume --use-schema-registry` decodes
 * and `topic produce --schema-id` encodes, through the registry of -X registry.hosts. Avro only:
 * another type is an error. One owner.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

struct cli;
struct registry_client;

/* A client of the registry that the command line names; registry_client_destroy. */
enum err_code schema_codec_open(const struct cli *cli, struct registry_client **out_client,
                                struct err *e) ERR_MUST_CHECK;
/* Appends the Avro JSON of a framed message. */
enum err_code schema_codec_decode(struct registry_client *registry, struct bytes message,
                                  struct buf *out, struct err *e) ERR_MUST_CHECK;
/* Appends frame and Avro binary of a JSON text. */
enum err_code schema_codec_encode(struct registry_client *registry, int32_t id, struct bytes json,
                                  struct buf *out, struct err *e) ERR_MUST_CHECK;
/* "17" is an id; "topic" is the id of the newest version of "<topic>-key" or "-value". */
enum err_code schema_codec_find_id(struct registry_client *registry, const char *text,
                                   const char *topic, bool is_key, int32_t *out_id,
                                   struct err *e) ERR_MUST_CHECK;
/* ERR_NOT_FOUND when the registry has no such schema, ERR_UNSUPPORTED when it is not Avro. */
enum err_code schema_codec_check_id(struct registry_client *registry, int32_t id,
                                    struct err *e) ERR_MUST_CHECK;
