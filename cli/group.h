/* The commands of `weir group`, one file each. */
#pragma once

struct command;

extern const struct command group_describe_command; /* group_describe.c */
