/* Ctrl-C, SIGTERM and SIGHUP as a question: for commands that run until they are told to stop. */
#pragma once

#include <stdbool.h>

/* From now on those signals set the flag instead of killing the process. */
void interrupt_watch(void);
bool interrupt_came(void);
