// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Each error that the interface documents, for each ioctl, by tables: arguments that are
 * right, and the one thing that is made wrong. Each call is seen to succeed before and
 * after, to fail with the documented error between, and to have no effect then.
 *
 * All of it is done with the first file of a process, with a second one, by a process
 * that inherited the file and has no privileges, and in a 32-bit program.
 *
 * tests/static/errors compares the tables with uapi/drm/egret_accel.h, and makes
 * Documentation/accel/egret/errors.rst of both. ELSEWHERE() names the program and test
 * that shows an error which takes more than wrong arguments.
 */
#include "egret_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

/* ---- what the calls are about --------------------------------------------------------- */

/* Objects of two files; and arguments of the next call, with one element for each array. */
struct world {
	int fd;
	uint32_t vm;
	uint32_t other_vm;	/* of another file */
	uint32_t doomed_vm;
	uint32_t queue;
	uint32_t dead_queue;
	uint32_t doomed_queue;
	uint32_t other_queue;
	uint32_t bo;
	uint32_t private_bo;	/* of another address space */
	uint32_t other_bo;
	uint32_t signalled;	/* sync objects: one that has a fence, one that has none, */
	uint32_t empty;
	uint32_t other_sync;
	uint64_t user;		/* memory of the process: two pages; read-only; none behind it */
	uint64_t readonly;
	uint64_t last;
	uint64_t nowhere;

	union {
		struct drm_egret_dev_query query;
		struct drm_egret_bo_create bo_create;
		struct drm_egret_bo_mmap_offset mmap_offset;
		struct drm_egret_vm_create vm_create;
		struct drm_egret_vm_destroy vm_destroy;
		struct drm_egret_vm_bind bind;
		struct drm_egret_queue_create queue_create;
		struct drm_egret_queue_destroy queue_destroy;
		struct drm_egret_queue_query queue_query;
		struct drm_egret_exec exec;
		struct drm_egret_queue_wait queue_wait;
		struct drm_egret_queue_export queue_export;
		uint8_t bytes[256];
	} args;
	struct {
		struct drm_egret_bind_op op;
		uint64_t more;
	} op;
	struct {
		struct drm_egret_call call;
		uint64_t more;
	} call;
	struct {
		struct drm_egret_sync sync;
		uint64_t more;
	} sync;
	uint8_t answer[256];
};

/* Each ioctl, in the ways that it is used in. */
enum call {
	DEV_QUERY,
	BO_CREATE,
	BO_CREATE_PRIVATE,
	BO_MMAP_OFFSET,
	VM_CREATE,
	VM_DESTROY,
	VM_BIND,
	VM_BIND_USERPTR,
	VM_BIND_UNMAP,
	VM_BIND_UNMAP_ALL,
	VM_BIND_ASYNC,
	QUEUE_CREATE,
	QUEUE_DESTROY,
	QUEUE_QUERY,
	EXEC,
	EXEC_SYNC,
	EXEC_JOB,
	QUEUE_WAIT,
	QUEUE_EXPORT,
	CALLS,
};

static struct drm_egret_array one(const void *element, size_t size)
{
	return (struct drm_egret_array) {
		.stride = size, .count = 1, .array = (uintptr_t)element,
	};
}

static void good_query(struct world *w)
{
	w->args.query = (struct drm_egret_dev_query) {
		.query = DRM_EGRET_QUERY_DEVICE, .size = 16, .pointer = (uintptr_t)w->answer,
	};
}

static void good_bo_create(struct world *w)
{
	w->args.bo_create = (struct drm_egret_bo_create) {
		.size = PAGE, .placement = DRM_EGRET_BO_SYSTEM,
	};
}

static void good_bo_create_private(struct world *w)
{
	good_bo_create(w);
	w->args.bo_create.vm_id = w->vm;
}

static void good_mmap_offset(struct world *w)
{
	w->args.mmap_offset.handle = w->bo;
}

static void good_vm_create(struct world *w)
{
	w->args.vm_create.flags = 0;
}

static void good_vm_destroy(struct world *w)
{
	w->args.vm_destroy.vm_id = w->doomed_vm;
}

static void good_bind(struct world *w)
{
	w->op.op = (struct drm_egret_bind_op) {
		.op = DRM_EGRET_BIND_MAP, .flags = DRM_EGRET_BIND_READ, .handle = w->bo,
		.va = TEST_VA, .size = PAGE,
	};
	w->args.bind.vm_id = w->vm;
	w->args.bind.ops = one(&w->op, sizeof(w->op.op));
}

static void good_bind_userptr(struct world *w)
{
	good_bind(w);
	w->op.op.op = DRM_EGRET_BIND_MAP_USERPTR;
	w->op.op.handle = 0;
	w->op.op.offset = w->user;
}

static void good_bind_unmap(struct world *w)
{
	good_bind(w);
	w->op.op = (struct drm_egret_bind_op) {
		.op = DRM_EGRET_BIND_UNMAP, .va = TEST_VA, .size = PAGE,
	};
}

static void good_bind_unmap_all(struct world *w)
{
	good_bind(w);
	w->op.op = (struct drm_egret_bind_op) { .op = DRM_EGRET_BIND_UNMAP_ALL };
}

static void good_bind_async(struct world *w)
{
	good_bind(w);
	w->args.bind.flags = DRM_EGRET_VM_BIND_ASYNC;
	w->sync.sync = sync_wait(w->signalled, 0);
	w->args.bind.syncs = one(&w->sync, sizeof(w->sync.sync));
}

