/*
 * `weir start`: reads the settings, starts the roles one after the other, says what listens where,
 * waits for SIGINT or SIGTERM, stops the roles in reverse. Exit code 0 after a clean stop, 1 when
 * something could not start.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/admin.h"
#include "cli/command.h"
#include "cli/start_options.h"
#include "cli/start_roles.h"
#include "cli/verbs.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/metrics.h"

#define START_OPTIONS_MAX 128

struct start {
    struct conf *conf;
    struct logger *root;
    struct metrics *metrics;
    struct start_context ctx;
    struct admin *admin;
    void *handles[START_ROLE_COUNT];
    struct logger *loggers[START_ROLE_COUNT];
};

static void start_help(struct buf *out)
{
    size_t count = 0;
    const struct conf_option *options = start_options(&count);
    buf_append_text(out, "\nSettings: --flag, else WEIR_<KEY> in the environment, else the file of "
                         "--config, else the "
                         "default.\n  --config FILE                      YAML file of settings\n");
    conf_print_help(options, count, out);
}

/* Flags win over the environment and the file. A list that is given again goes on; else the last
 * one counts. */
static enum err_code start_set_flag(struct conf *conf, const struct conf_option *option,
                                    const char *value, const char *word, bool *given, struct err *e)
{
    size_t count = 0;
    const struct conf_option *options = start_options(&count);
    size_t i = (size_t)(option - options);
    CHECK(count <= START_OPTIONS_MAX && i < count);
    struct buf list;
    buf_init(&list, (size_t)1 << 20);
    if (option->type == CONF_LIST && given[i]) {
        buf_printf(&list, "%s,%s", conf_text(conf, option->key), value);
        value = buf_text(&list);
    }
    given[i] = true;
    enum err_code code = value != NULL ? conf_set(conf, option->key, value, word, e)
                                       : err_set(e, ERR_LIMIT, "%s: the list is too long", word);
    buf_deinit(&list);
    return code;
}

static enum err_code start_parse_flag(struct conf *conf, int argc, char **argv, int *at,
                                      bool *given, struct err *e)
{
    const char *word = argv[*at];
    if (strncmp(word, "--", 2) != 0) {
        return err_set(e, ERR_INVALID,
                       "start takes flags only, but got \"%s\"; see \"weir start --help\"", word);
    }
    char name[128];
    size_t len = strcspn(word + 2, "=");
    (void)snprintf(name, sizeof name, "%.*s", (int)len, word + 2);
    bool is_config = strcmp(name, "config") == 0;
    const struct conf_option *option = conf_find_flag(conf, name);
    if (option == NULL && !is_config) {
        return err_set(e, ERR_INVALID, "unknown flag --%s; see \"weir start --help\"", name);
    }
    const char *value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
    if (value == NULL) {
        if (*at + 1 >= argc) {
            return err_set(e, ERR_INVALID, "--%s needs a value", name);
        }
        (*at)++;
        value = argv[*at];
    }
    /* --config was read before the environment; see start_load. */
    return is_config ? ERR_OK : start_set_flag(conf, option, value, word, given, e);
}

static const char *start_config_file(int argc, char **argv)
{
    const char *file = NULL;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0) {
            file = argv[i] + 9;
        } else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            file = argv[i + 1];
        }
    }
    return file;
}

static enum err_code start_load(struct conf *conf, int argc, char **argv, struct err *e)
{
    bool given[START_OPTIONS_MAX] = {false};
    const char *file = start_config_file(argc, argv);
    enum err_code code = file != NULL ? conf_load_file(conf, file, e) : ERR_OK;
    if (code == ERR_OK) {
        code = conf_load_environment(conf, e);
    }
    for (int at = 0; code == ERR_OK && at < argc; at++) {
        code = start_parse_flag(conf, argc, argv, &at, given, e);
    }
    return code;
}

