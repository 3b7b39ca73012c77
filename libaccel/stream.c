// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Streams: ordered work for one hardware queue.
 *
 * What a stream queues is written as packets into a ring in host memory, beside a second
 * ring for arguments and for data on its way. Nothing of it reaches the card until the
 * batch is submitted: then one EXEC points the queue at the packets, which the card reads
 * where they are. So queueing costs no system call and no copy, and submitting costs one
 * system call for any number of packets.
 *
 * Each batch ends with a FENCE packet that writes the batch's number, its point, to a
 * word in host memory. That word, and not the kernel's fence, says what has completed: it
 * is read without a system call, and it tells success from cancellation, since a stopped
 * queue does not write it. For sleeping, and for ordering between streams, the kernel is given
 * the same number: the batch is the queue's job of this number.
 *
 * Rejected: submitting every launch at once. It halves the latency of a lone launch
 * that nobody waits for, which is rare, and costs a system call for each packet.
 */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fault.h"
#include "graph.h"

/* ---- What became of the work ---- */

static int explain_dead(const char *what, struct accel_stream *stream,
			const struct drm_egret_queue_query *query)
{
	struct fault_names names;
	struct accel_fault fault;

	switch (query->state) {
	case DRM_EGRET_QUEUE_DEAD_FAULT:
		accel_fault_decode(query, &fault);
		accel_context_explain(stream->context, query->fault_cookie, &fault, &names);
		return accel_fail_fault(-ECANCELED, what, &fault);
	case DRM_EGRET_QUEUE_DEAD_HUNG:
		return fail(-ECANCELED, what,
			    "look for an endless loop in the kernel; make a new stream to go on",
			    "the work made no progress and was stopped");
	case DRM_EGRET_QUEUE_DEAD_RESET:
		return fail(-ECANCELED, what, "make a new stream and queue the work again",
			    "a reset of the card ended the stream, through no fault of its own");
	case DRM_EGRET_QUEUE_DEAD_BANNED:
		return fail(-ECANCELED, what, "close the device and open it again; see the driver's ban_after",
			    "too many streams have faulted or hung: the driver has banned this device file");
	default:
		return fail(-ECANCELED, what, NULL, "the work was cancelled");
	}
}

/* No more work. The caller holds the lock. */
static void die(struct accel_stream *stream)
{
	stream->dead = true;
	/* So that accel_stream_reserve_slowly() sees it. */
	stream->slot_limit = 0;
}

/* The stream is dead: say why. The caller holds its lock. */
static int fail_dead(const char *what, struct accel_stream *stream)
{
	struct accel_device *device = stream->context->device;
	struct drm_egret_queue_query query = { .queue_id = stream->queue_id };
	int ret;

	die(stream);
	if (!stream->queue_id)
		return fail(-ECANCELED, what, NULL, "the stream has been released");
	ret = device->backend->queue_query(device->dev, &query);
	if (ret)
		return fail_errno(ret, what);
	return explain_dead(what, stream, &query);
}

/* Sleep until a point that has been submitted is over; also if the stream has no queue any more. */
static int wait_for_point(struct accel_stream *stream, uint64_t point, int64_t deadline)
{
	struct accel_device *device = stream->context->device;
	int ret = device->backend->queue_wait(device->dev, stream->queue_id, point, deadline);

	return ret == -ENOENT ? 0 : ret;
}

int accel_stream_wait_point(const char *what, struct accel_stream *stream, uint64_t point,
			    int64_t deadline)
{
	int ret;

	if (stream_completed(stream) >= point)
		return 0;
	/* A time before the clock's start has passed as well as any other. */
	if (deadline < 0)
		deadline = ACCEL_NO_WAIT;
	ret = wait_for_point(stream, point, deadline);
	if (stream_completed(stream) >= point)
		return 0;
	if (ret == -ETIME || ret == -ETIMEDOUT)
		return fail(-ETIMEDOUT, what, NULL, "the work had not completed by the deadline");
	if (ret)
		return fail_errno(ret, what);
	accel_lock(&stream->lock);
	ret = fail_dead(what, stream);
	accel_unlock(&stream->lock);
	return ret;
}

/* ---- Rings. The caller holds the stream's lock. ---- */

/* What the card is done with, and no pin keeps, is free. */
static void free_data(struct accel_stream *stream)
{
	const struct stream_pin *oldest = stream->pins;

	stream->data_head = oldest && oldest->position < stream->data_done ? oldest->position :
									     stream->data_done;
}

