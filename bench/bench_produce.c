/*
 * One librdkafka producer with acks=all.
 *   bench_produce BROKERS TOPIC RECORD_BYTES COUNT        as fast as possible
 *   bench_produce BROKERS TOPIC RECORD_BYTES COUNT RATE   COUNT records at RATE per second
 * The first prints "MB_per_s records_per_s", the second "P50_ms P99_ms".
 *
 * With a rate, one thread sleeps until the next record is due and another one takes the reports:
 * spinning instead would take a processor away from the broker that is being measured.
 */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <string.h>

#include "bench/stats.h"

static struct stats latencies;
static size_t acknowledged;
static size_t failed;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed++;
    }
    acknowledged++;
    int64_t sent = (int64_t)(intptr_t)message->_private;
    if (sent != 0) {
        stats_add(&latencies, stats_now_ns() - sent);
    }
}

static rd_kafka_t *producer(const char *brokers, int paced)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const properties[][2] = {
        {"bootstrap.servers", brokers},
        {"acks", "all"},
        {"linger.ms", paced ? "0" : "5"},
        {"batch.num.messages", "10000"},
        {"batch.size", "1000000"},
        {"queue.buffering.max.messages", "1000000"},
        {"queue.buffering.max.kbytes", "1048576"},
        {"topic.metadata.refresh.sparse", "true"},
    };
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1], text, sizeof text) !=
            RD_KAFKA_CONF_OK) {
            (void)fprintf(stderr, "%s\n", text);
            exit(1);
        }
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (rk == NULL) {
        (void)fprintf(stderr, "%s\n", text);
        exit(1);
    }
    return rk;
}

static void send_one(rd_kafka_t *rk, rd_kafka_topic_t *topic, char *data, size_t size,
                     int64_t stamp)
{
    while (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, data, size, NULL, 0,
                            (void *)(intptr_t)stamp) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            (void)fprintf(stderr, "produce: %s\n", rd_kafka_err2str(rd_kafka_last_error()));
            exit(1);
        }
        (void)rd_kafka_poll(rk, 10);
    }
}

static void wait_for_all(rd_kafka_t *rk, size_t count)
{
    int64_t deadline = stats_now_ns() + (int64_t)120 * 1000000000;
    while (acknowledged < count && stats_now_ns() < deadline) {
        (void)rd_kafka_poll(rk, 10);
    }
    if (acknowledged < count || failed > 0) {
        (void)fprintf(stderr, "%zu of %zu acknowledged, %zu failed\n", acknowledged, count, failed);
        exit(1);
    }
}

static void send_all(rd_kafka_t *rk, rd_kafka_topic_t *topic, char *data, size_t size, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        send_one(rk, topic, data, size, 0);
        if (i % 1000 == 0) {
            (void)rd_kafka_poll(rk, 0);
        }
    }
    wait_for_all(rk, count + 1);
}

struct reports {
    rd_kafka_t *rk;
    size_t count;
};

static void *take_reports(void *arg)
{
    const struct reports *reports = arg;
    wait_for_all(reports->rk, reports->count);
    return NULL;
}

static void send_paced(rd_kafka_t *rk, rd_kafka_topic_t *topic, char *data, size_t size,
                       size_t count, int64_t rate)
{
    struct reports reports = {rk, count + 1};
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_reports, &reports) != 0) {
        (void)fprintf(stderr, "cannot start a thread\n");
        exit(1);
    }
    int64_t begin = stats_now_ns();
    for (size_t i = 0; i < count; i++) {
        int64_t due = begin + (int64_t)i * 1000000000 / rate;
        struct timespec at = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
        }
        send_one(rk, topic, data, size, stats_now_ns());
    }
    (void)pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        (void)fprintf(stderr, "usage: bench_produce BROKERS TOPIC RECORD_BYTES COUNT [RATE]\n");
        return 2;
    }
    size_t size = strtoull(argv[3], NULL, 10);
    size_t count = strtoull(argv[4], NULL, 10);
    int64_t rate = argc == 6 ? strtoll(argv[5], NULL, 10) : 0;
    rd_kafka_t *rk = producer(argv[1], rate > 0);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
    char *data = malloc(size);
    latencies = stats_create(count + 1);
    memset(data, 'x', size);
    /* The first record pays for connection and metadata; it is not counted. */
    send_one(rk, topic, data, size, 0);
    wait_for_all(rk, 1);
    int64_t begin = stats_now_ns();
    if (rate > 0) {
        send_paced(rk, topic, data, size, count, rate);
    } else {
        send_all(rk, topic, data, size, count);
    }
    double seconds = (double)(stats_now_ns() - begin) / 1e9;
    if (rate > 0) {
        (void)printf("%.3f %.3f\n", stats_percentile_ms(&latencies, 50),
                     stats_percentile_ms(&latencies, 99));
    } else {
        (void)printf("%.1f %.0f\n", (double)(size * count) / 1e6 / seconds,
                     (double)count / seconds);
    }
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    free(data);
    free(latencies.samples_ns);
    return 0;
}