static void good_queue_create(struct world *w)
{
	w->args.queue_create = (struct drm_egret_queue_create) {
		.vm_id = w->vm, .type = DRM_EGRET_QUEUE_COPY,
		.priority = DRM_EGRET_PRIORITY_NORMAL,
	};
}

static void good_queue_destroy(struct world *w)
{
	w->args.queue_destroy.queue_id = w->doomed_queue;
}

static void good_queue_query(struct world *w)
{
	w->args.queue_query.queue_id = w->queue;
}

/* The call would fault; it is on a queue that is not looked at. */
static void good_exec(struct world *w)
{
	w->call.call = (struct drm_egret_call) { .va = TEST_VA + MiB, .count = 1 };
	w->args.exec.queue_id = w->doomed_queue;
	w->args.exec.calls = one(&w->call, sizeof(w->call.call));
}

static void good_exec_sync(struct world *w)
{
	w->args.exec.queue_id = w->queue;
	w->sync.sync = sync_wait(w->signalled, 0);
	w->args.exec.syncs = one(&w->sync, sizeof(w->sync.sync));
}

static void good_exec_job(struct world *w)
{
	w->args.exec.queue_id = w->queue;
	w->sync.sync = (struct drm_egret_sync) {
		.flags = DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_JOB, .handle = w->queue, .point = 1,
	};
	w->args.exec.syncs = one(&w->sync, sizeof(w->sync.sync));
}

static void good_queue_wait(struct world *w)
{
	w->args.queue_wait.queue_id = w->queue;
	w->args.queue_wait.job = 1;
}

static void good_queue_export(struct world *w)
{
	w->args.queue_export.queue_id = w->queue;
	w->args.queue_export.job = 1;
}

static const struct {
	unsigned long request;
	void (*good)(struct world *w);
	const char *name;
} calls[CALLS] = {
	[DEV_QUERY] = { DRM_IOCTL_EGRET_DEV_QUERY, good_query, "query" },
	[BO_CREATE] = { DRM_IOCTL_EGRET_BO_CREATE, good_bo_create, "buffer" },
	[BO_CREATE_PRIVATE] = { DRM_IOCTL_EGRET_BO_CREATE, good_bo_create_private,
				"private buffer" },
	[BO_MMAP_OFFSET] = { DRM_IOCTL_EGRET_BO_MMAP_OFFSET, good_mmap_offset, "mmap offset" },
	[VM_CREATE] = { DRM_IOCTL_EGRET_VM_CREATE, good_vm_create, "address space" },
	[VM_DESTROY] = { DRM_IOCTL_EGRET_VM_DESTROY, good_vm_destroy, "end of address space" },
	[VM_BIND] = { DRM_IOCTL_EGRET_VM_BIND, good_bind, "map" },
	[VM_BIND_USERPTR] = { DRM_IOCTL_EGRET_VM_BIND, good_bind_userptr, "user pointer" },
	[VM_BIND_UNMAP] = { DRM_IOCTL_EGRET_VM_BIND, good_bind_unmap, "unmap" },
	[VM_BIND_UNMAP_ALL] = { DRM_IOCTL_EGRET_VM_BIND, good_bind_unmap_all, "unmap all" },
	[VM_BIND_ASYNC] = { DRM_IOCTL_EGRET_VM_BIND, good_bind_async, "asynchronous map" },
	[QUEUE_CREATE] = { DRM_IOCTL_EGRET_QUEUE_CREATE, good_queue_create, "queue" },
	[QUEUE_DESTROY] = { DRM_IOCTL_EGRET_QUEUE_DESTROY, good_queue_destroy, "end of queue" },
	[QUEUE_QUERY] = { DRM_IOCTL_EGRET_QUEUE_QUERY, good_queue_query, "query of queue" },
	[EXEC] = { DRM_IOCTL_EGRET_EXEC, good_exec, "calls" },
	[EXEC_SYNC] = { DRM_IOCTL_EGRET_EXEC, good_exec_sync, "syncs" },
	[EXEC_JOB] = { DRM_IOCTL_EGRET_EXEC, good_exec_job, "wait for a job" },
	[QUEUE_WAIT] = { DRM_IOCTL_EGRET_QUEUE_WAIT, good_queue_wait, "wait" },
	[QUEUE_EXPORT] = { DRM_IOCTL_EGRET_QUEUE_EXPORT, good_queue_export, "sync file" },
};

/* ---- what is wrong with them ------------------------------------------------------------ */

/* One thing that is made wrong: bits that are set, a value, or the value of a member. */
struct wrong {
	enum call call;
	int err;
	const char *what;
	size_t offset;
	size_t width;
	uint64_t bits;
	uint64_t value;
	size_t from;
};

#define AT(member) \
	.offset = offsetof(struct world, member), .width = sizeof(((struct world *)0)->member)
#define SET(call_, err_, what_, member, value_) \
	{ .call = call_, .err = err_, .what = what_, AT(member), .value = value_ }
#define BITS(call_, err_, what_, member, bits_) \
	{ .call = call_, .err = err_, .what = what_, AT(member), .bits = bits_ }
#define FROM(call_, err_, what_, member, from_) \
	{ .call = call_, .err = err_, .what = what_, AT(member), \
	  .from = offsetof(struct world, from_) }
/* Nothing for the compiler: see the top. */
#define ELSEWHERE(call, err, program, test)

#define ALL	0xffffffffu
#define BAD_ID	0x7ffffff0