/* Take back what completed batches used. */
static void retire(struct accel_stream *stream)
{
	uint64_t done = stream_completed(stream);

	while (stream->batch_head != stream->batch_tail) {
		const struct batch *batch =
			&stream->batches[stream->batch_head % STREAM_BATCHES];

		if (batch->point > done)
			break;
		stream->slot_head = batch->slots;
		stream->data_done = batch->data;
		stream->batch_head++;
	}
	free_data(stream);
}

/* Wait for the oldest batch in flight, and take back what it used. */
static int retire_one(const char *what, struct accel_stream *stream)
{
	uint64_t point = stream->batches[stream->batch_head % STREAM_BATCHES].point;
	int ret;

	ret = wait_for_point(stream, point, ACCEL_FOREVER);
	retire(stream);
	if (stream_completed(stream) >= point)
		return 0;
	return ret ? fail_errno(ret, what) : fail_dead(what, stream);
}

static uint64_t slot_address(const struct accel_stream *stream, uint64_t position)
{
	return stream->memory->address + AT_PACKETS +
	       position % STREAM_SLOTS * EGRET_PACKET_SIZE;
}

/* End the batch with the packet that tells of its completion. */
static void end_batch(struct accel_stream *stream)
{
	stream->packets[stream->slot_tail % STREAM_SLOTS] = (union egret_packet) {
		.fence = {
			.header.opcode = EGRET_OP_FENCE,
			.addr = stream->memory->address + AT_COMPLETED,
			.value = stream->submitted + 1,
		},
	};
}

/* The batch, with its FENCE, as one or two runs of packets. */
static uint32_t make_calls(const struct accel_stream *stream, struct drm_egret_call calls[2])
{
	uint64_t count = stream->slot_tail + 1 - stream->slot_begin;
	uint64_t to_end = STREAM_SLOTS - stream->slot_begin % STREAM_SLOTS;
	uint64_t first = count < to_end ? count : to_end;

	calls[0] = (struct drm_egret_call) {
		.va = slot_address(stream, stream->slot_begin),
		.count = first,
	};
	if (first == count)
		return 1;
	calls[1] = (struct drm_egret_call) {
		.va = slot_address(stream, 0),
		.count = count - first,
	};
	return 2;
}

static void drop_wait(struct accel_stream *stream, uint32_t i)
{
	struct accel_device *device = stream->context->device;

	if (stream->wait_for[i])
		accel_stream_put(stream->wait_for[i]);
	else if (!accel_is_foreign(device))
		device->backend->fence_destroy(device->dev, stream->waits[i].handle);
	stream->wait_count--;
	stream->wait_for[i] = stream->wait_for[stream->wait_count];
	stream->waits[i] = stream->waits[stream->wait_count];
}

static void drop_waits(struct accel_stream *stream)
{
	while (stream->wait_count)
		drop_wait(stream, stream->wait_count - 1);
}

/* Forget waits for what is over, or was released with its stream. True if there were some. */
static bool drop_waits_that_are_over(struct accel_stream *stream)
{
	uint32_t i, before = stream->wait_count;

	for (i = before; i-- > 0;) {
		const struct accel_stream *other = stream->wait_for[i];

		if (other && (!other->queue_id ||
			      stream_completed(other) >= stream->waits[i].point))
			drop_wait(stream, i);
	}
	return stream->wait_count < before;
}

/* A stream that is waited for may be released at any moment, and its queue with it. */
static int exec_calls(struct accel_stream *stream, const struct drm_egret_call *calls,
		      uint32_t count)
{
	struct accel_device *device = stream->context->device;
	int ret;

	do {
		ret = device->backend->exec(device->dev, stream->queue_id, calls, count,
					    stream->waits, stream->wait_count);
	} while (ret == -ENOENT && drop_waits_that_are_over(stream));
	return ret;
}

int accel_stream_submit(const char *what, struct accel_stream *stream)
{
	struct drm_egret_call calls[2];
	uint32_t count;
	int ret;

	while (stream->batch_tail - stream->batch_head == STREAM_BATCHES) {
		ret = retire_one(what, stream);
		if (ret)
			return ret;
	}
	end_batch(stream);
	count = make_calls(stream, calls);
	ret = exec_calls(stream, calls, count);
	if (ret == -ECANCELED)
		return fail_dead(what, stream);
	if (ret)
		return fail_errno(ret, what);
	stream->submitted++;
	stream->slot_tail++;
	stream->slot_begin = stream->slot_tail;
	drop_waits(stream);
	stream->batches[stream->batch_tail++ % STREAM_BATCHES] = (struct batch) {
		.point = stream->submitted,
		.slots = stream->slot_tail,
		.data = stream->data_tail,
	};
	return 0;
}

