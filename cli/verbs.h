/* The command of each verb file, for main.c. */
#pragma once

struct command;

extern const struct command start_command; /* start.c */
