/* main() of stand-alone programs. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "streams/runtime/streams_config.h"

static bool main_set(struct weir_config *c, const char *argument, struct weir_error *error)
{
    const char *equals = strchr(argument, '=');
    char key[256];
    size_t len = equals != NULL ? (size_t)(equals - argument) : 0;
    if (len == 0 || len >= sizeof key) {
        (void)snprintf(error->text, sizeof error->text, "%s: key=value is expected", argument);
        return false;
    }
    memcpy(key, argument, len);
    key[len] = '\0';
    return weir_config_set(c, key, equals + 1, error);
}

static bool main_describe(const struct weir_topology *t)
{
    char *text = weir_topology_describe(t);
    if (text != NULL) {
        (void)fputs(text, stdout);
        weir_free(text);
    }
    return text != NULL && fflush(stdout) == 0;
}

/* Until a signal says stop, or the application has failed. */
static bool main_run(struct weir_topology *take_topology, const struct weir_config *config,
                     struct weir_error *error)
{
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGINT);
    (void)sigaddset(&stop, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
    struct weir_streams *s = weir_streams_create(take_topology, config, error);
    if (s == NULL) {
        weir_topology_destroy(take_topology);
        return false;
    }
    bool ok = weir_streams_start(s, error);
    enum weir_state shown = WEIR_STATE_CREATED;
    while (ok) {
        const struct timespec slice = {0, 50L * 1000 * 1000};
        enum weir_state state = weir_streams_state(s);
        if (state != shown) {
            (void)fprintf(stdout, "%s %s\n", weir_config_get(config, "application.id"),
                          weir_state_name(state));
            (void)fflush(stdout);
            shown = state;
        }
        if (state == WEIR_STATE_ERROR) {
            ok = !weir_streams_error(s, error);
            break;
        }
        if (sigtimedwait(&stop, NULL, &slice) > 0) {
            break;
        }
    }
    weir_streams_destroy(s);
    return ok;
}

int weir_streams_main(int argc, char **argv, weir_streams_app_build_fn build)
{
    struct weir_error error = {"out of memory"};
    struct weir_builder *b = weir_builder_create();
    struct weir_config *c = weir_config_create();
    bool describe = false;
    bool ok = b != NULL && c != NULL;
    ok = ok && (build(b, c) || !snprintf(error.text, sizeof error.text, "the application failed"));
    for (int i = 1; ok && i < argc; i++) {
        if (strcmp(argv[i], "--describe") == 0) {
            describe = true;
        } else {
            ok = main_set(c, argv[i], &error);
        }
    }
    struct weir_topology *t = ok ? weir_builder_build(b, &error) : NULL;
    weir_builder_destroy(b);
    if (t != NULL && describe) {
        ok = main_describe(t);
        weir_topology_destroy(t);
    } else {
        ok = t != NULL && main_run(t, c, &error);
    }
    weir_config_destroy(c);
    if (!ok) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], error.text);
    }
    return ok ? 0 : 1;
}
