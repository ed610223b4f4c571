/* A driver without a device, whose answers are bytes that are written out: what the loader does with a table of C functions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast_driver.h"

#ifndef NO_NOTE
BALLAST_DRIVER_NOTE("c-test", "1.2", "nothing");
#endif

static ballast_host host;
static char agent[64], folder[64], config[64];

static void keep(char *to, ballast_bytes from) {
  memcpy(to, from.data, from.length);
  to[from.length] = 0;
}

static void say(uint32_t level, const char *message) {
  static const char target[] = "c_test";
  ballast_log_field field = {{(const uint8_t *)"config", 6}, {(const uint8_t *)config, strlen(config)}};
  ballast_bytes from = {(const uint8_t *)target, strlen(target)};
  ballast_bytes text = {(const uint8_t *)message, strlen(message)};
  if (host.log_enabled(host.log_context, level, from))
    host.log(host.log_context, level, from, text, &field, 1);
}

static uint32_t create(const ballast_host *given, void **driver, ballast_buffer *error) {
  (void)error;
  host = *given;
  keep(agent, given->agent_id);
  keep(folder, given->state_dir);
  keep(config, given->config);
  if (strstr(config, "refuse"))
    return BALLAST_INVALID_CONFIG;
  char message[256];
  snprintf(message, sizeof message, "made for %s in %s", agent, folder);
  say(3, message);
  say(4, "nobody wants to know");
  *driver = &host;
  return 0;
}

static void answer(ballast_buffer *reply, const char *bytes, size_t length) {
  reply->data = malloc(length);
  reply->length = length;
  memcpy(reply->data, bytes, length);
}

static int has(ballast_bytes request, const char *word) {
  for (size_t at = 0; at + strlen(word) <= request.length; at++)
    if (memcmp(request.data + at, word, strlen(word)) == 0)
      return 1;
  return 0;
}

static uint32_t call(void *driver, uint32_t method, ballast_bytes request, ballast_buffer *reply) {
  if (driver != &host)
    abort();
  switch (method) {
  case BALLAST_CAPABILITIES:
    /* features = ["protocol:TCP", "lb_method:ROUND_ROBIN"] */
    answer(reply, "\x0a\x0cprotocol:TCP\x0a\x15lb_method:ROUND_ROBIN", 37);
    return 0;
  case BALLAST_DEPLOY:
    if (has(request, "busy")) {
      /* code = 6, retryable, message = "it is busy" */
      answer(reply, "\x08\x06\x10\x01\x1a\x0ait is busy", 16);
      return BALLAST_BUSY;
    }
    return 0;
  case BALLAST_UNDEPLOY:
  case BALLAST_OBSERVE:
  case BALLAST_DEPLOYED:
    return 0;
  default:
    return BALLAST_UNSUPPORTED;
  }
}

static void destroy(void *driver) {
  if (driver != &host)
    abort();
  say(3, "ended");
}

static void give_back(ballast_buffer buffer) { free(buffer.data); }

#ifdef LONGER_TABLE
/* As a later minor may have it. */
static const struct {
  ballast_table known;
  void (*later)(void);
} later = {{sizeof later, BALLAST_ABI_MAJOR, BALLAST_ABI_MINOR, "c-test", "1.2", create, call, destroy, give_back}, NULL};
#endif

static const ballast_table table = {
#ifdef SHORT_TABLE
    16,
#else
    sizeof(ballast_table),
#endif
    BALLAST_ABI_MAJOR,
    BALLAST_ABI_MINOR,
#ifdef OTHER_NAME
    "somebody",
#else
    "c-test",
#endif
    "1.2",
    create,
#ifdef NO_CALL
    NULL,
#else
    call,
#endif
    destroy,
    give_back,
};

#ifdef NO_EXPORT
#define ballast_driver hidden
__attribute__((unused)) static
#endif
const ballast_table *ballast_driver(void) {
  (void)table;
  (void)call;
#ifdef NO_TABLE
  return NULL;
#elif defined(LONGER_TABLE)
  return &later.known;
#else
  return &table;
#endif
}
