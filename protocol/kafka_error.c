#include "protocol/kafka_error.h"

const char *kafka_error_name(int16_t code)
{
    switch (code) {
#define KAFKA_ERROR_NAME(name, code, retriable) \
    case (code):                                \
        return #name;
        KAFKA_ERROR_CODES(KAFKA_ERROR_NAME)
#undef KAFKA_ERROR_NAME
    default: /* a code from the wire may be any */
        return "UNKNOWN";
    }
}

bool kafka_error_retriable(int16_t code)
{
    switch (code) {
#define KAFKA_ERROR_RETRIABLE(name, code, retriable) \
    case (code):                                     \
        return retriable;
        KAFKA_ERROR_CODES(KAFKA_ERROR_RETRIABLE)
#undef KAFKA_ERROR_RETRIABLE
    default:
        return false;
    }
}