int accel_stream_submit_rest(const char *what, struct accel_stream *stream)
{
	if (stream->dead)
		return fail_dead(what, stream);
	return stream->slot_tail == stream->slot_begin ? 0 :
		accel_stream_submit(what, stream);
}

/* Up to where packets and data can be queued without looking at anything else. */
static void set_limits(struct accel_stream *stream, uint64_t position)
{
	uint64_t batch_end = stream->slot_begin + STREAM_BATCH;
	/* A packet, and the FENCE after it. */
	uint64_t ring_end = stream->slot_head + STREAM_SLOTS - 1;
	uint64_t data_end = stream->data_head + STREAM_DATA;
	uint64_t wrap = position - position % STREAM_DATA + STREAM_DATA;

	stream->slot_limit = batch_end < ring_end ? batch_end : ring_end;
	stream->data_limit = data_end < wrap ? data_end : wrap;
}

/* Make room for a packet and so many bytes. */
static int make_room(const char *what, struct accel_stream *stream, size_t bytes)
{
	int ret = 0;

	if (stream->dead)
		return fail_dead(what, stream);
	if (stream->slot_tail - stream->slot_begin >= STREAM_BATCH)
		ret = accel_stream_submit(what, stream);
	retire(stream);
	while (!ret && !stream_has_room(stream, bytes)) {
		if (stream->batch_head != stream->batch_tail)
			ret = retire_one(what, stream);
		else if (stream->slot_tail != stream->slot_begin)
			/* Nothing is in flight: what fills the rings is the batch. */
			ret = accel_stream_submit(what, stream);
		else
			/* What fills them is being copied out by downloads. */
			accel_lock_wait(&stream->lock, &stream->unpinned);
		if (!ret && stream->dead)
			ret = fail_dead(what, stream);
	}
	return ret;
}

int accel_stream_reserve_slowly(const char *what, struct accel_stream *stream, size_t bytes,
				uint64_t *position)
{
	int ret = make_room(what, stream, bytes);

	if (ret)
		return ret;
	*position = stream_data_position(stream, bytes);
	set_limits(stream, *position);
	return 0;
}

bool accel_stream_room_now(struct accel_stream *stream, size_t bytes)
{
	retire(stream);
	return !stream->dead && stream->slot_tail - stream->slot_begin < STREAM_BATCH &&
	       stream_has_room(stream, bytes);
}

void accel_stream_pin(struct accel_stream *stream, struct stream_pin *pin, uint64_t position)
{
	struct stream_pin **link = &stream->pins;

	while (*link)
		link = &(*link)->next;
	pin->position = position;
	pin->next = NULL;
	*link = pin;
}

void accel_stream_unpin(struct accel_stream *stream, struct stream_pin *pin)
{
	struct stream_pin **link = &stream->pins;

	while (*link != pin)
		link = &(*link)->next;
	*link = pin->next;
	free_data(stream);
	accel_lock_broadcast(&stream->lock, &stream->unpinned);
}

/* ---- Waiting for other streams ---- */

/* Make room for one more wait. */
static int grow_waits(const char *what, struct accel_stream *stream)
{
	uint32_t room = 2 * stream->wait_room + 2;
	struct drm_egret_sync *waits;
	struct accel_stream **wait_for;

	if (stream->wait_count < stream->wait_room)
		return 0;
	if (room > DRM_EGRET_SYNCS_MAX)
		return fail(-E2BIG, what, "queue something between the waits",
			    "the next work would wait for more than %u other streams",
			    stream->wait_count);
	waits = realloc(stream->waits, room * sizeof(*waits));
	if (waits)
		stream->waits = waits;
	wait_for = realloc(stream->wait_for, room * sizeof(*wait_for));
	if (wait_for)
		stream->wait_for = wait_for;
	if (!waits || !wait_for)
		return fail_errno(-ENOMEM, what);
	stream->wait_room = room;
	return 0;
}

/* Another wait of the next submission. With the lock. */
static int push_wait(const char *what, struct accel_stream *stream, struct accel_stream *other,
		     const struct drm_egret_sync *wait)
{
	int ret = grow_waits(what, stream);

	if (ret)
		return ret;
	if (other)
		accel_stream_get(other);
	stream->wait_for[stream->wait_count] = other;
	stream->waits[stream->wait_count++] = *wait;
	return 0;
}

