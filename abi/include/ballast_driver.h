/* The contract between Ballast and its drivers, for C: abi/src/c.rs by cbindgen (abi/cbindgen.toml); a test compares. drivers/README.md
 * says what a driver promises, and proto/lbaas/driver/v1/driver.proto what the messages are. */
#ifndef BALLAST_DRIVER_H
#define BALLAST_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#define BALLAST_ABI_MAJOR 1
#define BALLAST_ABI_MINOR 6
#define BALLAST_ABI_TEXT "1.6"

#ifdef __cplusplus
extern "C" {
#endif

/*
 Nothing -> Capabilities. Asked once after each start.
 */
#define BALLAST_CAPABILITIES 1

/*
 DeployRequest -> DeployReply
 */
#define BALLAST_DEPLOY 2

/*
 UndeployRequest -> UndeployReply
 */
#define BALLAST_UNDEPLOY 3

/*
 ObserveRequest -> ObserveReply
 */
#define BALLAST_OBSERVE 4

/*
 Nothing -> DeployedReply
 */
#define BALLAST_DEPLOYED 5

/*
 DeployRequest -> Preview
 */
#define BALLAST_PREVIEW 6

/*
 SecretsRequest -> SecretsReply
 */
#define BALLAST_TAKE_SECRETS 7

/*
 A defect, or anything that no other code says.
 */
#define BALLAST_INTERNAL 1

/*
 The driver's section of the configuration is wrong. Nothing helps but another configuration.
 */
#define BALLAST_INVALID_CONFIG 2

/*
 The driver or its device cannot do this, ever; or it does not know the method.
 */
#define BALLAST_UNSUPPORTED 3

/*
 The load balancer is not deployed.
 */
#define BALLAST_NOT_FOUND 4

/*
 The device does not answer; it may later.
 */
#define BALLAST_UNAVAILABLE 5

/*
 The device is at work on something else; it will be free soon.
 */
#define BALLAST_BUSY 6

/*
 The request itself makes no sense.
 */
#define BALLAST_INVALID_ARGUMENT 8

/*
 Bytes of the caller's, good until the call returns. Text is UTF-8, and has no 0 at its end. With a length of 0 the pointer may be
 null.
 */
typedef struct ballast_bytes {
  const uint8_t *data;
  size_t length;
} ballast_bytes;

/*
 Bytes of the driver's. The agent copies them and gives them back with `release`, once, unless `data` is null.
 */
typedef struct ballast_buffer {
  uint8_t *data;
  size_t length;
} ballast_buffer;

/*
 A field of a log record.
 */
typedef struct ballast_log_field {
  struct ballast_bytes key;
  struct ballast_bytes value;
} ballast_log_field;

/*
 What a driver is made with. It is good until `create` returns; `log_context` and the two functions are good until `destroy`
 returns, from any thread.
 */
typedef struct ballast_host {
  /*
   Of this structure, as the agent knows it: what stands behind it is not there.
   */
  size_t size;
  /*
   The name of the agent's host.
   */
  struct ballast_bytes agent_id;
  /*
   The driver's own section of the agent's configuration: a JSON object, `{}` where there is none.
   */
  struct ballast_bytes config;
  /*
   The only directory in which the driver may write: an absolute path. It exists, and lasts.
   */
  struct ballast_bytes state_dir;
  void *log_context;
  /*
   Whether a record of this level (1 error, 2 warn, 3 info, 4 debug, 5 trace) would be kept: 1 or 0.
   */
  uint8_t (*log_enabled)(void *context, uint32_t level, struct ballast_bytes target);
  /*
   Takes one record, and does not block.
   */
  void (*log)(void *context,
              uint32_t level,
              struct ballast_bytes target,
              struct ballast_bytes message,
              const struct ballast_log_field *fields,
              size_t fields_length);
} ballast_host;

/*
 A driver. No function of it may unwind or throw, and none of the pointers may be null.
 */
typedef struct ballast_table {
  /*
   Of this structure, as the driver knows it: what stands behind it is not there.
   */
  size_t size;
  /*
   Of the ABI that it was written for: BALLAST_ABI_MAJOR and BALLAST_ABI_MINOR.
   */
  uint32_t abi_major;
  uint32_t abi_minor;
  /*
   As in the note, each with a 0 at its end.
   */
  const char *name;
  const char *version;
  /*
   Makes the driver; called once in a process. It must not change what the device runs. 0 and a driver; or an error (see
   `call`).
   */
  uint32_t (*create)(const struct ballast_host *host, void **driver, struct ballast_buffer *error);
  /*
   Calls a method, from several threads at once; one load balancer's deploys do not overlap. It blocks. `request` and `reply`
   are the messages of lbaas.driver.v1 that stand with the method. Returns 0; or one of the error codes, and in `reply` a
   Fault, or nothing. A method that the driver does not know is BALLAST_UNSUPPORTED, with nothing in `reply`.
   */
  uint32_t (*call)(void *driver, uint32_t method, struct ballast_bytes request, struct ballast_buffer *reply);
  /*
   The process is about to end. What is deployed stays so. Called once at most; no call begins after it, but one that hangs may
   still run.
   */
  void (*destroy)(void *driver);
  /*
   Takes a buffer back.
   */
  void (*release)(struct ballast_buffer buffer);
} ballast_table;

/* What a driver exports, and nothing else: compile with -fvisibility=hidden. It is called once, and what it returns lives as long
 * as the process. */
__attribute__((visibility("default"))) const ballast_table *ballast_driver(void);

/* Once in a driver: who it is, readable without loading it. NAME is of a-z, 0-9, '-' and '_', 64 at most; VERSION has no blanks, 32
 * at most. NEEDS: "nothing" (the network, its state directory, and files that its configuration names), or "netns" (to make
 * network namespaces and processes in them as well). */
#define BALLAST_DRIVER_NOTE(NAME, VERSION, NEEDS)                                                                      \
  static const struct {                                                                                                \
    uint32_t owner_length, content_length, kind;                                                                       \
    char owner[8], content[160];                                                                                       \
  } ballast_driver_note __attribute__((section(".note.ballast"), used, aligned(4))) = {                                \
      8, 160, 1, "BALLAST", "abi=" BALLAST_ABI_TEXT " name=" NAME " version=" VERSION " needs=" NEEDS}

#ifdef __cplusplus
}
#endif

#endif
