/* A driver in C: a load balancer becomes a file of nginx's `stream` module, which an nginx includes.
 *
 * To make it yours, change `render` to what your device understands, `capabilities` to what you render, and `put` to how the device is
 * told. Nothing is kept in memory: the files are the truth, and a process that is killed leaves the old file or the new one. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ballast_driver.h"
#include "lbaas/driver/v1/driver.pb-c.h"

BALLAST_DRIVER_NOTE("c-example", "1.0.0", "nothing");

/* What the messages are called here. */
typedef Lbaas__Driver__V1__LoadBalancer LoadBalancer;
typedef Lbaas__Driver__V1__Listener Listener;
typedef Lbaas__Driver__V1__Pool Pool;
typedef Lbaas__Driver__V1__Member Member;
typedef Lbaas__Driver__V1__Fault Fault;

struct driver {
  ballast_host host;
  char directory[4096];
};

/* -- answers ---------------------------------------------------------------------------------------------------------- */

static uint32_t answer(ballast_buffer *reply, const ProtobufCMessage *message) {
  reply->length = protobuf_c_message_get_packed_size(message);
  reply->data = malloc(reply->length ? reply->length : 1);
  if (!reply->data)
    abort();
  protobuf_c_message_pack(message, reply->data);
  return 0;
}

/* The message is for the tenant, the detail for the operator: neither may hold a password. */
static uint32_t refuse(ballast_buffer *reply, uint32_t code, const char *message, const char *detail) {
  Fault fault = LBAAS__DRIVER__V1__FAULT__INIT;
  fault.code = code;
  fault.retryable = code == BALLAST_UNAVAILABLE || code == BALLAST_BUSY;
  fault.message = (char *)message;
  fault.detail = (char *)detail;
  answer(reply, &fault.base);
  return code;
}

static uint32_t unavailable(ballast_buffer *reply) {
  return refuse(reply, BALLAST_UNAVAILABLE, "the files of the driver cannot be used", strerror(errno));
}

static uint32_t undecodable(ballast_buffer *reply) {
  return refuse(reply, BALLAST_INVALID_ARGUMENT, "the request could not be decoded", "");
}

/* -- text ------------------------------------------------------------------------------------------------------------- */

struct text {
  char *bytes;
  size_t length, room;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int more = vsnprintf(NULL, 0, format, values);
  va_end(values);
  if (text->length + more + 1 > text->room) {
    text->room = (text->length + more + 1) * 2;
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes)
      abort();
  }
  va_start(values, format);
  text->length += vsnprintf(text->bytes + text->length, more + 1, format, values);
  va_end(values);
}

/* -- files ------------------------------------------------------------------------------------------------------------ */

/* An id has only letters, digits, '-' and '_': the agent has seen to it. */
static void file(const struct driver *driver, char *to, size_t room, const char *id, const char *kind) {
  if ((size_t)snprintf(to, room, "%s/%s.%s", driver->directory, id, kind) >= room)
    abort();
}

/* A reader or a crash meets the old file or the new one, never half of one. */
static int put(const struct driver *driver, const char *id, const struct text *text) {
  char unfinished[4300], whole[4300];
  file(driver, unfinished, sizeof unfinished, id, "new");
  file(driver, whole, sizeof whole, id, "conf");
  FILE *to = fopen(unfinished, "we");
  if (!to)
    return -1;
  int written = fwrite(text->bytes, 1, text->length, to) == text->length;
  written &= fflush(to) == 0 && fsync(fileno(to)) == 0;
  written &= fclose(to) == 0;
  return written ? rename(unfinished, whole) : -1;
}