static const struct wrong wrongs[] = {
	SET(DEV_QUERY, EINVAL, "the next query", args.query.query, 4),
	SET(DEV_QUERY, EINVAL, "an unknown query", args.query.query, ALL),
	SET(DEV_QUERY, EFAULT, "an answer to nowhere", args.query.pointer, 8),
	FROM(DEV_QUERY, EFAULT, "an answer to where nothing is mapped", args.query.pointer, nowhere),
	FROM(DEV_QUERY, EFAULT, "an answer to read-only memory", args.query.pointer, readonly),

	SET(BO_CREATE, EINVAL, "no size", args.bo_create.size, 0),
	SET(BO_CREATE, EINVAL, "no placement", args.bo_create.placement, 0),
	BITS(BO_CREATE, EINVAL, "unknown placements", args.bo_create.placement, ALL & ~3u),
	BITS(BO_CREATE, EINVAL, "unknown flags", args.bo_create.flags, ALL),
	SET(BO_CREATE, ENOENT, "an unknown address space", args.bo_create.vm_id, BAD_ID),
	FROM(BO_CREATE, ENOENT, "an address space of another file", args.bo_create.vm_id, other_vm),
	FROM(BO_CREATE_PRIVATE, ENOENT, "likewise, private", args.bo_create.vm_id, other_vm),
	SET(BO_CREATE, ENOMEM, "more than there is system memory", args.bo_create.size, 1ULL << 50),
	SET(BO_CREATE, ENOMEM, "a size that wraps around", args.bo_create.size, ~0ULL),
	ELSEWHERE(BO_CREATE, ENOSPC, "driver-bo", "create: too large")

	BITS(BO_MMAP_OFFSET, EINVAL, "padding", args.mmap_offset.pad, ALL),
	SET(BO_MMAP_OFFSET, ENOENT, "no handle", args.mmap_offset.handle, 0),
	SET(BO_MMAP_OFFSET, ENOENT, "an unknown handle", args.mmap_offset.handle, BAD_ID),
	FROM(BO_MMAP_OFFSET, ENOENT, "another file's handle", args.mmap_offset.handle, other_bo),

	BITS(VM_CREATE, EINVAL, "unknown flags", args.vm_create.flags, ALL),
	ELSEWHERE(VM_CREATE, ENOSPC, "driver-vm", "create: contexts run out")
	ELSEWHERE(VM_CREATE, ENOMEM, "fault-scan", "address space: create")

	BITS(VM_DESTROY, EINVAL, "padding", args.vm_destroy.pad, ALL),
	SET(VM_DESTROY, ENOENT, "no address space", args.vm_destroy.vm_id, 0),
	SET(VM_DESTROY, ENOENT, "an unknown address space", args.vm_destroy.vm_id, BAD_ID),
	FROM(VM_DESTROY, ENOENT, "an address space of another file", args.vm_destroy.vm_id, other_vm),

	SET(VM_BIND, ENOENT, "no address space", args.bind.vm_id, 0),
	SET(VM_BIND, ENOENT, "an unknown address space", args.bind.vm_id, BAD_ID),
	FROM(VM_BIND, ENOENT, "an address space of another file", args.bind.vm_id, other_vm),
	BITS(VM_BIND, EINVAL, "unknown flags", args.bind.flags, ALL & ~1u),
	SET(VM_BIND, E2BIG, "too many operations", args.bind.ops.count, DRM_EGRET_BIND_OPS_MAX + 1),
	SET(VM_BIND, E2BIG, "most operations that can be written", args.bind.ops.count, ALL),
	SET(VM_BIND, E2BIG, "longest operations that can be written", args.bind.ops.stride, ALL),
	SET(VM_BIND, EINVAL, "operations that are too short", args.bind.ops.stride, 32),
	SET(VM_BIND, EINVAL, "operations without length", args.bind.ops.stride, 0),
	SET(VM_BIND, EINVAL, "an array of nothing", args.bind.ops.count, 0),
	SET(VM_BIND, EFAULT, "operations nowhere", args.bind.ops.array, 64),
	SET(VM_BIND, EFAULT, "operations in the kernel", args.bind.ops.array, ~0xfffULL),
	FROM(VM_BIND, EFAULT, "operations that end behind the memory", args.bind.ops.array, last),
	SET(VM_BIND, EINVAL, "the next operation", op.op.op, 4),
	SET(VM_BIND, EINVAL, "an unknown operation", op.op.op, ALL),
	BITS(VM_BIND, EINVAL, "unknown rights", op.op.flags, ALL & ~7u),
	SET(VM_BIND, EINVAL, "no rights", op.op.flags, 0),
	BITS(VM_BIND, EINVAL, "padding", op.op.pad, ALL),
	SET(VM_BIND, ENOENT, "no buffer", op.op.handle, 0),
	SET(VM_BIND, ENOENT, "an unknown buffer", op.op.handle, BAD_ID),
	FROM(VM_BIND, ENOENT, "a buffer of another file", op.op.handle, other_bo),
	FROM(VM_BIND, EINVAL, "a buffer of another address space", op.op.handle, private_bo),
	BITS(VM_BIND, EINVAL, "an address between pages", op.op.va, PAGE - 1),
	BITS(VM_BIND, EINVAL, "an offset between pages", op.op.offset, PAGE - 1),
	SET(VM_BIND, EINVAL, "an offset behind the buffer", op.op.offset, 4 * PAGE),
	SET(VM_BIND, EINVAL, "an offset that wraps around", op.op.offset, ~(PAGE - 1)),
	BITS(VM_BIND, EINVAL, "a size between pages", op.op.size, PAGE / 2 - 1),
	SET(VM_BIND, EINVAL, "no size", op.op.size, 0),
	SET(VM_BIND, EINVAL, "more than the buffer", op.op.size, 5 * PAGE),
	SET(VM_BIND, EINVAL, "a size that wraps around", op.op.size, ~(PAGE - 1)),
	SET(VM_BIND, EINVAL, "an address below the first", op.op.va, EGRET_VA_MIN - PAGE),
	SET(VM_BIND, EINVAL, "the kernel's addresses", op.op.va, EGRET_VA_END - PAGE),
	SET(VM_BIND, EINVAL, "an address above the last", op.op.va, EGRET_VA_END),
	SET(VM_BIND, EINVAL, "an address far above", op.op.va, 1ULL << 63),
	SET(VM_BIND, EINVAL, "syncs that are no syncs", args.bind.syncs.count, 1),
	SET(VM_BIND, EINVAL, "syncs without number", args.bind.syncs.array, 64),
	ELSEWHERE(VM_BIND, ENOSPC, "driver-vm", "bind: no memory for page tables")
	ELSEWHERE(VM_BIND, ENOMEM, "fault-scan", "bind")

	FROM(VM_BIND_USERPTR, EINVAL, "a buffer as well", op.op.handle, bo),
	SET(VM_BIND_USERPTR, EINVAL, "no rights", op.op.flags, 0),
	BITS(VM_BIND_USERPTR, EINVAL, "unknown rights", op.op.flags, ALL & ~7u),
	BITS(VM_BIND_USERPTR, EINVAL, "an address between pages", op.op.offset, PAGE - 1),
	FROM(VM_BIND_USERPTR, EFAULT, "memory that is not there", op.op.offset, nowhere),
	SET(VM_BIND_USERPTR, EFAULT, "memory of the kernel", op.op.offset, ~0ULL << 47),
	SET(VM_BIND_USERPTR, EFAULT, "more than is there", op.op.size, 1ULL << 40),
	ELSEWHERE(VM_BIND, EFAULT, "driver-userptr", "errors")

	BITS(VM_BIND_UNMAP, EINVAL, "rights", op.op.flags, ALL),
	FROM(VM_BIND_UNMAP, EINVAL, "a buffer", op.op.handle, bo),
	SET(VM_BIND_UNMAP, EINVAL, "an offset", op.op.offset, PAGE),
	SET(VM_BIND_UNMAP, EINVAL, "no size", op.op.size, 0),
	SET(VM_BIND_UNMAP, EINVAL, "the kernel's addresses", op.op.va, EGRET_VA_END - PAGE),
	SET(VM_BIND_UNMAP, EINVAL, "beyond the last address", op.op.size, EGRET_VA_END),

	BITS(VM_BIND_UNMAP_ALL, EINVAL, "rights", op.op.flags, ALL),
	FROM(VM_BIND_UNMAP_ALL, EINVAL, "a buffer", op.op.handle, bo),
	SET(VM_BIND_UNMAP_ALL, EINVAL, "an offset", op.op.offset, PAGE),
	SET(VM_BIND_UNMAP_ALL, EINVAL, "an address", op.op.va, TEST_VA),
	SET(VM_BIND_UNMAP_ALL, EINVAL, "a size", op.op.size, PAGE),

	SET(VM_BIND_ASYNC, E2BIG, "too many syncs", args.bind.syncs.count, DRM_EGRET_SYNCS_MAX + 1),
	SET(VM_BIND_ASYNC, EFAULT, "syncs nowhere", args.bind.syncs.array, 64),
	SET(VM_BIND_ASYNC, EINVAL, "syncs that are too short", args.bind.syncs.stride, 12),
	BITS(VM_BIND_ASYNC, EINVAL, "unknown flags of a sync", sync.sync.flags, ALL & ~5u),
	SET(VM_BIND_ASYNC, EINVAL, "a sync that does nothing", sync.sync.flags, 0),
	SET(VM_BIND_ASYNC, EINVAL, "a timeline's point 0", sync.sync.flags, 5),
	SET(VM_BIND_ASYNC, EINVAL, "a point of no timeline", sync.sync.point, 1),
	SET(VM_BIND_ASYNC, ENOENT, "an unknown sync object", sync.sync.handle, BAD_ID),
	FROM(VM_BIND_ASYNC, EINVAL, "nothing to wait for", sync.sync.handle, empty),

	SET(QUEUE_CREATE, EINVAL, "the next type", args.queue_create.type, 2),
	SET(QUEUE_CREATE, EINVAL, "an unknown type", args.queue_create.type, ALL),
	SET(QUEUE_CREATE, EINVAL, "the next priority", args.queue_create.priority, 4),
	SET(QUEUE_CREATE, EINVAL, "an unknown priority", args.queue_create.priority, ALL),
	BITS(QUEUE_CREATE, EINVAL, "unknown flags", args.queue_create.flags, ALL & ~1u),
	BITS(QUEUE_CREATE, EINVAL, "padding", args.queue_create.pad, ALL),
	SET(QUEUE_CREATE, ENOENT, "no address space", args.queue_create.vm_id, 0),
	SET(QUEUE_CREATE, ENOENT, "an unknown address space", args.queue_create.vm_id, BAD_ID),
	FROM(QUEUE_CREATE, ENOENT, "an address space of another file", args.queue_create.vm_id,
	     other_vm),
	ELSEWHERE(QUEUE_CREATE, EACCES, "driver-queue", "create: priorities")
	ELSEWHERE(QUEUE_CREATE, EPERM, "driver-ban", "faults")
	ELSEWHERE(QUEUE_CREATE, ENOSPC, "driver-queue", "create: queues run out")
	ELSEWHERE(QUEUE_CREATE, ENOMEM, "fault-scan", "queue: create")

	BITS(QUEUE_DESTROY, EINVAL, "padding", args.queue_destroy.pad, ALL),
	SET(QUEUE_DESTROY, ENOENT, "no queue", args.queue_destroy.queue_id, 0),
	SET(QUEUE_DESTROY, ENOENT, "an unknown queue", args.queue_destroy.queue_id, BAD_ID),
	FROM(QUEUE_DESTROY, ENOENT, "another file's queue", args.queue_destroy.queue_id, other_queue),

	BITS(QUEUE_QUERY, EINVAL, "padding", args.queue_query.pad, ALL),
	SET(QUEUE_QUERY, ENOENT, "no queue", args.queue_query.queue_id, 0),
	SET(QUEUE_QUERY, ENOENT, "an unknown queue", args.queue_query.queue_id, BAD_ID),
	FROM(QUEUE_QUERY, ENOENT, "another file's queue", args.queue_query.queue_id, other_queue),

	BITS(EXEC, EINVAL, "unknown flags", args.exec.flags, ALL),
	SET(EXEC, ENOENT, "no queue", args.exec.queue_id, 0),
	SET(EXEC, ENOENT, "an unknown queue", args.exec.queue_id, BAD_ID),
	FROM(EXEC, ENOENT, "another file's queue", args.exec.queue_id, other_queue),
	FROM(EXEC, ECANCELED, "a dead queue", args.exec.queue_id, dead_queue),
	SET(EXEC, E2BIG, "too many calls", args.exec.calls.count, DRM_EGRET_CALLS_MAX + 1),
	SET(EXEC, E2BIG, "most calls that can be written", args.exec.calls.count, ALL),
	SET(EXEC, E2BIG, "longest calls that can be written", args.exec.calls.stride, ALL),
	SET(EXEC, EINVAL, "calls that are too short", args.exec.calls.stride, 8),
	SET(EXEC, EINVAL, "an array of nothing", args.exec.calls.count, 0),
	SET(EXEC, EFAULT, "calls nowhere", args.exec.calls.array, 64),
	FROM(EXEC, EFAULT, "calls that end behind the memory", args.exec.calls.array, last),
	BITS(EXEC, EINVAL, "padding of a call", call.call.pad, ALL),
	SET(EXEC, EINVAL, "a call of nothing", call.call.count, 0),
	BITS(EXEC, EINVAL, "a call between packets", call.call.va, 63),
	SET(EXEC, EINVAL, "a call below the first address", call.call.va, 0),
	SET(EXEC, EINVAL, "a call of the kernel's packets", call.call.va, EGRET_VA_END - 64),
	SET(EXEC, EINVAL, "a call far above", call.call.va, 0ULL - 64),
	ELSEWHERE(EXEC, ENOSPC, "driver-evict", "too much at once")
	ELSEWHERE(EXEC, EFAULT, "driver-userptr", "munmap")
	ELSEWHERE(EXEC, ENOMEM, "fault-scan", "execute")

	SET(EXEC_SYNC, E2BIG, "too many syncs", args.exec.syncs.count, DRM_EGRET_SYNCS_MAX + 1),
	SET(EXEC_SYNC, EFAULT, "syncs nowhere", args.exec.syncs.array, 64),
	SET(EXEC_SYNC, EINVAL, "syncs that are too short", args.exec.syncs.stride, 12),
	BITS(EXEC_SYNC, EINVAL, "unknown flags of a sync", sync.sync.flags, ALL & ~5u),
	SET(EXEC_SYNC, EINVAL, "a sync that does nothing", sync.sync.flags, 0),
	SET(EXEC_SYNC, EINVAL, "a timeline's point 0", sync.sync.flags, 5),
	SET(EXEC_SYNC, EINVAL, "a point of no timeline", sync.sync.point, 1),
	SET(EXEC_SYNC, ENOENT, "no sync object", sync.sync.handle, 0),
	SET(EXEC_SYNC, ENOENT, "an unknown sync object", sync.sync.handle, BAD_ID),
	FROM(EXEC_SYNC, ENOENT, "another file's sync object", sync.sync.handle, other_sync),
	FROM(EXEC_SYNC, EINVAL, "nothing to wait for", sync.sync.handle, empty),

	BITS(EXEC_JOB, EINVAL, "a job to be signalled, or of a timeline", sync.sync.flags, ALL & ~9u),
	SET(EXEC_JOB, EINVAL, "a job that is not waited for", sync.sync.flags, DRM_EGRET_SYNC_JOB),
	SET(EXEC_JOB, EINVAL, "job 0", sync.sync.point, 0),
	SET(EXEC_JOB, EINVAL, "a job to come", sync.sync.point, 1ULL << 32),
	SET(EXEC_JOB, ENOENT, "a job of no queue", sync.sync.handle, 0),
	SET(EXEC_JOB, ENOENT, "a job of an unknown queue", sync.sync.handle, BAD_ID),
	FROM(EXEC_JOB, ENOENT, "a job of another file's queue", sync.sync.handle, other_queue),

	BITS(QUEUE_WAIT, EINVAL, "unknown flags", args.queue_wait.flags, ALL),
	SET(QUEUE_WAIT, EINVAL, "job 0", args.queue_wait.job, 0),
	SET(QUEUE_WAIT, EINVAL, "a job to come", args.queue_wait.job, 1ULL << 32),
	SET(QUEUE_WAIT, ENOENT, "no queue", args.queue_wait.queue_id, 0),
	SET(QUEUE_WAIT, ENOENT, "an unknown queue", args.queue_wait.queue_id, BAD_ID),
	FROM(QUEUE_WAIT, ENOENT, "another file's queue", args.queue_wait.queue_id, other_queue),
	ELSEWHERE(QUEUE_WAIT, ETIME, "driver-job", "wait")
	ELSEWHERE(QUEUE_WAIT, ENOMEM, "fault-scan", "queue: wait")

	BITS(QUEUE_EXPORT, EINVAL, "unknown flags", args.queue_export.flags, ALL),
	BITS(QUEUE_EXPORT, EINVAL, "padding", args.queue_export.pad, ALL),
	SET(QUEUE_EXPORT, EINVAL, "job 0", args.queue_export.job, 0),
	SET(QUEUE_EXPORT, EINVAL, "a job to come", args.queue_export.job, 1ULL << 32),
	SET(QUEUE_EXPORT, ENOENT, "no queue", args.queue_export.queue_id, 0),
	SET(QUEUE_EXPORT, ENOENT, "an unknown queue", args.queue_export.queue_id, BAD_ID),
	FROM(QUEUE_EXPORT, ENOENT, "another file's queue", args.queue_export.queue_id, other_queue),
	ELSEWHERE(QUEUE_EXPORT, EMFILE, "driver-job", "export: no file is left")
	ELSEWHERE(QUEUE_EXPORT, ENOMEM, "fault-scan", "queue: export")
};