static int add_wait(const char *what, struct accel_stream *stream, struct accel_stream *other,
		    uint64_t point)
{
	struct drm_egret_sync wait = {
		.flags = DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_JOB,
		.handle = other->queue_id,
		.point = point,
	};
	uint32_t i;
	int ret;

	/* What is queued so far does not wait. */
	ret = accel_stream_submit_rest(what, stream);
	if (ret)
		return ret;
	for (i = 0; i < stream->wait_count; i++) {
		if (stream->wait_for[i] == other) {
			if (stream->waits[i].point < point)
				stream->waits[i].point = point;
			return 0;
		}
	}
	/* A stream that was released has nothing more to do. */
	return wait.handle ? push_wait(what, stream, other, &wait) : 0;
}

int accel_stream_add_wait(const char *what, struct accel_stream *stream,
			  struct accel_stream *other, uint64_t point)
{
	int ret;

	if (stream_completed(other) >= point)
		return 0;
	accel_lock(&stream->lock);
	ret = add_wait(what, stream, other, point);
	accel_unlock(&stream->lock);
	return ret;
}

int accel_stream_add_wait_fd(const char *what, struct accel_stream *stream, int fd)
{
	struct accel_device *device = stream->context->device;
	struct drm_egret_sync wait = { .flags = DRM_EGRET_SYNC_WAIT };
	int ret;

	ret = device->backend->fence_import(device->dev, fd, &wait.handle);
	if (ret)
		return fail_errno(ret, what);
	accel_lock(&stream->lock);
	ret = accel_stream_submit_rest(what, stream);
	if (ret == 0)
		ret = push_wait(what, stream, NULL, &wait);
	accel_unlock(&stream->lock);
	if (ret)
		device->backend->fence_destroy(device->dev, wait.handle);
	return ret;
}

/* ---- Times ---- */

int accel_stream_stamp(const char *what, struct accel_stream *stream, struct accel_event *event,
		       unsigned int *place)
{
	unsigned int i = stream->next_stamp;
	uint64_t position;
	int ret;

	ret = stream_reserve(what, stream, 0, &position);
	if (ret)
		return ret;
	/* There are more places than batches in flight, so the old time is there. */
	if (stream->stamped[i])
		accel_event_take_stamp(stream->stamped[i], &stream->stamps[i]);
	*stream_next(stream, position, 0) = (union egret_packet) {
		.timestamp = {
			.header.opcode = EGRET_OP_TIMESTAMP,
			.addr = stream->memory->address + AT_STAMPS +
				i * sizeof(struct egret_timestamp),
		},
	};
	stream->stamped[i] = event;
	stream->next_stamp = (i + 1) % STREAM_STAMPS;
	*place = i;
	return 0;
}

/* ---- Making and releasing ---- */

static int make_memory(const char *what, struct accel_stream *stream)
{
	void *memory;
	int ret;

	ret = accel_buffer_make(what, stream->context, &(struct buffer_plan) {
		.bytes = STREAM_MEMORY,
		.memory = ACCEL_MEMORY_HOST,
		.name = "(stream)",
	}, &stream->memory);
	if (ret)
		return ret;
	ret = accel_buffer_map(stream->memory, &memory);
	if (ret)
		return ret;
	stream->packets = (union egret_packet *)((uint8_t *)memory + AT_PACKETS);
	stream->data = (uint8_t *)memory + AT_DATA;
	stream->completed = (_Atomic uint64_t *)((uint8_t *)memory + AT_COMPLETED);
	stream->stamps = (const struct egret_timestamp *)((uint8_t *)memory + AT_STAMPS);
	return 0;
}

static int make_queue(const char *what, struct accel_stream *stream, uint32_t priority)
{
	struct accel_device *device = stream->context->device;
	struct drm_egret_queue_create args = {
		.vm_id = stream->context->vm_id,
		.type = stream->type == ACCEL_STREAM_COPY ? DRM_EGRET_QUEUE_COPY :
							     DRM_EGRET_QUEUE_COMPUTE,
		.priority = priority ? priority - ACCEL_PRIORITY_LOW + DRM_EGRET_PRIORITY_LOW :
				       DRM_EGRET_PRIORITY_NORMAL,
		/* Work is in order: what comes behind may need what was lost. */
		.flags = DRM_EGRET_QUEUE_END_ON_RESET,
	};
	int ret;

	ret = device->backend->queue_create(device->dev, &args);
	if (ret == -EPERM)
		return fail(ret, what, "close the device and open it again",
			    "too many of this device's streams have faulted or hung: it gets no more");
	if (ret == -EACCES)
		return fail(ret, what, "use a normal priority, or get the capability CAP_SYS_NICE",
			    "this user may not have a stream of a high priority");
	if (ret)
		return fail_errno(ret, what);
	stream->queue_id = args.queue_id;
	return 0;
}

void accel_stream_get(struct accel_stream *stream)
{
	ref_get(&stream->refs);
}

