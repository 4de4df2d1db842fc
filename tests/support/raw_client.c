#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/support/test.h"

int raw_client_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval deadline = {.tv_sec = RAW_CLIENT_DEADLINE_MS / 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline), 0);
    int one = 1;
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void raw_client_close(int socket)
{
    assert_int_equal(close(socket), 0);
}

bool raw_client_send(int socket, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t n = send(socket, at, len, MSG_NOSIGNAL);
        if (n < 0) {
            assert_int_not_equal(errno, EAGAIN); /* the deadline */
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool raw_client_send_frame(int socket, struct bytes frame)
{
    uint8_t head[4] = {(uint8_t)(frame.len >> 24), (uint8_t)(frame.len >> 16),
                       (uint8_t)(frame.len >> 8), (uint8_t)frame.len};
    return raw_client_send(socket, head, sizeof head) &&
           raw_client_send(socket, frame.data, frame.len);
}

/* False at the end of the stream. */
static bool raw_client_read(int socket, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(socket, out, len, 0);
        if (n < 0) {
            assert_int_not_equal(errno, EAGAIN); /* the deadline */
        }
        if (n <= 0) {
            return false;
        }
        out += n;
        len -= (size_t)n;
    }
    return true;
}

bool raw_client_read_frame(int socket, struct buf *out)
{
    uint8_t head[4];
    if (!raw_client_read(socket, head, sizeof head)) {
        return false;
    }
    uint32_t len =
        (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
    uint8_t *at = buf_reserve(out, len);
    assert_non_null(at);
    if (!raw_client_read(socket, at, len)) {
        return false;
    }
    buf_commit(out, len);
    return true;
}

void raw_client_expect_closed(int socket)
{
    uint8_t chunk[4096];
    ssize_t n = 0;
    do {
        n = recv(socket, chunk, sizeof chunk, 0);
    } while (n > 0);
    if (n < 0) {
        assert_int_equal(errno, ECONNRESET);
    }
}

void raw_client_end_input(int socket)
{
    assert_int_equal(shutdown(socket, SHUT_WR), 0);
}

void raw_client_header(struct buf *frame, int16_t key, int16_t version, int32_t correlation_id)
{
    buf_append_be16(frame, (uint16_t)key);
    buf_append_be16(frame, (uint16_t)version);
    buf_append_be32(frame, (uint32_t)correlation_id);
    buf_append_be16(frame, 4);
    buf_append_text(frame, "test");
}
