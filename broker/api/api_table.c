#include "broker/api/api_table.h"

#include <stddef.h>

api_table_handler_fn api_table_find(int16_t key)
{
    switch (key) {
#define API_TABLE_CASE(api_key, handler) \
    case api_key:                        \
        return handler;
        API_TABLE(API_TABLE_CASE)
#undef API_TABLE_CASE
    default:
        return NULL;
    }
}