static int take_away(const struct driver *driver, const char *id, const char *kind) {
  char path[4300];
  file(driver, path, sizeof path, id, kind);
  return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* That of the file, from its first line; 0: it cannot be read. */
static uint64_t generation_of(const struct driver *driver, const char *id) {
  char path[4300];
  unsigned long long generation = 0;
  file(driver, path, sizeof path, id, "conf");
  FILE *from = fopen(path, "re");
  if (!from)
    return 0;
  if (fscanf(from, "# generation %llu\n", &generation) != 1)
    generation = 0;
  fclose(from);
  return generation;
}

static int is_there(const struct driver *driver, const char *id) {
  char path[4300];
  file(driver, path, sizeof path, id, "conf");
  return access(path, F_OK) == 0;
}

/* The ids of all that is deployed; its length, or -1. */
static int deployed_ids(const struct driver *driver, char ***ids) {
  DIR *folder = opendir(driver->directory);
  if (!folder)
    return -1;
  int count = 0, room = 0;
  *ids = NULL;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char *end = strrchr(entry->d_name, '.');
    if (!end || strcmp(end, ".conf") != 0)
      continue;
    if (count == room) {
      room = room ? room * 2 : 16;
      *ids = realloc(*ids, room * sizeof **ids);
      if (!*ids)
        abort();
    }
    (*ids)[count++] = strndup(entry->d_name, end - entry->d_name);
  }
  closedir(folder);
  return count;
}

static void free_ids(char **ids, int count) {
  for (int at = 0; at < count; at++)
    free(ids[at]);
  free(ids);
}

/* -- what is rendered ------------------------------------------------------------------------------------------------- */

/* Only numbers, ids and addresses that have been read as such get into the file, and nothing that a tenant has typed. */
static int socket_text(struct text *text, const char *address, uint32_t port) {
  unsigned char number[16];
  if (port > 65535)
    return -1;
  if (inet_pton(AF_INET, address, number) == 1)
    add(text, "%s:%u", address, port);
  else if (inet_pton(AF_INET6, address, number) == 1)
    add(text, "[%s]:%u", address, port);
  else
    return -1;
  return 0;
}

static int is_id(const char *id) {
  const char *sound = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return *id && id[strspn(id, sound)] == 0;
}

static int render_pool(struct text *text, const Pool *pool) {
  if (!is_id(pool->id))
    return -1;
  add(text, "upstream %s {\n", pool->id);
  if (pool->lb_method == LBAAS__DRIVER__V1__LB_METHOD__LB_METHOD_LEAST_CONNECTIONS)
    add(text, "    least_conn;\n");
  for (size_t at = 0; at < pool->n_members; at++) {
    const Member *member = pool->members[at];
    add(text, "    server ");
    if (socket_text(text, member->address, member->protocol_port))
      return -1;
    if (member->admin_state_up && member->weight > 0)
      add(text, " weight=%u;\n", member->weight);
    else
      add(text, " down;\n");
  }
  add(text, "}\n");
  return 0;
}

/* One pool and one listener: it declares no other shape. */
static int render(struct text *text, const LoadBalancer *asked, uint64_t generation) {
  add(text, "# generation %llu\n", (unsigned long long)generation);
  const Pool *pool = asked->n_pools ? asked->pools[0] : NULL;
  if (pool && render_pool(text, pool))
    return -1;
  const Listener *listener = asked->n_listeners ? asked->listeners[0] : NULL;
  if (!asked->vip || !asked->admin_state_up || !listener || !listener->admin_state_up)
    return 0;
  add(text, "server {\n    listen ");
  if (socket_text(text, asked->vip->address, listener->protocol_port))
    return -1;
  /* nginx refuses to pass to a group without servers. */
  if (pool && pool->admin_state_up && pool->n_members)
    add(text, ";\n    proxy_pass %s;\n}\n", pool->id);
  else
    add(text, ";\n    return \"\";\n}\n");
  return 0;
}

/* -- methods ---------------------------------------------------------------------------------------------------------- */

static uint32_t capabilities(ballast_buffer *reply) {
  char *features[] = {"protocol:TCP", "lb_method:ROUND_ROBIN", "lb_method:LEAST_CONNECTIONS", "ipv6"};
  Lbaas__Driver__V1__Capabilities can = LBAAS__DRIVER__V1__CAPABILITIES__INIT;
  can.features = features;
  can.n_features = sizeof features / sizeof *features;
  return answer(reply, &can.base);
}