void accel_stream_put(struct accel_stream *stream)
{
	struct accel_device *device;

	if (!stream || !ref_put(&stream->refs))
		return;
	device = stream->context->device;
	if (stream->queue_id && !accel_is_foreign(device))
		device->backend->queue_destroy(device->dev, stream->queue_id);
	accel_buffer_destroy(stream->memory);
	drop_waits(stream);
	free(stream->waits);
	free(stream->wait_for);
	accel_graph_put(stream->graph);
	pthread_cond_destroy(&stream->unpinned);
	accel_lock_destroy(&stream->lock);
	accel_context_put(stream->context);
	free(stream);
}

struct accel_stream *accel_stream_new(struct accel_context *context, uint32_t type)
{
	struct accel_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	atomic_init(&stream->refs, 1);
	accel_lock_init(&stream->lock);
	pthread_cond_init(&stream->unpinned, NULL);
	accel_context_get(context);
	stream->context = context;
	stream->type = type;
	stream->number = atomic_fetch_add(&context->streams, 1) + 1;
	return stream;
}

ACCEL_API
int accel_stream_create(struct accel_context *context,
			const struct accel_stream_options *options, struct accel_stream **out)
{
	static const char what[] = "cannot create a stream";
	struct accel_stream_options opts;
	struct accel_stream *stream;
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the stream" : "context");
	ret = accel_copy_in(what, &opts, sizeof(opts), options);
	if (ret == 0)
		ret = accel_check_process(what, context->device);
	if (ret)
		return ret;
	if (opts.type > ACCEL_STREAM_COPY)
		return fail(-EINVAL, what, NULL, "unknown type, %u", opts.type);
	if (opts.priority > ACCEL_PRIORITY_REALTIME)
		return fail(-EINVAL, what, NULL, "unknown priority, %u", opts.priority);
	stream = accel_stream_new(context, opts.type);
	if (!stream)
		return fail_errno(-ENOMEM, what);
	ret = grow_waits(what, stream);
	if (ret == 0)
		ret = make_memory(what, stream);
	if (ret == 0)
		ret = make_queue(what, stream, opts.priority);
	if (ret) {
		accel_stream_put(stream);
		return ret;
	}
	*out = stream;
	return 0;
}

ACCEL_API
void accel_stream_destroy(struct accel_stream *stream)
{
	struct accel_device *device;
	uint32_t queue_id;

	if (!stream)
		return;
	/* Events may keep the object, but the work ends now. */
	device = stream->context->device;
	if (accel_is_foreign(device)) {
		accel_stream_put(stream);
		return;
	}
	accel_lock(&stream->lock);
	/* Whoever finds that the queue does not exist is to find this. */
	queue_id = atomic_exchange(&stream->queue_id, 0);
	if (queue_id)
		device->backend->queue_destroy(device->dev, queue_id);
	die(stream);
	/* Two streams that were to wait for each other must not keep each other. */
	drop_waits(stream);
	accel_unlock(&stream->lock);
	accel_stream_put(stream);
}

/* ---- Starting and waiting ---- */

ACCEL_API
int accel_stream_flush(struct accel_stream *stream)
{
	static const char what[] = "cannot start a stream's work";
	int ret;

	if (!stream)
		return fail(-EINVAL, what, NULL, "the stream is NULL");
	ret = accel_check_process(what, stream->context->device);
	if (ret)
		return ret;
	/* A recording stream has nothing to start: so code that flushes can be recorded. */
	if (stream->graph)
		return 0;
	accel_lock(&stream->lock);
	ret = accel_stream_submit_rest(what, stream);
	accel_unlock(&stream->lock);
	return ret;
}

ACCEL_API
int64_t accel_deadline(int64_t timeout_ns)
{
	struct timespec now;
	int64_t ns;

	if (timeout_ns == ACCEL_FOREVER)
		return ACCEL_FOREVER;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	return timeout_ns > INT64_MAX - ns ? ACCEL_FOREVER : ns + timeout_ns;
}

ACCEL_API
int accel_stream_wait(struct accel_stream *stream, int64_t deadline)
{
	static const char what[] = "cannot complete a stream's work";
	uint64_t point;
	int ret;

	if (!stream)
		return fail(-EINVAL, what, NULL, "the stream is NULL");
	ret = accel_check_process(what, stream->context->device);
	if (ret)
		return ret;
	if (stream->graph)
		return accel_graph_fail_recording(what);
	accel_lock(&stream->lock);
	ret = accel_stream_submit_rest(what, stream);
	point = stream->submitted;
	accel_unlock(&stream->lock);
	return ret ? ret : accel_stream_wait_point(what, stream, point, deadline);
}