/*
 * What every call may say. EOPNOTSUPP of VM_BIND is that of kernels without HMM, and
 * EINTR is for calls that wait: these are interrupted and made again, so that nobody
 * sees it but who asked for that.
 */
ELSEWHERE(EVERY, EFAULT, "driver-uapi", "arguments that are not there")
ELSEWHERE(EVERY, ENODEV, "driver-uapi", "a card that is gone")
ELSEWHERE(EVERY, ENOMEM, "fault-scan", "device query")
ELSEWHERE(EVERY, EINTR, "driver-uapi", "a signal while it waits")

/* ---- the world --------------------------------------------------------------------------- */

/* Handles that the first file does not have. */
static uint32_t far_sync(int fd)
{
	uint32_t i, handle = 0;

	for (i = 0; i < 50; i++)
		handle = syncobj_create(fd);
	return handle;
}

static void make_memory(struct world *w)
{
	uint8_t *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	CHECK(p != MAP_FAILED);
	memset(p, 0, 4 * PAGE);
	w->readonly = (uintptr_t)p;
	w->user = w->readonly + PAGE;
	w->nowhere = w->readonly + 3 * PAGE;
	/* Too near to the end for any element. */
	w->last = w->nowhere - 8;
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK_OK(munmap(p + 3 * PAGE, PAGE));
}