static bool start_has_role(const struct conf *conf, const char *name)
{
    const char *cursor = NULL;
    struct bytes item;
    while (conf_list_next(conf, "roles", &cursor, &item)) {
        if (bytes_equal(item, bytes_of_text(name))) {
            return true;
        }
    }
    return false;
}

static enum err_code start_check_roles(const struct conf *conf, struct err *e)
{
    const char *cursor = NULL;
    struct bytes item;
    size_t count = 0;
    while (conf_list_next(conf, "roles", &cursor, &item)) {
        bool known = false;
        for (size_t i = 0; i < START_ROLE_COUNT; i++) {
            known = known || bytes_equal(item, bytes_of_text(start_roles[i].name));
        }
        if (!known) {
            return err_set(e, ERR_INVALID,
                           "roles: \"%.*s\" is not one of broker, registry, connect, streams",
                           (int)item.len, (const char *)item.data);
        }
        count++;
    }
    if (count == 0) {
        return err_set(e, ERR_INVALID,
                       "roles: give at least one of broker, registry, connect, streams");
    }
    bool broker = start_has_role(conf, "broker");
    if (broker && conf_is_set(conf, "bootstrap.servers")) {
        return err_set(
            e, ERR_INVALID,
            "bootstrap.servers names an existing cluster, so the role broker must not run too: "
            "add --roles registry,connect,streams");
    }
    if (!broker && !conf_is_set(conf, "bootstrap.servers")) {
        return err_set(e, ERR_INVALID,
                       "without the role broker, --bootstrap-servers HOST:PORT,... is needed");
    }
    return ERR_OK;
}

/* What to do about it, where the reason alone does not tell. */
static enum err_code start_explain(struct err *e, const char *role)
{
    const char *listener = strcmp(role, "broker") == 0 ? "kafka" : role;
    if (strstr(e->text, "ddress already in use") != NULL) {
        struct err reason = *e;
        (void)err_set(e, reason.code, "%s: stop what uses it, or give another --%s-port (0 = any)",
                      reason.text, listener);
    }
    return err_wrap(e, "start %s", role);
}

static enum err_code start_roles_in_order(struct start *s, struct err *e)
{
    for (size_t i = 0; i < START_ROLE_COUNT; i++) {
        if (!start_has_role(s->conf, start_roles[i].name)) {
            continue;
        }
        s->loggers[i] = logger_child(s->root, start_roles[i].name);
        if (start_roles[i].start(&s->ctx, s->loggers[i], &s->handles[i], e) != ERR_OK) {
            return start_explain(e, start_roles[i].name);
        }
    }
    return ERR_OK;
}

/* Waits for each role at most this long, the first that is not ready ends it: its name, or NULL. */
static const char *start_wait(struct start *s, int timeout_ms)
{
    for (size_t i = 0; i < START_ROLE_COUNT; i++) {
        if (s->handles[i] != NULL && start_roles[i].wait_ready != NULL &&
            !start_roles[i].wait_ready(s->handles[i], timeout_ms)) {
            return start_roles[i].name;
        }
    }
    return NULL;
}

static const char *start_waits_for(void *ctx)
{
    return start_wait(ctx, 0);
}

static enum err_code start_up(struct start *s, struct err *e)
{
    enum err_code code = start_check_roles(s->conf, e);
    if (code != ERR_OK) {
        return code;
    }
    const char *data_dir = conf_text(s->conf, "data.dir");
    if (mkdir(data_dir, 0750) != 0 && errno != EEXIST) {
        return err_errno(e, errno, "create data directory %s", data_dir);
    }
    s->ctx = (struct start_context){.conf = s->conf, .metrics = s->metrics, .data_dir = data_dir};
    const char *servers = conf_text(s->conf, "bootstrap.servers");
    int n = snprintf(s->ctx.bootstrap_servers, sizeof s->ctx.bootstrap_servers, "%s",
                     servers != NULL ? servers : "");
    if (n < 0 || (size_t)n >= sizeof s->ctx.bootstrap_servers) {
        return err_set(e, ERR_LIMIT, "bootstrap.servers is longer than %zu characters",
                       sizeof s->ctx.bootstrap_servers - 1);
    }
    code = start_roles_in_order(s, e);
    if (code == ERR_OK) {
        const struct admin_config admin = {
            .conf = s->conf, .metrics = s->metrics, .waits_for = start_waits_for, .ctx = s};
        code = admin_start(&admin, s->root, &s->admin, e);
        code = code == ERR_OK ? ERR_OK : start_explain(e, "admin");
    }
    return code;
}

