/* The commands of `weir cluster` beside info. */
#pragma once

struct command;

extern const struct command cluster_health_command; /* cluster_health.c */
