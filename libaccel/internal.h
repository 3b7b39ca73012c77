/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_INTERNAL_H
#define ACCEL_INTERNAL_H

/*
 * The library's objects.
 *
 * Each object counts references. The program holds one, which its release function
 * drops, and every object holds one of what it was made from. So an object is freed when
 * neither the program nor a child needs it any more.
 *
 * Locks, in the order of taking: graph or an event's recording, stream, event, pool, context.
 * Two locks of the same kind are never held at once. A lock is not held while waiting for the card, except that of
 * a stream whose rings are full: then everybody who wants to queue on it has to wait anyway.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <accel/accel.h>
#include <egret/packet.h>

#include "backend.h"
#include "error.h"
#include "image.h"
#include "lock.h"
#include "log.h"
#include "range.h"

/* What the library shows to the world; everything else is hidden. */
#define ACCEL_API __attribute__((visibility("default")))

/* Short names for what every function does when it fails (error.h). */
#define fail accel_fail
#define fail_errno accel_fail_errno

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- Reference counts ---- */

typedef atomic_uint refcount;

static inline void ref_get(refcount *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* True for whoever dropped the last one. */
static inline bool ref_put(refcount *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

/* ---- Device ---- */

struct accel_device {
	refcount refs;
	unsigned int process;	/* accel_process of the process that opened it */
	const struct backend *backend;
	struct backend_device *dev;
	struct drm_egret_device_info info;
	char name[32];
	char pci_address[32];
};

/*
 * Counts the forks that this process descends from. A forked child has the objects of its
 * parent, but not its threads, and the card is not the child's: functions fail, and
 * releasing an object does no more than free its memory.
 */
extern unsigned int accel_process;

int accel_fail_process(const char *what);

/* True if the device belongs to a process that this one was forked from. */
static inline bool accel_is_foreign(const struct accel_device *device)
{
	return device->process != accel_process;
}

/* 0, or an error if the device is another process's. */
static inline int accel_check_process(const char *what, const struct accel_device *device)
{
	return accel_is_foreign(device) ? accel_fail_process(what) : 0;
}

/* ---- Context ---- */

struct accel_context {
	refcount refs;
	struct accel_device *device;
	uint32_t vm_id;
	/* Counts module loads: a stream that has not seen the last one must make the card
	 * forget cached instructions. */
	atomic_uint code_generation;
	atomic_uint streams;		/* made so far, for their numbers */
	/* What work is recorded in, or NULL. Cleared with the lock held. */
	struct accel_trace *_Atomic trace;

	/* Protects everything below. */
	pthread_mutex_t lock;
	struct ranges addresses;
	struct accel_buffer *buffers;	/* list of all, to explain addresses */
	struct accel_module *modules;	/* list of all, likewise */
};

void accel_context_get(struct accel_context *context);
void accel_context_put(struct accel_context *context);

/* Names that a fault's record points to, kept where they outlive their objects. */
struct fault_names {
	char kernel[EGRET_KERNEL_NAME_MAX];
	char function[64];
	char nearby[256];
	char file[256];
};

/* Fill in what the context knows about a fault: kernel, function, nearby. */
void accel_context_explain(struct accel_context *context, uint64_t cookie,
			   struct accel_fault *fault, struct fault_names *names);

/* ---- Buffer ---- */

struct accel_buffer {
	refcount refs;
	struct accel_context *context;
	struct accel_buffer *next, *prev;	/* context->lock */
	/* Part of a pool: both NULL, or both set, and then there is no handle. */
	struct accel_pool *pool;		/* a reference */
	struct accel_buffer *chunk;		/* belongs to the pool */
	uint32_t handle;
	uint32_t memory;
	bool shared;		/* may be exported */
	bool wrapped;		/* memory of the program's: there is no handle */
	uint32_t inset;		/* where it begins in its first page */
	uint64_t address;
	uint64_t bytes;		/* as asked for */
	uint64_t size;		/* as bound: whole pages; in a pool, what was taken */
	char name[64];

	pthread_mutex_t lock;	/* protects pointer */
	void *pointer;		/* mapping, or NULL */
};

/* One range of a buffer with its own permissions (DRM_EGRET_BIND_*). */
struct binding {
	uint64_t offset;
	uint64_t size;
	uint32_t flags;
};

/* What accel_buffer_make() is to make. */
struct buffer_plan {
	size_t bytes;
	uint32_t memory;
	const char *name;	/* or NULL */
	bool shared;
	/* How it is bound; NULL for wholly readable and writable. */
	const struct binding *bindings;
	size_t binding_count;
	/* An existing buffer of the backend, which is taken over also on failure; or 0. */
	uint32_t handle;
	uint64_t size;		/* of that, whole pages */
	/* Memory of the program's, which stays its own; or NULL. */
	void *user;
};

/* Make a buffer. `what` is for the error record. */
int accel_buffer_make(const char *what, struct accel_context *context,
		      const struct buffer_plan *plan, struct accel_buffer **out);

/* Let accel_context_explain() know of a buffer, or forget it. */
void accel_buffer_link(struct accel_buffer *buffer);
void accel_buffer_unlink(struct accel_buffer *buffer);

/* ---- Pool ---- */

/* The last reference to a buffer of a pool is gone. */
void accel_pool_take_back(struct accel_buffer *buffer);

/* ---- Module and kernel ---- */

struct accel_kernel {
	struct accel_module *module;
	const struct image_kernel *info;
	uint64_t entry;		/* device address */
	/* A launch with the defaults, to which arguments and grid are added. */
	union egret_packet packet;
};

/* Check what a launch of the kernel is given. */
int accel_check_launch(const struct accel_kernel *kernel, const uint32_t grid[3],
		       const void *args, size_t args_size);

struct accel_module {
	struct accel_context *context;
	struct accel_module *next, *prev;	/* context->lock */
	struct accel_buffer *buffer;
	struct image image;
	struct accel_kernel *kernels;
};

/* ---- Stream ---- */

#define STREAM_SLOTS		1024	/* packets in the command ring */
#define STREAM_BATCH		256	/* packets that start without being asked to */
#define STREAM_DATA		(1u << 20)	/* bytes of arguments and staged data */
#define STREAM_BATCHES		128	/* submissions in flight */
#define STREAM_STAMPS		256	/* times that events wait for; more than batches */

/* One submission that may be in flight. */
struct batch {
	uint64_t point;
	uint64_t slots;		/* the rings' heads when it is over */
	uint64_t data;
};

/* A place in the data ring that a download still needs. */
struct stream_pin {
	struct stream_pin *next;
	uint64_t position;
};

struct accel_stream {
	refcount refs;
	struct accel_context *context;
	uint32_t type;
	uint32_t number;	/* in the context, from 1 */
	/* Each submission is a job of the queue, with the point for its number. 0 when the
	 * queue is not there any more; written once each, read without a lock. */
	atomic_uint queue_id;
	/* Of a recording stream its graph, and nothing below is used; otherwise NULL. */
	struct accel_graph *graph;
	uint32_t floor, top;	/* graph->lock; see graph.c */
	/* Command ring, data ring, and the completed point, in one host buffer. */
	struct accel_buffer *memory;
	union egret_packet *packets;
	uint8_t *data;
	_Atomic uint64_t *completed;
	const struct egret_timestamp *stamps;

	/* Protects everything below. Positions only grow; the remainder of the ring's
	 * size is the place. */
	struct lock lock;
	uint64_t slot_head, slot_begin, slot_tail;	/* oldest in flight, batch, next */
	uint64_t data_head, data_tail;	/* oldest in use, next */
	/* Before these there is room for certain, perhaps also behind them. The heads and the
	 * batch's begin only move up, so what was true of them stays true. */
	uint64_t slot_limit, data_limit;
	uint64_t data_done;		/* oldest that the card needs; data_head but for pins */
	struct stream_pin *pins;	/* ascending */
	pthread_cond_t unpinned;	/* a pin was taken out */
	uint64_t submitted;		/* last point */
	struct batch batches[STREAM_BATCHES];
	uint64_t batch_head, batch_tail;
	unsigned int code_generation;
	/* Whose each place for a time is, and the next one to give away. */
	struct accel_event *stamped[STREAM_STAMPS];
	unsigned int next_stamp;
	/* What the next submission has to wait for, and whose that is: a reference, or NULL
	 * for something imported, which is the stream's own. */
	struct drm_egret_sync *waits;
	struct accel_stream **wait_for;
	uint32_t wait_count, wait_room;
	bool dead;
};

/* An empty object: no rings, no queue. NULL without memory. */
struct accel_stream *accel_stream_new(struct accel_context *context, uint32_t type);
void accel_stream_get(struct accel_stream *stream);
void accel_stream_put(struct accel_stream *stream);

/* Wait for a point that has been submitted. */
int accel_stream_wait_point(const char *what, struct accel_stream *stream, uint64_t point,
			    int64_t deadline);

/* Let later work wait for a point of another stream of the same device. */
int accel_stream_add_wait(const char *what, struct accel_stream *stream,
			  struct accel_stream *other, uint64_t point);

/* Let later work wait until a file descriptor is readable, or a sync file is signalled. */
int accel_stream_add_wait_fd(const char *what, struct accel_stream *stream, int fd);

/* ---- Event ---- */

struct accel_event {
	struct accel_context *context;
	bool timed;

	/* Held while the event is recorded or imported; outside of all other locks. */
	struct lock recording;
	struct lock lock;	/* protects the rest */
	/* What it stands for: a stream's point (a reference), a foreign file descriptor, or
	 * with neither nothing yet. */
	struct accel_stream *stream;
	uint64_t point;
	int fd;			/* or -1 */
	/* When the point was reached: in the stream's place, or taken from there. */
	bool in_place, stamped;
	unsigned int place;
	struct egret_timestamp stamp;
};

/* The event's place is wanted for another one, and has been written. With the stream's lock. */
void accel_event_take_stamp(struct accel_event *event, const struct egret_timestamp *stamp);

/* ---- Profile ---- */

struct accel_profile {
	struct accel_buffer *buffer;	/* struct egret_profile, in host memory */
	struct egret_profile *record;
};

/* Give the caller what a launch has written. */
int accel_profile_copy(const char *what, const struct egret_profile *record,
		       struct accel_profile_data *data);

#endif /* ACCEL_INTERNAL_H */