/* What is asked for and not rendered is said of that object, and the rest runs. */
static uint32_t deployed_with_faults(const LoadBalancer *asked, ballast_buffer *reply) {
  Lbaas__Driver__V1__DeployReply done = LBAAS__DRIVER__V1__DEPLOY_REPLY__INIT;
  Lbaas__Driver__V1__ObjectFault limited = LBAAS__DRIVER__V1__OBJECT_FAULT__INIT, *faults[] = {&limited};
  Fault fault = LBAAS__DRIVER__V1__FAULT__INIT;
  if (asked->n_listeners && asked->listeners[0]->connection_limit >= 0) {
    fault.code = BALLAST_UNSUPPORTED;
    fault.message = "it runs without a connection limit";
    limited.object_id = asked->listeners[0]->id;
    limited.fault = &fault;
    done.faults = faults;
    done.n_faults = 1;
  }
  return answer(reply, &done.base);
}

static uint32_t deploy(const struct driver *driver, ballast_bytes request, ballast_buffer *reply) {
  Lbaas__Driver__V1__DeployRequest *asked =
      lbaas__driver__v1__deploy_request__unpack(NULL, request.length, request.data);
  if (!asked || !asked->load_balancer)
    return undecodable(reply);
  struct text text = {0};
  uint32_t status;
  if (render(&text, asked->load_balancer, asked->generation))
    status = refuse(reply, BALLAST_INVALID_ARGUMENT, "an id or an address is none", "");
  else if (put(driver, asked->load_balancer->id, &text))
    status = unavailable(reply);
  else
    status = deployed_with_faults(asked->load_balancer, reply);
  free(text.bytes);
  lbaas__driver__v1__deploy_request__free_unpacked(asked, NULL);
  return status;
}

static uint32_t undeploy(const struct driver *driver, ballast_bytes request, ballast_buffer *reply) {
  Lbaas__Driver__V1__UndeployRequest *asked =
      lbaas__driver__v1__undeploy_request__unpack(NULL, request.length, request.data);
  if (!asked)
    return undecodable(reply);
  int gone = !take_away(driver, asked->load_balancer_id, "conf") && !take_away(driver, asked->load_balancer_id, "new");
  lbaas__driver__v1__undeploy_request__free_unpacked(asked, NULL);
  /* An empty reply is an empty message. */
  return gone ? 0 : unavailable(reply);
}

/* nginx counts nothing for us, and members whose health is unknown are left out. */
static uint32_t observed(char **ids, size_t count, ballast_buffer *reply) {
  Lbaas__Driver__V1__ObserveReply all = LBAAS__DRIVER__V1__OBSERVE_REPLY__INIT;
  Lbaas__Driver__V1__Statistics none = LBAAS__DRIVER__V1__STATISTICS__INIT;
  Lbaas__Driver__V1__Observation *each = calloc(count + 1, sizeof *each);
  all.observations = calloc(count + 1, sizeof *all.observations);
  if (!each || !all.observations)
    abort();
  for (all.n_observations = 0; all.n_observations < count; all.n_observations++) {
    Lbaas__Driver__V1__Observation *one = each + all.n_observations;
    lbaas__driver__v1__observation__init(one);
    one->load_balancer_id = ids[all.n_observations];
    one->statistics = &none;
    all.observations[all.n_observations] = one;
  }
  answer(reply, &all.base);
  free(each);
  free(all.observations);
  return 0;
}

