/* A broker in this process, on a temporary directory and any port. */
#pragma once

#include <stdint.h>

struct broker;
struct broker_config;

struct broker_fixture {
    struct broker *broker;
    uint16_t port;
    char directory[64];
};

/* config NULL = defaults; data_dir, host and port are set here. The test fails when it does not
 * start. */
void broker_fixture_start(struct broker_fixture *f, const struct broker_config *config);
/* Stops it and starts it again on the same directory. */
void broker_fixture_restart(struct broker_fixture *f, const struct broker_config *config);
/* Stops it and removes the directory. */
void broker_fixture_stop(struct broker_fixture *f);
