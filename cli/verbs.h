/* The command of each verb file, for main.c. */
#pragma once

struct command;

extern const struct command start_command;    /* start.c */
extern const struct command topic_command;    /* topic.c */
extern const struct command cluster_command;  /* cluster.c */
extern const struct command group_command;    /* group.c */
extern const struct command registry_command; /* schema.c */