static uint32_t observe(const struct driver *driver, ballast_bytes request, ballast_buffer *reply) {
  Lbaas__Driver__V1__ObserveRequest *asked =
      lbaas__driver__v1__observe_request__unpack(NULL, request.length, request.data);
  if (!asked)
    return undecodable(reply);
  uint32_t status = 0;
  for (size_t at = 0; at < asked->n_load_balancer_ids && !status; at++)
    if (!is_there(driver, asked->load_balancer_ids[at]))
      status = refuse(reply, BALLAST_NOT_FOUND, "the load balancer is not deployed", asked->load_balancer_ids[at]);
  if (!status && asked->n_load_balancer_ids) {
    status = observed(asked->load_balancer_ids, asked->n_load_balancer_ids, reply);
  } else if (!status) {
    char **ids;
    int count = deployed_ids(driver, &ids);
    status = count < 0 ? unavailable(reply) : observed(ids, count, reply);
    if (count >= 0)
      free_ids(ids, count);
  }
  lbaas__driver__v1__observe_request__free_unpacked(asked, NULL);
  return status;
}

static uint32_t deployed(const struct driver *driver, ballast_buffer *reply) {
  char **ids;
  int count = deployed_ids(driver, &ids);
  if (count < 0)
    return unavailable(reply);
  Lbaas__Driver__V1__DeployedReply all = LBAAS__DRIVER__V1__DEPLOYED_REPLY__INIT;
  Lbaas__Driver__V1__Deployed *each = calloc(count + 1, sizeof *each);
  all.deployed = calloc(count + 1, sizeof *all.deployed);
  if (!each || !all.deployed)
    abort();
  for (int at = 0; at < count; at++) {
    lbaas__driver__v1__deployed__init(each + at);
    each[at].load_balancer_id = ids[at];
    each[at].generation = generation_of(driver, ids[at]);
    all.deployed[all.n_deployed++] = each + at;
  }
  answer(reply, &all.base);
  free(each);
  free(all.deployed);
  free_ids(ids, count);
  return 0;
}

/* -- the table -------------------------------------------------------------------------------------------------------- */

static void say(const struct driver *driver, uint32_t level, const char *message) {
  ballast_bytes target = {(const uint8_t *)"c_example", 9};
  ballast_bytes text = {(const uint8_t *)message, strlen(message)};
  if (driver->host.log_enabled(driver->host.log_context, level, target))
    driver->host.log(driver->host.log_context, level, target, text, NULL, 0);
}

static uint32_t create(const ballast_host *host, void **made, ballast_buffer *error) {
  /* It has no settings. One that has reads JSON here. */
  if (host->config.length != 2 || memcmp(host->config.data, "{}", 2) != 0)
    return refuse(error, BALLAST_INVALID_CONFIG, "c-example has no settings", "");
  struct driver *driver = calloc(1, sizeof *driver);
  if (!driver || host->state_dir.length >= sizeof driver->directory)
    return refuse(error, BALLAST_INTERNAL, "the state directory's name is too long", "");
  driver->host = *host;
  memcpy(driver->directory, host->state_dir.data, host->state_dir.length);
  say(driver, 3, "c-example is ready");
  *made = driver;
  return 0;
}

static uint32_t call(void *made, uint32_t method, ballast_bytes request, ballast_buffer *reply) {
  const struct driver *driver = made;
  switch (method) {
  case BALLAST_CAPABILITIES:
    return capabilities(reply);
  case BALLAST_DEPLOY:
    return deploy(driver, request, reply);
  case BALLAST_UNDEPLOY:
    return undeploy(driver, request, reply);
  case BALLAST_OBSERVE:
    return observe(driver, request, reply);
  case BALLAST_DEPLOYED:
    return deployed(driver, reply);
  default:
    /* BALLAST_PREVIEW, BALLAST_TAKE_SECRETS, and what is not known yet. */
    return BALLAST_UNSUPPORTED;
  }
}

/* Calls that hang may still run: nothing is freed. */
static void destroy(void *made) { say(made, 3, "c-example ends"); }

static void release(ballast_buffer buffer) { free(buffer.data); }

static const ballast_table table = {
    .size = sizeof table,
    .abi_major = BALLAST_ABI_MAJOR,
    .abi_minor = BALLAST_ABI_MINOR,
    .name = "c-example",
    .version = "1.0.0",
    .create = create,
    .call = call,
    .destroy = destroy,
    .release = release,
};

const ballast_table *ballast_driver(void) { return &table; }