/* The other file's IDs are larger than any that this one gets. */
static void make_other(struct world *w)
{
	int fd = card_open();
	uint32_t i;

	for (i = 0; i < 12; i++)
		w->other_vm = vm_create(fd);
	/* IDs of queues are used in turn. */
	for (i = 0; i < 300; i++) {
		if (i)
			CHECK_OK(queue_destroy(fd, w->other_queue));
		w->other_queue = queue_create(fd, w->other_vm, DRM_EGRET_QUEUE_COPY);
	}
	for (i = 0; i < 300; i++)
		w->other_bo = bo_create(fd, PAGE, DRM_EGRET_BO_SYSTEM, 0).handle;
	w->other_sync = far_sync(fd);
}

static struct world make_world(int fd)
{
	struct client c = client_on(fd, DRM_EGRET_QUEUE_COPY);
	struct world w = { .fd = fd, .vm = c.vm };
	struct drm_egret_sync sync;

	make_memory(&w);
	make_other(&w);
	w.bo = bo_create(fd, 4 * PAGE, DRM_EGRET_BO_SYSTEM, 0).handle;
	w.private_bo = bo_create(fd, PAGE, DRM_EGRET_BO_SYSTEM, vm_create(fd)).handle;
	packet(&c, 0x66, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	w.dead_queue = c.queue;
	w.queue = queue_create(fd, w.vm, DRM_EGRET_QUEUE_COPY);
	w.doomed_queue = queue_create(fd, w.vm, DRM_EGRET_QUEUE_COPY);
	w.doomed_vm = vm_create(fd);
	w.empty = syncobj_create(fd);
	w.signalled = syncobj_create(fd);
	sync = sync_signal(w.signalled, 0);
	CHECK_OK(exec_calls(fd, w.queue, NULL, 0, &sync, 1));
	CHECK_OK(syncobj_wait(fd, w.signalled, 0, 20000));
	return w;
}

static void prepare(struct world *w, enum call call)
{
	memset(&w->args, 0, sizeof(w->args));
	memset(&w->op, 0, sizeof(w->op));
	memset(&w->call, 0, sizeof(w->call));
	memset(&w->sync, 0, sizeof(w->sync));
	calls[call].good(w);
}

/* Call, and put back what a success has made or ended. */
static int call_once(struct world *w, enum call call)
{
	int ret = card_ioctl(w->fd, calls[call].request, &w->args);

	if (ret)
		return ret;
	switch (call) {
	case BO_CREATE:
	case BO_CREATE_PRIVATE:
		handle_close(w->fd, w->args.bo_create.handle);
		break;
	case VM_CREATE:
		CHECK_OK(vm_destroy(w->fd, w->args.vm_create.vm_id));
		break;
	case VM_DESTROY:
		w->doomed_vm = vm_create(w->fd);
		break;
	case QUEUE_CREATE:
		CHECK_OK(queue_destroy(w->fd, w->args.queue_create.queue_id));
		break;
	case EXEC:
		CHECK_OK(queue_destroy(w->fd, w->doomed_queue));
		w->doomed_queue = queue_create(w->fd, w->vm, DRM_EGRET_QUEUE_COPY);
		break;
	case QUEUE_DESTROY:
		w->doomed_queue = queue_create(w->fd, w->vm, DRM_EGRET_QUEUE_COPY);
		break;
	case QUEUE_EXPORT:
		close(w->args.queue_export.fd);
		break;
	default:
		break;
	}
	return 0;
}

static int call_good(struct world *w, enum call call)
{
	prepare(w, call);
	return call_once(w, call);
}

/* What a call that fails must leave as it was. */
struct state {
	uint64_t submitted[2];
	uint64_t total_vram;
	uint64_t total_system;
};

static struct state get_state(struct world *w)
{
	return (struct state) {
		.submitted = {
			queue_query(w->fd, w->queue).jobs_submitted,
			queue_query(w->fd, w->doomed_queue).jobs_submitted,
		},
		.total_vram = fdinfo(w->fd, "drm-total-vram"),
		.total_system = fdinfo(w->fd, "drm-total-system"),
	};
}

static void expect(struct world *w, const struct wrong *wrong, uint64_t value)
{
	struct state before = get_state(w), after;
	int ret;

	prepare(w, wrong->call);
	memcpy((uint8_t *)w + wrong->offset, &value, wrong->width);
	ret = call_once(w, wrong->call);
	if (ret != -wrong->err)
		test_fail(__FILE__, __LINE__, "%s: %s (%#llx): %d, not %d",
			  calls[wrong->call].name, wrong->what, (unsigned long long)value, ret,
			  -wrong->err);
	after = get_state(w);
	if (memcmp(&before, &after, sizeof(before)))
		test_fail(__FILE__, __LINE__, "%s: %s: it has an effect", calls[wrong->call].name,
			  wrong->what);
}

static void try_wrong(struct world *w, const struct wrong *wrong)
{
	uint64_t good = 0, bit;

	if (wrong->from) {
		memcpy(&good, (uint8_t *)w + wrong->from, wrong->width);
		expect(w, wrong, good);
		return;
	}
	if (!wrong->bits) {
		expect(w, wrong, wrong->value);
		return;
	}
	prepare(w, wrong->call);
	memcpy(&good, (uint8_t *)w + wrong->offset, wrong->width);
	for (bit = 1; bit && bit <= wrong->bits; bit <<= 1)
		if (wrong->bits & bit)
			expect(w, wrong, good | bit);
}

static void check_all_good(struct world *w)
{
	enum call call;
	int ret;

	for (call = 0; call < CALLS; call++) {
		ret = call_good(w, call);
		if (call == VM_BIND_USERPTR && ret == -EOPNOTSUPP)
			continue;
		if (ret)
			test_fail(__FILE__, __LINE__, "%s: %d", calls[call].name, ret);
	}
}

static void check_table(int fd)
{
	struct world w = make_world(fd);
	bool userptr = call_good(&w, VM_BIND_USERPTR) != -EOPNOTSUPP;
	uint64_t used;
	unsigned int i;

	check_all_good(&w);
	used = memory_info(fd).vram_used;
	for (i = 0; i < ARRAY_SIZE(wrongs); i++)
		if (wrongs[i].call != VM_BIND_USERPTR || userptr || wrongs[i].err == EINVAL)
			try_wrong(&w, &wrongs[i]);
	CHECK(memory_returns_to(fd, used));
	check_all_good(&w);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void test_table(void)
{
	check_table(card_open());
}

/* Another file of the same process; what the first has is of no use. */
static void test_second(void)
{
	struct world first = make_world(card_open());

	check_table(card_open());
	check_all_good(&first);
}

/* Who has no privileges, but a file that somebody else has opened. */
static void test_unprivileged(void)
{
	int fd = card_open(), status;
	pid_t pid;

	/* For the other files that the table needs. */
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct stat st;
		char path[64];

		CHECK_OK(fstat(fd, &st));
		snprintf(path, sizeof(path), "/dev/accel/accel%u", minor(st.st_rdev));
		CHECK_OK(stat(path, &st));
		CHECK_OK(chmod(path, 0600));
		if (!fork()) {
			CHECK_OK(setgid(65534));
			CHECK_OK(setuid(65534));
			/* The permissions of the file decide, and nothing else. */
			CHECK(open(path, O_RDWR) < 0 && errno == EACCES);
			_exit(0);
		}
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
		CHECK_OK(chmod(path, 0666));
		if (!fork()) {
			CHECK_OK(setgid(65534));
			CHECK_OK(setuid(65534));
			check_table(fd);
			check_table(card_open());
			_exit(0);
		}
		CHECK(wait(&status) > 0);
		CHECK_OK(chmod(path, st.st_mode & 07777));
		_exit(status != 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* The arguments themselves. */
static void test_no_arguments(void)
{
	struct world w = make_world(card_open());
	enum call call;

	for (call = 0; call < CALLS; call++) {
		CHECK_ERR(card_ioctl(w.fd, calls[call].request, NULL), EFAULT);
		CHECK_ERR(card_ioctl(w.fd, calls[call].request, (void *)(uintptr_t)w.nowhere), EFAULT);
		CHECK_ERR(card_ioctl(w.fd, calls[call].request, (void *)(uintptr_t)(w.nowhere - 4)),
			  EFAULT);
	}
	check_all_good(&w);
}

/* Numbers that no ioctl has. */
static void test_unknown(void)
{
	uint8_t bytes[256] = {};
	int fd = card_open();
	unsigned int n;

	for (n = DRM_EGRET_QUEUE_EXPORT + 1; n < DRM_COMMAND_END - DRM_COMMAND_BASE; n++) {
		CHECK_ERR(card_ioctl(fd, DRM_IOWR(DRM_COMMAND_BASE + n, bytes), bytes), EINVAL);
		CHECK_ERR(card_ioctl(fd, DRM_IO(DRM_COMMAND_BASE + n), NULL), EINVAL);
	}
}

#define RESIZED(request, size)	\
	_IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size)

/* Programs that know more, or less, of an ioctl's structure than the kernel. */
static void test_growth(void)
{
	struct world w = make_world(card_open());
	enum call call;
	size_t size;

	for (call = 0; call < CALLS; call++) {
		int ret;

		size = _IOC_SIZE(calls[call].request);
		prepare(&w, call);
		/* What the kernel does not know is not looked at, and not changed. */
		memset(w.args.bytes + size, 0xa5, 64);
		ret = card_ioctl(w.fd, RESIZED(calls[call].request, size + 64), w.args.bytes);
		CHECK(!ret || (call == VM_BIND_USERPTR && ret == -EOPNOTSUPP));
		if (call == VM_DESTROY)
			w.doomed_vm = vm_create(w.fd);
		if (call == QUEUE_DESTROY || call == EXEC)
			w.doomed_queue = queue_create(w.fd, w.vm, DRM_EGRET_QUEUE_COPY);
	}
	/* What the program does not have is zero: here, flags and the rest. */
	prepare(&w, EXEC_SYNC);
	CHECK_OK(card_ioctl(w.fd, RESIZED(DRM_IOCTL_EGRET_EXEC, 8), w.args.bytes));
	prepare(&w, BO_CREATE);
	CHECK_OK(card_ioctl(w.fd, RESIZED(DRM_IOCTL_EGRET_BO_CREATE, 12), w.args.bytes));

	/* Elements of arrays, likewise; but what is set is refused. */
	prepare(&w, VM_BIND);
	w.args.bind.ops.stride = sizeof(w.op);
	CHECK_OK(call_once(&w, VM_BIND));
	w.op.more = 1;
	CHECK_ERR(call_once(&w, VM_BIND), E2BIG);
	prepare(&w, EXEC);
	w.args.exec.calls.stride = sizeof(w.call);
	w.call.more = 1ULL << 63;
	CHECK_ERR(call_once(&w, EXEC), E2BIG);
	prepare(&w, EXEC_SYNC);
	w.args.exec.syncs.stride = sizeof(w.sync);
	CHECK_OK(call_once(&w, EXEC_SYNC));
	w.sync.more = 1;
	CHECK_ERR(call_once(&w, EXEC_SYNC), E2BIG);
}

/* Every call, with arguments that are right, for the file of a card that was there. */
static void test_gone(void)
{
	struct world w = make_world(card_open());
	char device[256], *name;
	enum call call;

	sysfs_path(device, "");
	device[strlen(device) - 1] = 0;
	name = strrchr(device, '/') + 1;
	write_text("/sys/bus/pci/drivers/egret/unbind", name);
	for (call = 0; call < CALLS; call++)
		CHECK_ERR(call_good(&w, call), ENODEV);
	write_text("/sys/bus/pci/drivers/egret/bind", name);
	for (call = 0; call < CALLS; call++)
		CHECK_ERR(call_good(&w, call), ENODEV);
	w = make_world(card_open());
	check_all_good(&w);
}

static void on_signal(int number)
{
	(void)number;
}

/*
 * A bind that waits for others is not interrupted, since it will be done; calls are made
 * again where they can be. So a program that takes signals sees no EINTR of a call that
 * had an effect.
 */
static void test_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo flag = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = bo_create(c.fd, PAGE, DRM_EGRET_BO_SYSTEM, 0);
	uint32_t done = syncobj_create(c.fd), i;
	struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP, .flags = DRM_EGRET_BIND_READ, .handle = bo.handle,
		.va = TEST_VA + (1ULL << 40), .size = PAGE,
	};
	struct drm_egret_sync sync = sync_signal(done, 0);
	struct drm_egret_vm_bind args = {
		.vm_id = c.vm, .ops = one(&op, sizeof(op)),
	};
	pid_t parent = getpid(), pid;
	int ret, status;

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	packet_wait(&c, flag.va, 1);
	CHECK_OK(submit(&c, &sync, 1));
	sync = sync_wait(done, 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, NULL, 0, &sync, 1));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		for (i = 0; i < 20; i++) {
			sleep_ms(20);
			kill(parent, SIGUSR1);
		}
		flag.u64[0] = 1;
		_exit(0);
	}
	/* Not drmIoctl(), which would hide it. */
	ret = ioctl(c.fd, DRM_IOCTL_EGRET_VM_BIND, &args) ? -errno : 0;
	CHECK(!ret || ret == -EINTR);
	CHECK_EQ(flag.u64[0], ret ? flag.u64[0] : 1);
	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	if (ret)
		CHECK_OK(vm_bind_ops(c.fd, c.vm, &op, 1));
	packet_copy(&c, flag.va + 8, op.va, 8, 0);
	CHECK_OK(run(&c));
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("the table", test_table, 120),
		TEST_LONG("the table, with a second file", test_second, 120),
		TEST_LONG("the table, without privileges", test_unprivileged, 240),
		TEST("arguments that are not there", test_no_arguments),
		TEST("numbers that no ioctl has", test_unknown),
		TEST("structures that grow", test_growth),
		TEST_LONG("a card that is gone", test_gone, 60),
		TEST("a signal while it waits", test_signals),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
