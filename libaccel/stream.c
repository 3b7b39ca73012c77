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
 * queue does not write it. The kernel's timeline is there to sleep on, and for ordering
 * between streams.
 *
 * Rejected: submitting every launch at once. It halves the latency of a lone launch
 * that nobody waits for, which is rare, and costs a system call for each packet.
 */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <egret/packet.h>

#include "fault.h"

/* Pieces of uploads and downloads, so that one is moved while the next is copied. */
#define PIECE		(STREAM_DATA / 4)
#define DATA_ALIGN	64

/* Places in the stream's memory. */
#define AT_PACKETS	0
#define AT_DATA		(AT_PACKETS + STREAM_SLOTS * EGRET_PACKET_SIZE)
#define AT_COMPLETED	(AT_DATA + STREAM_DATA)
#define MEMORY_SIZE	(AT_COMPLETED + EGRET_PACKET_SIZE)

/* ---- What became of the work ---- */

static uint64_t completed(const struct accel_stream *stream)
{
	return atomic_load_explicit(stream->completed, memory_order_acquire);
}

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
	default:
		return fail(-ECANCELED, what, NULL, "the work was cancelled");
	}
}

/* The stream is dead: say why. The caller holds its lock. */
static int fail_dead(const char *what, struct accel_stream *stream)
{
	struct accel_device *device = stream->context->device;
	struct drm_egret_queue_query query = { .queue_id = stream->queue_id };
	int ret;

	stream->dead = true;
	if (!stream->queue_id)
		return fail(-ECANCELED, what, NULL, "the stream has been released");
	ret = device->backend->queue_query(device->dev, &query);
	if (ret)
		return fail_errno(ret, what);
	return explain_dead(what, stream, &query);
}

int accel_stream_wait_point(const char *what, struct accel_stream *stream, uint64_t point,
			    int64_t deadline)
{
	struct accel_device *device = stream->context->device;
	int ret;

	if (completed(stream) >= point)
		return 0;
	/* A time before the clock's start has passed as well as any other. */
	if (deadline < 0)
		deadline = ACCEL_NO_WAIT;
	ret = device->backend->timeline_wait(device->dev, stream->timeline, point, deadline);
	if (completed(stream) >= point)
		return 0;
	if (ret == -ETIME || ret == -ETIMEDOUT)
		return fail(-ETIMEDOUT, what, NULL, "the work had not completed by the deadline");
	if (ret)
		return fail_errno(ret, what);
	pthread_mutex_lock(&stream->lock);
	ret = fail_dead(what, stream);
	pthread_mutex_unlock(&stream->lock);
	return ret;
}

/* ---- Rings. The caller holds the stream's lock. ---- */

/* Take back what completed batches used. */
static void retire(struct accel_stream *stream)
{
	uint64_t done = completed(stream);

	while (stream->batch_head != stream->batch_tail) {
		const struct batch *batch =
			&stream->batches[stream->batch_head % STREAM_BATCHES];

		if (batch->point > done)
			break;
		stream->slot_head = batch->slots;
		stream->data_head = batch->data;
		stream->batch_head++;
	}
}

/* Wait for the oldest batch in flight, and take back what it used. */
static int retire_one(const char *what, struct accel_stream *stream)
{
	struct accel_device *device = stream->context->device;
	uint64_t point = stream->batches[stream->batch_head % STREAM_BATCHES].point;
	int ret;

	ret = device->backend->timeline_wait(device->dev, stream->timeline, point,
					     ACCEL_FOREVER);
	retire(stream);
	if (completed(stream) >= point)
		return 0;
	return ret ? fail_errno(ret, what) : fail_dead(what, stream);
}

static union egret_packet *slot(struct accel_stream *stream, uint64_t position)
{
	return &stream->packets[position % STREAM_SLOTS];
}

