/* Which topics a verb's arguments name: exactly, or with -r. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#include "common/err.h"

struct cli;

/* Names borrowed from the metadata or the command line. */
struct topic_match {
    const char **names;
    size_t count;
    const struct rd_kafka_metadata *metadata; /* all topics; NULL when it was not needed */
};

/* The arguments themselves; with the flag "regex" the topics that match one, in order of name,
 * internal ones left out. */
enum err_code topic_match_find(const struct cli *cli, rd_kafka_t *rk, struct topic_match *out,
                               struct err *e) ERR_MUST_CHECK;
void topic_match_deinit(struct topic_match *m);
