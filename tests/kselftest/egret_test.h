/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What the tests of the driver's interface share.
 *
 * They speak to the ioctls themselves, with nothing of libaccel between. Each
 * test of a program runs in a process of its own with a time limit, and after each
 * the card's memory in use must be what it was before: whatever a test leaves
 * open when it ends, the driver has to clean up.
 *
 * A test fails by exiting with a status that is not 0, which the CHECK macros do.
 */
#ifndef EGRET_TEST_H
#define EGRET_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drm/egret_accel.h>
#include <egret/fault.h>
#include <egret/mmu.h>
#include <egret/packet.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define KiB		1024ULL
#define MiB		(1024 * KiB)
#define PAGE		(4 * KiB)
#define LARGE_PAGE	(2 * MiB)

/* An address for bindings, aligned to large pages and far from anything else. */
#define TEST_VA		0x200000000000ULL

struct test {
	const char *name;
	void (*run)(void);
	/* Seconds; 0 for the default. */
	unsigned int timeout;
};

#define TEST(name_, run_)		{ .name = name_, .run = run_ }
#define TEST_LONG(name_, run_, seconds)	{ .name = name_, .run = run_, .timeout = seconds }

int test_main(const struct test *tests, unsigned int count);
void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void test_skip(const char *why) __attribute__((noreturn));
/* How much longer things may take than usual: with a debug kernel. */
unsigned int test_slow(void);

#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			test_fail(__FILE__, __LINE__, "%s", #condition);	\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		long long a_ = (long long)(a), b_ = (long long)(b);	\
									\
		if (a_ != b_)						\
			test_fail(__FILE__, __LINE__, "%s is %lld (%#llx), not %lld (%#llx)", \
				  #a, a_, a_, b_, b_);			\
	} while (0)

/* The result of a call: 0 or a negative errno. */
#define CHECK_OK(call)		CHECK_EQ(call, 0)
#define CHECK_ERR(call, err)	CHECK_EQ(call, -(err))

/* ---- the card ----------------------------------------------------------- */

/* Open the card. Each call makes a file of its own. */
int card_open(void);
/* Open one of several: 0 is the first. The second returns -ENOENT if it is not there. */
int card_open_number(unsigned int number);
int card_try_open_number(unsigned int number);
/* ioctl() that returns 0 or a negative errno. */
int card_ioctl(int fd, unsigned long request, void *arg);
struct drm_egret_device_info device_info(int fd);
struct drm_egret_memory_info memory_info(int fd);
/* Wait until so many bytes of device memory are used: freeing waits for what still moves. */
bool memory_returns_to(int fd, uint64_t used);
struct drm_egret_counters counters(int fd);
/* Set a parameter of the driver until the test ends. */
void set_parameter(const char *name, unsigned int value);
uint64_t now_ns(void);
void sleep_ms(unsigned int ms);

/* ---- files of the kernel; all of these fail the test when they fail ------------- */

/* What a file contains, for free(). */
char *read_text(const char *path);
void write_text(const char *path, const char *text);
/* Path of a file of the first card: in the folder of its PCI device, or in debugfs. */
void sysfs_path(char path[256], const char *name);
void debugfs_path(char path[256], const char *name);
/* A value of the fdinfo of a file; in bytes, if it is memory. */
uint64_t fdinfo(int fd, const char *key);
/* Let a card sleep soon, by the folder power/ of its PCI device; whether it does within this time. */
bool falls_asleep(const char *power, unsigned int patience_ms);
/* Let the first card fall asleep, and wait for it. */
void card_sleep(void);

/* ---- objects; all of these fail the test when they fail -------------------- */

uint32_t vm_create(int fd);
int vm_destroy(int fd, uint32_t vm);
uint32_t queue_create(int fd, uint32_t vm, uint32_t type);
uint32_t queue_create_priority(int fd, uint32_t vm, uint32_t type, uint32_t priority);
int queue_destroy(int fd, uint32_t queue);
struct drm_egret_queue_query queue_query(int fd, uint32_t queue);

struct bo {
	uint32_t handle;
	uint64_t size;
	uint64_t va;
	/* Mapping of the whole buffer. */
	union {
		void *map;
		volatile uint8_t *u8;
		volatile uint32_t *u32;
		volatile uint64_t *u64;
	};
};