static void start_down(struct start *s)
{
    admin_stop(s->admin);
    for (size_t i = START_ROLE_COUNT; i-- > 0;) {
        if (s->handles[i] != NULL) {
            start_roles[i].stop(s->handles[i]);
        }
        logger_destroy(s->loggers[i]);
    }
    metrics_destroy(s->metrics);
    logger_destroy(s->root);
    conf_destroy(s->conf);
}

/*
 * All roles start before any is waited for, because each waits for the same cluster. Listeners are
 * open by now and say 503; a cluster that is away is not waited for longer than this.
 */
#define START_READY_WAIT_MS 5000

static void start_announce(struct start *s, int64_t begin_ns)
{
    const char *waiting = start_wait(s, START_READY_WAIT_MS);
    int64_t ms = (clock_mono_ns(clock_system()) - begin_ns) / 1000000;
    if (waiting == NULL) {
        (void)printf("weir is ready in %" PRId64 " ms; data in %s\n", ms, s->ctx.data_dir);
    } else {
        (void)printf("weir is started; %s still waits for the Kafka cluster at %s, see the log\n",
                     waiting, s->ctx.bootstrap_servers);
    }
    (void)fflush(stdout);
}

/* Signals are taken by this thread alone: it blocks them before any other thread exists. */
static void start_block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static int start_run(struct start *s, struct err *e)
{
    sigset_t signals;
    start_block_signals(&signals);
    int64_t begin_ns = clock_mono_ns(clock_system());
    if (start_up(s, e) != ERR_OK) {
        return 1;
    }
    (void)fflush(stdout);
    start_announce(s, begin_ns);
    int got = 0;
    (void)sigwait(&signals, &got);
    logger_info(s->root, "stopping", "signal=%d", got);
    return 0;
}

static int start_main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            struct buf out;
            buf_init(&out, (size_t)1 << 20);
            command_print_help(&start_command, "weir start", &out);
            const char *text = buf_text(&out);
            (void)fputs(text != NULL ? text : "", stdout);
            buf_deinit(&out);
            return 0;
        }
    }
    struct err e = {.code = ERR_OK};
    size_t count = 0;
    const struct conf_option *options = start_options(&count);
    struct start s = {.conf = conf_create(options, count), .metrics = metrics_create()};
    int code = 1;
    enum logger_level level = LOGGER_INFO;
    if (s.conf == NULL || s.metrics == NULL) {
        code = cli_fail("out of memory");
    } else if (start_load(s.conf, argc, argv, &e) != ERR_OK ||
               logger_level_parse(conf_text(s.conf, "log.level"), &level, &e) != ERR_OK) {
        code = 1;
    } else {
        s.root = logger_create("weir", level, NULL, NULL);
        code = start_run(&s, &e);
    }
    start_down(&s);
    /* Last, so that it is not lost among the events of stopping what had started. */
    return code != 0 && e.code != ERR_OK ? cli_fail_err(&e) : code;
}

const struct command start_command = {
    .name = "start",
    .summary = "Run the broker, the schema registry, the Connect worker and stream processors",
    .details =
        "Everything listens on loopback unless told otherwise. SIGINT or SIGTERM stops it cleanly.",
    .run_raw = start_main,
    .more_help = start_help,
};
