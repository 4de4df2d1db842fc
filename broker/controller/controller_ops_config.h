/* Alterations of configs: the part of controller_ops.c that deals with keys and values. */
#pragma once

#include <stdbool.h>

struct controller;
struct controller_op;

/* Carries out a CONTROLLER_OP_ALTER_CONFIGS. True when the state changed and must be published. */
bool controller_ops_config_run(struct controller *c, struct controller_op *op);
