#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

/* What a signal handler may write. */
static volatile sig_atomic_t
    interrupt_flag; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void interrupt_handle(int signal_number)
{
    (void)signal_number;
    interrupt_flag = 1;
}

void interrupt_watch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    /* Without SA_RESTART, so that a waiting read returns. */
    struct sigaction action = {.sa_handler = interrupt_handle};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaction(signals[i], &action, NULL);
    }
}

bool interrupt_came(void)
{
    return interrupt_flag != 0;
}
