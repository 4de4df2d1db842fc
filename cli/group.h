/* What the commands of `weir group` share. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/err.h"

struct cli;
struct command;

extern const struct command group_describe_command; /* group_describe.c */

/* Every group of every broker, by broker and name; rd_kafka_group_list_destroy. Brokers that do not
 * answer are named on standard error. */
enum err_code group_list_all(const struct cli *cli, rd_kafka_t *rk,
                             const struct rd_kafka_group_list **out_list,
                             struct err *e) ERR_MUST_CHECK;
