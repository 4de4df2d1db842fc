/*
 * CHECK is for our own bugs and stays on in release builds: it prints where and what, and aborts.
 * Never CHECK bytes that come from a peer, a disk or a user: those are errors (common/err.h).
 */
#pragma once

#define CHECK(condition)                                            \
    do {                                                            \
        if (__builtin_expect(!(condition), 0)) {                    \
            check_failed(__FILE__, __LINE__, __func__, #condition); \
        }                                                           \
    } while (0)

_Noreturn void check_failed(const char *file, int line, const char *function,
                            const char *condition);