static uint64_t slot_address(const struct accel_stream *stream, uint64_t position)
{
	return stream->memory->address + AT_PACKETS +
	       position % STREAM_SLOTS * EGRET_PACKET_SIZE;
}

/* End the batch with the packet that tells of its completion. */
static void end_batch(struct accel_stream *stream)
{
	*slot(stream, stream->slot_tail) = (union egret_packet) {
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

static void drop_waits(struct accel_stream *stream)
{
	while (stream->wait_count)
		accel_stream_put(stream->wait_for[--stream->wait_count]);
}

static int submit(const char *what, struct accel_stream *stream)
{
	struct accel_device *device = stream->context->device;
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
	stream->waits[stream->wait_count] = (struct drm_egret_sync) {
		.flags = DRM_EGRET_SYNC_SIGNAL | DRM_EGRET_SYNC_TIMELINE,
		.handle = stream->timeline,
		.point = stream->submitted + 1,
	};
	ret = device->backend->exec(device->dev, stream->queue_id, calls, count,
				    stream->waits, stream->wait_count + 1);
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

static int flush(const char *what, struct accel_stream *stream)
{
	if (stream->dead)
		return fail_dead(what, stream);
	return stream->slot_tail == stream->slot_begin ? 0 : submit(what, stream);
}

/* Where `bytes` would begin in the data ring, which they must not wrap around in. */
static uint64_t data_position(const struct accel_stream *stream, size_t bytes)
{
	uint64_t at = (stream->data_tail + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;

	if (at % STREAM_DATA + bytes > STREAM_DATA)
		at += STREAM_DATA - at % STREAM_DATA;
	return at;
}

static bool has_room(const struct accel_stream *stream, size_t bytes)
{
	/* One packet, and the FENCE after it. */
	if (stream->slot_tail + 2 - stream->slot_head > STREAM_SLOTS)
		return false;
	return !bytes || data_position(stream, bytes) + bytes - stream->data_head <= STREAM_DATA;
}

/*
 * Make room for one packet and `bytes` of data, at most PIECE. The position of the data
 * is returned; it is taken when the packet is queued.
 */
static int reserve(const char *what, struct accel_stream *stream, size_t bytes,
		   uint64_t *position)
{
	int ret;

	if (stream->dead)
		return fail_dead(what, stream);
	if (stream->slot_tail - stream->slot_begin >= STREAM_BATCH) {
		ret = submit(what, stream);
		if (ret)
			return ret;
	}
	retire(stream);
	while (!has_room(stream, bytes)) {
		if (stream->batch_head == stream->batch_tail) {
			/* Nothing is in flight: what fills the rings is the batch. */
			ret = submit(what, stream);
			if (ret)
				return ret;
		}
		ret = retire_one(what, stream);
		if (ret)
			return ret;
	}
	*position = data_position(stream, bytes);
	return 0;
}

/* Queue a packet, for which room was reserved, and keep its data. */
static void queue_packet(struct accel_stream *stream, const union egret_packet *packet,
			 uint64_t position, size_t bytes)
{
	*slot(stream, stream->slot_tail++) = *packet;
	if (bytes)
		stream->data_tail = position + bytes;
}

static uint8_t *data_pointer(struct accel_stream *stream, uint64_t position)
{
	return stream->data + position % STREAM_DATA;
}

static uint64_t data_address(const struct accel_stream *stream, uint64_t position)
{
	return stream->memory->address + AT_DATA + position % STREAM_DATA;
}

/* ---- Waiting for other streams ---- */

/* Make room for one more wait, and for the signal behind it. */
static int grow_waits(const char *what, struct accel_stream *stream)
{
	uint32_t room = 2 * stream->wait_room + 2;
	struct drm_egret_sync *waits;
	struct accel_stream **wait_for;

	if (stream->wait_count + 2 <= stream->wait_room)
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

static int add_wait(const char *what, struct accel_stream *stream, struct accel_stream *other,
		    uint64_t point)
{
	uint32_t i;
	int ret;

	/* What is queued so far does not wait. */
	ret = flush(what, stream);
	if (ret)
		return ret;
	for (i = 0; i < stream->wait_count; i++) {
		if (stream->wait_for[i] == other) {
			if (stream->waits[i].point < point)
				stream->waits[i].point = point;
			return 0;
		}
	}
	ret = grow_waits(what, stream);
	if (ret)
		return ret;
	accel_stream_get(other);
	stream->wait_for[stream->wait_count] = other;
	stream->waits[stream->wait_count++] = (struct drm_egret_sync) {
		.flags = DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_TIMELINE,
		.handle = other->timeline,
		.point = point,
	};
	return 0;
}

int accel_stream_add_wait(const char *what, struct accel_stream *stream,
			  struct accel_stream *other, uint64_t point)
{
	int ret;

	if (completed(other) >= point)
		return 0;
	pthread_mutex_lock(&stream->lock);
	ret = add_wait(what, stream, other, point);
	pthread_mutex_unlock(&stream->lock);
	return ret;
}

/* ---- Making and releasing ---- */

static int make_memory(const char *what, struct accel_stream *stream)
{
	const struct binding binding = {
		.size = MEMORY_SIZE,
		.flags = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE,
	};
	uint32_t page = stream->context->device->info.page_size;
	struct binding whole = binding;
	void *memory;
	int ret;

	whole.size = (binding.size + page - 1) / page * page;
	ret = accel_buffer_make(what, stream->context, MEMORY_SIZE, ACCEL_MEMORY_HOST,
				"(stream)", &whole, 1, &stream->memory);
	if (ret)
		return ret;
	ret = accel_buffer_map(stream->memory, &memory);
	if (ret)
		return ret;
	stream->packets = (union egret_packet *)((uint8_t *)memory + AT_PACKETS);
	stream->data = (uint8_t *)memory + AT_DATA;
	stream->completed = (_Atomic uint64_t *)((uint8_t *)memory + AT_COMPLETED);
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
	};
	int ret;

	ret = device->backend->timeline_create(device->dev, &stream->timeline);
	if (ret)
		return fail_errno(ret, what);
	ret = device->backend->queue_create(device->dev, &args);
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
	if (stream->queue_id)
		device->backend->queue_destroy(device->dev, stream->queue_id);
	if (stream->timeline)
		device->backend->timeline_destroy(device->dev, stream->timeline);
	accel_buffer_destroy(stream->memory);
	drop_waits(stream);
	free(stream->waits);
	free(stream->wait_for);
	pthread_mutex_destroy(&stream->lock);
	accel_context_put(stream->context);
	free(stream);
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
	if (ret)
		return ret;
	if (opts.type > ACCEL_STREAM_COPY)
		return fail(-EINVAL, what, NULL, "unknown type, %u", opts.type);
	if (opts.priority > ACCEL_PRIORITY_REALTIME)
		return fail(-EINVAL, what, NULL, "unknown priority, %u", opts.priority);
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return fail_errno(-ENOMEM, what);
	atomic_init(&stream->refs, 1);
	pthread_mutex_init(&stream->lock, NULL);
	accel_context_get(context);
	stream->context = context;
	stream->type = opts.type;
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

	if (!stream)
		return;
	/* Events may keep the object, but the work ends now. */
	device = stream->context->device;
	pthread_mutex_lock(&stream->lock);
	device->backend->queue_destroy(device->dev, stream->queue_id);
	stream->queue_id = 0;
	stream->dead = true;
	/* Two streams that were to wait for each other must not keep each other. */
	drop_waits(stream);
	pthread_mutex_unlock(&stream->lock);
	accel_stream_put(stream);
}

/* ---- Queueing ---- */

static int check_stream(const char *what, const struct accel_stream *stream, uint32_t flags)
{
	if (!stream)
		return fail(-EINVAL, what, NULL, "the stream is NULL");
	if (flags & ~ACCEL_OVERLAP)
		return fail(-EINVAL, what, NULL, "unknown flags 0x%x", flags & ~ACCEL_OVERLAP);
	return 0;
}

static int check_range(const char *what, const struct accel_stream *stream,
		       const struct accel_buffer *buffer, size_t offset, size_t bytes)
{
	if (!buffer)
		return fail(-EINVAL, what, NULL, "the buffer is NULL");
	if (buffer->context != stream->context)
		return fail(-EINVAL, what, NULL, "buffer%s%s is of another context than the stream",
			    buffer->name[0] ? " " : "", buffer->name);
	if (offset > buffer->bytes || bytes > buffer->bytes - offset)
		return fail(-EINVAL, what, NULL,
			    "%zu bytes at offset %zu reach beyond buffer%s%s of %" PRIu64 " bytes",
			    bytes, offset, buffer->name[0] ? " " : "", buffer->name, buffer->bytes);
	return 0;
}

static uint8_t packet_flags(uint32_t flags)
{
	return flags & ACCEL_OVERLAP ? 0 : EGRET_PKT_BARRIER;
}

static int queue_simple(const char *what, struct accel_stream *stream,
			const union egret_packet *packet)
{
	uint64_t position;
	int ret;

	pthread_mutex_lock(&stream->lock);
	ret = reserve(what, stream, 0, &position);
	if (ret == 0)
		queue_packet(stream, packet, 0, 0);
	pthread_mutex_unlock(&stream->lock);
	return ret;
}

static union egret_packet copy_packet(uint64_t dst, uint64_t src, uint64_t bytes, uint8_t flags)
{
	return (union egret_packet) {
		.copy = {
			.header = { .opcode = EGRET_OP_COPY, .flags = flags },
			.src = src,
			.dst = dst,
			.size = bytes,
		},
	};
}

ACCEL_API
int accel_copy(struct accel_stream *stream, struct accel_buffer *dst, size_t dst_offset,
	       struct accel_buffer *src, size_t src_offset, size_t bytes, uint32_t flags)
{
	static const char what[] = "cannot queue a copy";
	union egret_packet packet;
	int ret;

	ret = check_stream(what, stream, flags);
	if (ret == 0)
		ret = check_range(what, stream, dst, dst_offset, bytes);
	if (ret == 0)
		ret = check_range(what, stream, src, src_offset, bytes);
	if (ret || !bytes)
		return ret;
	if (dst == src && dst_offset < src_offset + bytes && src_offset < dst_offset + bytes)
		return fail(-EINVAL, what, NULL, "the two ranges of %zu bytes at offsets %zu and %zu "
			    "overlap", bytes, dst_offset, src_offset);
	packet = copy_packet(dst->address + dst_offset, src->address + src_offset, bytes,
			     packet_flags(flags));
	return queue_simple(what, stream, &packet);
}

ACCEL_API
int accel_fill(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
	       size_t bytes, uint64_t pattern, unsigned int width, uint32_t flags)
{
	static const char what[] = "cannot queue a fill";
	union egret_packet packet;
	int ret;

	ret = check_stream(what, stream, flags);
	if (ret == 0)
		ret = check_range(what, stream, buffer, offset, bytes);
	if (ret)
		return ret;
	if (width != 1 && width != 2 && width != 4 && width != 8)
		return fail(-EINVAL, what, NULL, "a pattern of %u bytes is not possible", width);
	if (offset % width || bytes % width)
		return fail(-EINVAL, what, NULL, "offset %zu or size %zu is not a multiple of the "
			    "pattern's %u bytes", offset, bytes, width);
	if (!bytes)
		return 0;
	if (width < 8)
		pattern &= ((uint64_t)1 << 8 * width) - 1;
	packet = (union egret_packet) {
		.fill = {
			.header = { .opcode = EGRET_OP_FILL, .flags = packet_flags(flags) },
			.width = width,
			.dst = buffer->address + offset,
			.size = bytes,
			.pattern = pattern,
		},
	};
	return queue_simple(what, stream, &packet);
}

ACCEL_API
int accel_upload(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
		 const void *data, size_t bytes)
{
	static const char what[] = "cannot upload";
	union egret_packet packet;
	size_t done, piece;
	uint64_t position;
	int ret;

	ret = check_stream(what, stream, 0);
	if (ret == 0)
		ret = check_range(what, stream, buffer, offset, bytes);
	if (ret)
		return ret;
	if (!data && bytes)
		return fail(-EINVAL, what, NULL, "the data is NULL");
	pthread_mutex_lock(&stream->lock);
	for (done = 0; !ret && done < bytes; done += piece) {
		piece = bytes - done < PIECE ? bytes - done : PIECE;
		ret = reserve(what, stream, piece, &position);
		if (ret)
			break;
		memcpy(data_pointer(stream, position), (const uint8_t *)data + done, piece);
		/* Pieces do not depend on each other, only the first on what was before. */
		packet = copy_packet(buffer->address + offset + done,
				     data_address(stream, position), piece,
				     done ? 0 : EGRET_PKT_BARRIER);
		queue_packet(stream, &packet, position, piece);
		/* Large data: let the card move this piece while the next is copied. */
		if (bytes - done > PIECE)
			ret = submit(what, stream);
	}
	pthread_mutex_unlock(&stream->lock);
	return ret;
}

/* Copy a piece to the program's memory. The lock keeps others from reusing its place. */
static int download_piece(const char *what, struct accel_stream *stream, uint64_t src,
			  void *data, size_t bytes)
{
	union egret_packet packet;
	uint64_t position;
	int ret;

	ret = reserve(what, stream, bytes, &position);
	if (ret)
		return ret;
	packet = copy_packet(data_address(stream, position), src, bytes, EGRET_PKT_BARRIER);
	queue_packet(stream, &packet, position, bytes);
	ret = submit(what, stream);
	while (!ret && completed(stream) < stream->submitted)
		ret = retire_one(what, stream);
	if (ret == 0)
		memcpy(data, data_pointer(stream, position), bytes);
	return ret;
}

ACCEL_API
int accel_download(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
		   void *data, size_t bytes)
{
	static const char what[] = "cannot download";
	size_t done, piece;
	int ret;

	ret = check_stream(what, stream, 0);
	if (ret == 0)
		ret = check_range(what, stream, buffer, offset, bytes);
	if (ret)
		return ret;
	if (!data && bytes)
		return fail(-EINVAL, what, NULL, "the data is NULL");
	pthread_mutex_lock(&stream->lock);
	for (done = 0; !ret && done < bytes; done += piece) {
		piece = bytes - done < PIECE ? bytes - done : PIECE;
		ret = download_piece(what, stream, buffer->address + offset + done,
				     (uint8_t *)data + done, piece);
	}
	pthread_mutex_unlock(&stream->lock);
	return ret;
}

/* ---- Launching ---- */

static int check_launch(const char *what, const struct accel_stream *stream,
			const struct accel_kernel *kernel, const uint32_t grid[3],
			const void *args, size_t args_size)
{
	uint64_t groups = 1;
	int i;

	if (stream->type != ACCEL_STREAM_COMPUTE)
		return fail(-EINVAL, what, NULL, "the stream is for copies only");
	if (kernel->module->context != stream->context)
		return fail(-EINVAL, what, NULL, "it is of another context than the stream");
	for (i = 0; i < 3; i++) {
		if (!grid[i] || grid[i] > EGRET_GRID_MAX)
			return fail(-EINVAL, what, NULL, "a grid of %u x %u x %u workgroups is not "
				    "possible: each must be 1 to %u", grid[0], grid[1], grid[2],
				    EGRET_GRID_MAX);
		/* Below 2^32 before, and 2^24 times that fits. */
		groups *= grid[i];
		if (groups > UINT32_MAX)
			return fail(-EINVAL, what, NULL, "a grid of %u x %u x %u workgroups is not "
				    "possible: the product must be below 2^32", grid[0], grid[1],
				    grid[2]);
	}
	if (args_size != kernel->info->args_size)
		return fail(-EINVAL, what, "check that host and kernel agree about the structure",
			    "%zu bytes of arguments were given, it takes %u", args_size,
			    kernel->info->args_size);
	if (args_size && !args)
		return fail(-EINVAL, what, NULL, "the arguments are NULL");
	return 0;
}

static int queue_launch(const char *what, struct accel_stream *stream,
			const struct accel_kernel *kernel, const uint32_t grid[3],
			const void *args, size_t args_size,
			const struct accel_launch_options *opts)
{
	union egret_packet packet = {
		.dispatch = {
			.header = {
				.opcode = EGRET_OP_DISPATCH,
				.flags = packet_flags(opts->flags),
			},
			.args_size = args_size,
			.entry = kernel->entry,
			.grid = { grid[0], grid[1], grid[2] },
			.profile = opts->profile ? opts->profile->buffer->address : 0,
			.cookie = kernel->entry,
		},
	};
	unsigned int generation = atomic_load(&stream->context->code_generation);
	uint64_t position;
	int ret;

	ret = reserve(what, stream, args_size, &position);
	if (ret)
		return ret;
	if (generation != stream->code_generation)
		packet.header.flags |= EGRET_PKT_INVALIDATE_CODE | EGRET_PKT_BARRIER;
	stream->code_generation = generation;
	if (args_size) {
		memcpy(data_pointer(stream, position), args, args_size);
		packet.dispatch.args = data_address(stream, position);
	}
	queue_packet(stream, &packet, position, args_size);
	return 0;
}

ACCEL_API
int accel_launch(struct accel_stream *stream, const struct accel_kernel *kernel,
		 const uint32_t grid[3], const void *args, size_t args_size,
		 const struct accel_launch_options *options)
{
	struct accel_launch_options opts;
	char what[128] = "cannot launch a kernel";
	int ret;

	if (!kernel || !grid)
		return fail(-EINVAL, what, NULL, "the %s is NULL", kernel ? "grid" : "kernel");
	snprintf(what, sizeof(what), "cannot launch kernel %s", kernel->info->name);
	ret = accel_copy_in(what, &opts, sizeof(opts), options);
	if (ret == 0)
		ret = check_stream(what, stream, opts.flags);
	if (ret == 0 && opts.reserved)
		ret = fail(-EINVAL, what, NULL, "a reserved option is set");
	if (ret == 0 && opts.profile && opts.profile->buffer->context != stream->context)
		ret = fail(-EINVAL, what, NULL, "the profile is of another context");
	if (ret == 0)
		ret = check_launch(what, stream, kernel, grid, args, args_size);
	if (ret)
		return ret;
	pthread_mutex_lock(&stream->lock);
	ret = queue_launch(what, stream, kernel, grid, args, args_size, &opts);
	pthread_mutex_unlock(&stream->lock);
	return ret;
}

/* ---- Starting and waiting ---- */

ACCEL_API
int accel_stream_flush(struct accel_stream *stream)
{
	static const char what[] = "cannot start a stream's work";
	int ret;

	if (!stream)
		return fail(-EINVAL, what, NULL, "the stream is NULL");
	pthread_mutex_lock(&stream->lock);
	ret = flush(what, stream);
	pthread_mutex_unlock(&stream->lock);
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
	pthread_mutex_lock(&stream->lock);
	ret = flush(what, stream);
	point = stream->submitted;
	pthread_mutex_unlock(&stream->lock);
	return ret ? ret : accel_stream_wait_point(what, stream, point, deadline);
}
