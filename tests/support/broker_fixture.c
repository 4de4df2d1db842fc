#include "tests/support/broker_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker.h"
#include "tests/support/test.h"

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void broker_fixture_open(struct broker_fixture *f, const struct broker_config *config)
{
    struct broker_config own;
    broker_config_init(&own);
    if (config != NULL) {
        own = *config;
    }
    own.data_dir = f->directory;
    own.host = "127.0.0.1";
    own.port = 0;
    struct err e = {0};
    if (broker_start(&own, NULL, NULL, &f->broker, &e) != ERR_OK) {
        fail_msg("start broker: %s", e.text);
    }
    f->port = broker_port(f->broker);
}

void broker_fixture_start(struct broker_fixture *f, const struct broker_config *config)
{
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/weir_test_broker_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    broker_fixture_open(f, config);
}

void broker_fixture_restart(struct broker_fixture *f, const struct broker_config *config)
{
    broker_stop(f->broker);
    broker_fixture_open(f, config);
}

void broker_fixture_stop(struct broker_fixture *f)
{
    broker_stop(f->broker);
    assert_int_equal(nftw(f->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}