int bo_try_create(int fd, uint64_t size, uint32_t placement, uint32_t vm, uint32_t *handle);
struct bo bo_create(int fd, uint64_t size, uint32_t placement, uint32_t vm);
void bo_map(int fd, struct bo *bo);
void bo_close(int fd, struct bo *bo);
void handle_close(int fd, uint32_t handle);

#define ACCESS_ALL (DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE | DRM_EGRET_BIND_EXEC)

int vm_bind_ops(int fd, uint32_t vm, const struct drm_egret_bind_op *ops, uint32_t count);
int vm_bind_async(int fd, uint32_t vm, const struct drm_egret_bind_op *ops, uint32_t count,
		  const struct drm_egret_sync *syncs, uint32_t num_syncs);
int vm_map(int fd, uint32_t vm, uint32_t handle, uint64_t offset, uint64_t va,
	   uint64_t size, uint32_t flags);
int vm_unmap(int fd, uint32_t vm, uint64_t va, uint64_t size);

/* ---- a client with all that is needed to execute something --------------------- */

struct client {
	int fd;
	uint32_t vm;
	uint32_t queue;
	/* Packets, in system memory. */
	struct bo cmd;
	/* Where the next packet goes in @cmd. */
	uint32_t packets;
	/* Where the packets begin that run next. */
	uint32_t first;
	/* Next free address. */
	uint64_t next_va;
};

struct client client_open(uint32_t queue_type);
/* Likewise with a file that is open. */
struct client client_on(int fd, uint32_t queue_type);
/* Another queue and command buffer in the same address space and file. */
struct client client_fork(struct client *c, uint32_t queue_type);
void client_close(struct client *c);

/* A mapped and bound buffer. */
struct bo client_bo(struct client *c, uint64_t size, uint32_t placement);

/* Append a packet. */
union egret_packet *packet(struct client *c, uint8_t opcode, uint8_t flags);
void packet_copy(struct client *c, uint64_t dst, uint64_t src, uint64_t size, uint8_t flags);
void packet_fill(struct client *c, uint64_t dst, uint64_t size, uint32_t width,
		 uint64_t pattern, uint8_t flags);
void packet_fence(struct client *c, uint64_t addr, uint64_t value);
void packet_wait(struct client *c, uint64_t addr, uint64_t value);
void packet_dispatch(struct client *c, uint64_t entry, uint32_t groups, uint64_t cookie);

/* Execute the packets appended since the last time. Returns 0 or a negative errno. */
int submit(struct client *c, const struct drm_egret_sync *syncs, uint32_t num_syncs);
int exec_calls(int fd, uint32_t queue, const struct drm_egret_call *calls,
	       uint32_t num_calls, const struct drm_egret_sync *syncs, uint32_t num_syncs);
/* Execute and wait. Returns 0, or what the job's fence says: -ECANCELED. */
int run(struct client *c);

/* A dma-buf of a buffer. */
int bo_export(int fd, uint32_t handle);
/* A dma-buf, bound. */
struct bo bo_import(struct client *c, int dma_buf);

/* A buffer whose every page begins with its number plus @tag; not bound. */
struct bo numbered_bo(struct client *c, uint64_t size, uint32_t placement, uint32_t tag);
/*
 * Read a word through the card; its value, or -1 if the queue faulted, which is then
 * replaced by a new one. @c has a copy queue.
 */
int64_t peek(struct client *c, struct bo *out, uint64_t va);

/* ---- sync objects ---------------------------------------------------------------- */

uint32_t syncobj_create(int fd);
void syncobj_destroy(int fd, uint32_t handle);
/* Wait; returns 0 or -ETIME. @point 0 for a binary one. */
int syncobj_wait(int fd, uint32_t handle, uint64_t point, unsigned int ms);
/* Status of a binary sync object's fence: 1 signalled, 0 not, or a negative errno. */
int syncobj_status(int fd, uint32_t handle);
struct drm_egret_sync sync_wait(uint32_t handle, uint64_t point);
struct drm_egret_sync sync_signal(uint32_t handle, uint64_t point);

#endif /* EGRET_TEST_H */
