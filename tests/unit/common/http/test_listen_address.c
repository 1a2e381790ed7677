#include "listen_address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

Test(listen_address, is_an_address_and_a_port_out_of_strangers_reach, .timeout = 5)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        { "127.0.0.1:9100", true }, { "127.9.9.9:0", true }, { "[::1]:9100", true }, { "10.1.2.3:1", true },
        { "172.16.0.1:1", true },
        { "172.31.255.255:65535", true }, { "192.168.1.1:1", true }, { "169.254.1.1:1", true }, { "100.64.0.1:1", true },
        { "[fd00::1]:1", true },
        { "[fe80::1]:1", true }, { "0.0.0.0:9100", true }, { "[::]:9100", true }, { "[::ffff:127.0.0.1]:1", true },
        { "8.8.8.8:9100", false }, { "172.32.0.1:1", false }, { "192.169.0.1:1", false }, { "100.128.0.1:1", false },
        { "[2001:db8::1]:1", false },
        { "", false }, { ":", false }, { ":9100", false }, { "9100", false }, { "127.0.0.1", false }, { "127.0.0.1:", false },
        { "127.0.0.1:65536", false },
        { "127.0.0.1:+1", false }, { "127.0.0.1: 1", false }, { "127.0.0.1:1 ", false }, { "127.0.0.1:123456", false },
        { "localhost:9100", false },
        { "::1:9100", false }, { "[::1]", false }, { "[::1]9100", false }, { "[127.0.0.1]:1", false }, { "[]:1", false },
        { "127.1:1", false },
        { "[fe80::1%eth0]:1", false },
    };
    struct buffer why;

    buffer_init(&why, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sockaddr_storage address;
        socklen_t len;

        buffer_reset(&why);
        enum result r = listen_address_parse(cases[i].text, &address, &len, &why);
        cr_assert_eq(r, cases[i].valid ? RESULT_OK : RESULT_BAD_CONFIG, "%s", cases[i].text);
        cr_assert_eq(why.len > 0, !cases[i].valid);
    }
    buffer_free(&why);
}

Test(listen_address, one_in_use_is_told, .timeout = 5)
{
    struct sockaddr_in in;
    socklen_t len = sizeof(in);
    struct buffer why;
    char text[32];
    int first, second;

    buffer_init(&why, 4096);
    cr_assert_eq(listen_address_open("127.0.0.1:0", &first, &why), RESULT_OK);
    cr_assert_eq(getsockname(first, (struct sockaddr *)&in, &len), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%d", ntohs(in.sin_port));
    cr_assert_eq(listen_address_open(text, &second, &why), RESULT_BAD_CONFIG);
    cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
    cr_assert_not_null(strstr((char *)why.data, "in use"), "%s", (char *)why.data);
    close(first);
    buffer_free(&why);
}
