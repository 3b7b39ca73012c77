// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What a stream is asked to do: copies, fills, uploads and downloads, launches. Each
 * becomes packets in the stream's rings (stream.c), or in a graph (graph.c).
 *
 * accel_launch() is what programs call most. Its way to the ring has no allocation, no
 * system call, and one lock, which nobody else wants unless threads share the stream; what
 * is only needed to tell of an error is made when there is one.
 */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graph.h"
#include "trace.h"

/* ---- Checks ---- */

static int check_stream(const char *what, const struct accel_stream *stream, uint32_t flags)
{
	if (!stream)
		return fail(-EINVAL, what, NULL, "the stream is NULL");
	if (flags & ~ACCEL_OVERLAP)
		return fail(-EINVAL, what, NULL, "unknown flags 0x%x", flags & ~ACCEL_OVERLAP);
	return accel_check_process(what, stream->context->device);
}

static int check_buffer(const char *what, const struct accel_stream *stream,
			const struct accel_buffer *buffer)
{
	if (!buffer)
		return fail(-EINVAL, what, NULL, "the buffer is NULL");
	if (buffer->context != stream->context)
		return fail(-EINVAL, what, "accel_transfer() copies between contexts",
			    "buffer%s%s is of another context than the stream",
			    buffer->name[0] ? " " : "", buffer->name);
	return 0;
}

static int check_range(const char *what, const struct accel_stream *stream,
		       const struct accel_buffer *buffer, size_t offset, size_t bytes)
{
	int ret = check_buffer(what, stream, buffer);

	if (ret)
		return ret;
	if (offset > buffer->bytes || bytes > buffer->bytes - offset)
		return fail(-EINVAL, what, NULL,
			    "%zu bytes at offset %zu reach beyond buffer%s%s of %" PRIu64 " bytes",
			    bytes, offset, buffer->name[0] ? " " : "", buffer->name, buffer->bytes);
	return 0;
}

/* What the program's memory and a buffer exchange. */
static int check_exchange(const char *what, const struct accel_stream *stream,
			  const struct accel_buffer *buffer, size_t offset, const void *data,
			  size_t bytes)
{
	int ret = check_stream(what, stream, 0);

	if (ret == 0)
		ret = check_range(what, stream, buffer, offset, bytes);
	if (ret)
		return ret;
	if (!data && bytes)
		return fail(-EINVAL, what, NULL, "the data is NULL");
	return 0;
}

static uint8_t packet_flags(uint32_t flags)
{
	return flags & ACCEL_OVERLAP ? 0 : EGRET_PKT_BARRIER;
}

/* ---- Queueing; with the stream's lock ---- */

/* A packet and the data that it refers to, between the marks of a trace if there is one. */
struct work {
	const struct trace_item *item;
	const union egret_packet *packet;
	const void *data;
	size_t bytes;
	size_t address_at;	/* offset of the packet's word for the data's address */
};

static int queue_work(const char *what, struct accel_stream *stream, const struct work *work)
{
	struct trace_mark mark = { .trace = NULL };
	union egret_packet *slot;
	uint64_t position, address;
	int ret = 0;

	if (accel_is_traced(stream))
		ret = accel_trace_begin(what, stream, work->item, &mark);
	if (ret == 0)
		ret = stream_reserve(what, stream, work->bytes, &position);
	if (ret) {
		accel_trace_cancel(&mark);
		return ret;
	}
	slot = stream_next(stream, position, work->bytes);
	*slot = *work->packet;
	if (work->bytes) {
		memcpy(stream_data(stream, position), work->data, work->bytes);
		address = stream_data_address(stream, position);
		memcpy((uint8_t *)slot + work->address_at, &address, sizeof(address));
	}
	return accel_trace_end(what, stream, &mark);
}

/* A packet without data, on any stream; takes the lock. */
static int queue(const char *what, struct accel_stream *stream,
		 const union egret_packet *packet, uint32_t kind,
		 const struct accel_buffer *written, uint64_t bytes)
{
	const struct trace_item item = { .kind = kind, .name = written->name, .bytes = bytes };
	const struct work work = { .item = &item, .packet = packet };
	int ret;

	if (stream->graph)
		return accel_graph_add(what, stream, packet, NULL, 0, 0);
	accel_lock(&stream->lock);
	ret = queue_work(what, stream, &work);
	accel_unlock(&stream->lock);
	return ret;
}

/* ---- Copies on the card ---- */

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
	uint64_t to, from;
	int ret;

	ret = check_stream(what, stream, flags);
	if (ret == 0)
		ret = check_range(what, stream, dst, dst_offset, bytes);
	if (ret == 0)
		ret = check_range(what, stream, src, src_offset, bytes);
	if (ret || !bytes)
		return ret;
	to = dst->address + dst_offset;
	from = src->address + src_offset;
	if (to < from + bytes && from < to + bytes)
		return fail(-EINVAL, what, NULL, "the two ranges of %zu bytes at offsets %zu and %zu "
			    "overlap", bytes, dst_offset, src_offset);
	packet = copy_packet(to, from, bytes, packet_flags(flags));
	return queue(what, stream, &packet, ACCEL_TRACE_COPY, dst, bytes);
}

/* One side of a copy of a block; pitches are never zero. */
struct side {
	struct accel_buffer *buffer;
	uint64_t offset, pitch, slice_pitch;
};

/* Check one side, and put pitches in the place of those left out. */
static int check_side(const char *what, const struct accel_stream *stream, struct side *side,
		      const struct accel_rect *rect, uint64_t rows, uint64_t slices)
{
	uint64_t last_slice, last_row, end, all_rows;
	int ret = check_buffer(what, stream, side->buffer);

	if (ret)
		return ret;
	if (!side->pitch)
		side->pitch = rect->width;
	if (side->pitch < rect->width && rows > 1)
		return fail(-EINVAL, what, NULL, "rows of %zu bytes overlap with %" PRIu64
			    " bytes from one to the next", rect->width, side->pitch);
	if (__builtin_mul_overflow(rows, side->pitch, &all_rows))
		all_rows = UINT64_MAX;
	if (!side->slice_pitch)
		side->slice_pitch = all_rows;
	if (side->slice_pitch < all_rows - (side->pitch - rect->width) && slices > 1)
		return fail(-EINVAL, what, NULL, "slices overlap with %" PRIu64
			    " bytes from one to the next", side->slice_pitch);
	if (__builtin_mul_overflow(slices - 1, side->slice_pitch, &last_slice) ||
	    __builtin_mul_overflow(rows - 1, side->pitch, &last_row) ||
	    __builtin_add_overflow(last_slice, last_row, &end) ||
	    __builtin_add_overflow(end, rect->width, &end) ||
	    __builtin_add_overflow(end, side->offset, &end) || end > side->buffer->bytes)
		return fail(-EINVAL, what, NULL,
			    "the block of %" PRIu64 " x %" PRIu64 " rows at offset %" PRIu64
			    " reaches beyond buffer%s%s of %" PRIu64 " bytes", slices, rows,
			    side->offset, side->buffer->name[0] ? " " : "", side->buffer->name,
			    side->buffer->bytes);
	return 0;
}

ACCEL_API
int accel_copy_rect(struct accel_stream *stream, struct accel_buffer *dst,
		    struct accel_buffer *src, const struct accel_rect *rect, uint32_t flags)
{
	static const char what[] = "cannot queue a copy of a block";
	struct accel_rect r;
	struct side to, from;
	union egret_packet packet;
	int ret;

	ret = check_stream(what, stream, flags);
	if (ret == 0 && !rect)
		ret = fail(-EINVAL, what, NULL, "the description of the block is NULL");
	if (ret == 0)
		ret = accel_copy_in(what, &r, sizeof(r), rect);
	if (ret)
		return ret;
	r.rows = r.rows ? r.rows : 1;
	r.slices = r.slices ? r.slices : 1;
	if (!r.width || r.width > UINT32_MAX || r.rows > UINT32_MAX || r.slices > UINT32_MAX)
		return fail(-EINVAL, what, NULL, "a block of %zu x %zu rows of %zu bytes is not "
			    "possible", r.slices, r.rows, r.width);
	to = (struct side){ dst, r.dst_offset, r.dst_pitch, r.dst_slice_pitch };
	from = (struct side){ src, r.src_offset, r.src_pitch, r.src_slice_pitch };
	ret = check_side(what, stream, &to, &r, r.rows, r.slices);
	if (ret == 0)
		ret = check_side(what, stream, &from, &r, r.rows, r.slices);
	if (ret)
		return ret;
	packet = (union egret_packet) {
		.copy_rect = {
			.header = { .opcode = EGRET_OP_COPY_RECT, .flags = packet_flags(flags) },
			.width = r.width,
			.src = src->address + from.offset,
			.dst = dst->address + to.offset,
			.rows = r.rows,
			.slices = r.slices,
			.src_pitch = from.pitch,
			.dst_pitch = to.pitch,
			.src_slice = from.slice_pitch,
			.dst_slice = to.slice_pitch,
		},
	};
	return queue(what, stream, &packet, ACCEL_TRACE_COPY, dst, r.width * r.rows * r.slices);
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
	if ((buffer->address + offset) % width || bytes % width)
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
	return queue(what, stream, &packet, ACCEL_TRACE_FILL, buffer, bytes);
}

/* ---- From the program's memory ---- */

/* Queue one piece of data. With the stream's lock. */
static int send_piece(const char *what, struct accel_stream *stream, const char *name,
		      uint64_t dst, const void *data, size_t bytes, uint8_t flags)
{
	const union egret_packet packet = copy_packet(dst, 0, bytes, flags);
	const struct trace_item item = {
		.kind = ACCEL_TRACE_UPLOAD, .name = name, .bytes = bytes,
	};

	return queue_work(what, stream, &(struct work) {
		.item = &item,
		.packet = &packet,
		.data = data,
		.bytes = bytes,
		.address_at = offsetof(struct egret_pkt_copy, src),
	});
}

static int send(const char *what, struct accel_stream *stream, const char *name, uint64_t dst,
		const void *data, size_t bytes)
{
	size_t done, piece;
	int ret = 0;

	accel_lock(&stream->lock);
	for (done = 0; !ret && done < bytes; done += piece) {
		piece = bytes - done < PIECE ? bytes - done : PIECE;
		/* Pieces do not depend on each other, only the first on what was before. */
		ret = send_piece(what, stream, name, dst + done, (const uint8_t *)data + done,
				 piece, done ? 0 : EGRET_PKT_BARRIER);
		/* Large data: let the card move this piece while the next is copied. */
		if (ret == 0 && bytes - done > PIECE)
			ret = accel_stream_submit(what, stream);
	}
	accel_unlock(&stream->lock);
	return ret;
}

ACCEL_API
int accel_upload(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
		 const void *data, size_t bytes)
{
	static const char what[] = "cannot upload";
	int ret;

	ret = check_exchange(what, stream, buffer, offset, data, bytes);
	if (ret)
		return ret;
	if (stream->graph && bytes) {
		union egret_packet packet = copy_packet(buffer->address + offset, 0, bytes,
							EGRET_PKT_BARRIER);

		return accel_graph_add(what, stream, &packet, data, bytes,
				       offsetof(struct egret_pkt_copy, src));
	}
	return send(what, stream, buffer->name, buffer->address + offset, data, bytes);
}

/* ---- To the program's memory ---- */

/* A piece on its way through a stream's data ring. */
struct piece {
	struct stream_pin pin;
	size_t bytes;
	uint64_t point;
};

/* Where a piece goes when it has arrived: 0, or an error. */
typedef int (*sink)(void *opaque, size_t at, const void *data, size_t bytes);

/* Begin with a piece. With another one on its way, it only begins if it need not wait. */
static int begin_piece(const char *what, struct accel_stream *stream, const char *name,
		       uint64_t src, struct piece *piece, bool first)
{
	const struct trace_item item = {
		.kind = ACCEL_TRACE_DOWNLOAD, .name = name, .bytes = piece->bytes,
	};
	struct trace_mark mark = { .trace = NULL };
	uint64_t position;
	int ret = 0;

	accel_lock(&stream->lock);
	if (!first && !accel_stream_room_now(stream, piece->bytes))
		ret = -EAGAIN;
	else if (accel_is_traced(stream))
		ret = accel_trace_begin(what, stream, &item, &mark);
	if (ret == 0)
		ret = stream_reserve(what, stream, piece->bytes, &position);
	if (ret)
		accel_trace_cancel(&mark);
	if (ret == 0) {
		*stream_next(stream, position, piece->bytes) =
			copy_packet(stream_data_address(stream, position), src, piece->bytes,
				    EGRET_PKT_BARRIER);
		accel_stream_pin(stream, &piece->pin, position);
		ret = accel_trace_end(what, stream, &mark);
		if (ret == 0)
			ret = accel_stream_submit(what, stream);
		if (ret)
			accel_stream_unpin(stream, &piece->pin);
		piece->point = stream->submitted;
	}
	accel_unlock(&stream->lock);
	return ret;
}

static int end_piece(const char *what, struct accel_stream *stream, struct piece *piece,
		     size_t at, sink take, void *opaque)
{
	int ret;

	ret = accel_stream_wait_point(what, stream, piece->point, ACCEL_FOREVER);
	if (ret == 0 && take)
		ret = take(opaque, at, stream_data(stream, piece->pin.position), piece->bytes);
	accel_lock(&stream->lock);
	accel_stream_unpin(stream, &piece->pin);
	accel_unlock(&stream->lock);
	return ret;
}

/*
 * Fetch data from the card, two pieces at a time. Nobody holds the stream's lock while the
 * card works: pins keep the data meanwhile.
 */
static int fetch(const char *what, struct accel_stream *stream, const char *name, uint64_t src,
		 size_t bytes, sink take, void *opaque)
{
	struct piece pieces[2];
	size_t begun = 0, ended = 0;
	unsigned int head = 0, count = 0;
	int ret = 0, again;

	while (count || (!ret && ended < bytes)) {
		while (!ret && count < 2 && begun < bytes) {
			struct piece *piece = &pieces[(head + count) % 2];

			piece->bytes = bytes - begun < PIECE ? bytes - begun : PIECE;
			again = begin_piece(what, stream, name, src + begun, piece, count == 0);
			if (again == -EAGAIN)
				break;
			ret = again;
			if (ret == 0) {
				begun += piece->bytes;
				count++;
			}
		}
		if (!count)
			break;
		again = end_piece(what, stream, &pieces[head], ended, ret ? NULL : take, opaque);
		ret = ret ? ret : again;
		ended += pieces[head].bytes;
		head = (head + 1) % 2;
		count--;
	}
	return ret;
}

static int take_memory(void *opaque, size_t at, const void *data, size_t bytes)
{
	memcpy((uint8_t *)opaque + at, data, bytes);
	return 0;
}

ACCEL_API
int accel_download(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
		   void *data, size_t bytes)
{
	static const char what[] = "cannot download";
	int ret;

	ret = check_exchange(what, stream, buffer, offset, data, bytes);
	if (ret)
		return ret;
	if (stream->graph)
		return accel_graph_fail_recording(what);
	return fetch(what, stream, buffer->name, buffer->address + offset, bytes, take_memory,
		     data);
}

/* ---- Between contexts and devices ---- */

struct transfer {
	const char *what;
	struct accel_stream *stream;
	const char *name;	/* of the buffer */
	uint64_t dst;
};

static int take_transfer(void *opaque, size_t at, const void *data, size_t bytes)
{
	const struct transfer *transfer = opaque;
	int ret;

	ret = send(transfer->what, transfer->stream, transfer->name, transfer->dst + at, data,
		   bytes);
	return ret ? ret : accel_stream_flush(transfer->stream);
}

/* Both in one context: the card can do it alone. */
static int transfer_inside(const char *what, struct accel_stream *dst_stream,
			   struct accel_stream *src_stream)
{
	uint64_t point;
	int ret;

	if (dst_stream == src_stream)
		return 0;
	accel_lock(&src_stream->lock);
	ret = accel_stream_submit_rest(what, src_stream);
	point = src_stream->submitted;
	accel_unlock(&src_stream->lock);
	return ret ? ret : accel_stream_add_wait(what, dst_stream, src_stream, point);
}

ACCEL_API
int accel_transfer(struct accel_stream *dst_stream, struct accel_buffer *dst, size_t dst_offset,
		   struct accel_stream *src_stream, struct accel_buffer *src, size_t src_offset,
		   size_t bytes)
{
	static const char what[] = "cannot transfer";
	struct transfer transfer = { .what = what, .stream = dst_stream };
	int ret;

	ret = check_stream(what, dst_stream, 0);
	if (ret == 0)
		ret = check_stream(what, src_stream, 0);
	if (ret == 0)
		ret = check_range(what, dst_stream, dst, dst_offset, bytes);
	if (ret == 0)
		ret = check_range(what, src_stream, src, src_offset, bytes);
	if (ret)
		return ret;
	if (dst_stream->graph || src_stream->graph)
		return accel_graph_fail_recording(what);
	if (dst_stream->context == src_stream->context) {
		ret = transfer_inside(what, dst_stream, src_stream);
		return ret ? ret : accel_copy(dst_stream, dst, dst_offset, src, src_offset, bytes,
					      0);
	}
	transfer.name = dst->name;
	transfer.dst = dst->address + dst_offset;
	return fetch(what, src_stream, src->name, src->address + src_offset, bytes, take_transfer,
		     &transfer);
}

/* ---- Launching ---- */

static const char launching[] = "cannot launch a kernel";

static int check_grid(const uint32_t grid[3])
{
	uint64_t groups = 1;
	int i;

	for (i = 0; i < 3; i++) {
		if (!grid[i] || grid[i] > EGRET_GRID_MAX)
			return fail(-EINVAL, launching, NULL, "a grid of %u x %u x %u workgroups is "
				    "not possible: each must be 1 to %u", grid[0], grid[1], grid[2],
				    EGRET_GRID_MAX);
		/* Below 2^32 before, and 2^24 times that fits. */
		groups *= grid[i];
		if (groups > UINT32_MAX)
			return fail(-EINVAL, launching, NULL, "a grid of %u x %u x %u workgroups is "
				    "not possible: the product must be below 2^32", grid[0], grid[1],
				    grid[2]);
	}
	return 0;
}

int accel_check_launch(const struct accel_kernel *kernel, const uint32_t grid[3],
		       const void *args, size_t args_size)
{
	int ret = check_grid(grid);

	if (ret)
		return ret;
	if (args_size != kernel->info->args_size)
		return fail(-EINVAL, launching, "check that host and kernel agree about the structure",
			    "%zu bytes of arguments were given, it takes %u", args_size,
			    kernel->info->args_size);
	if (args_size && !args)
		return fail(-EINVAL, launching, NULL, "the arguments are NULL");
	return 0;
}

static int check_launch(const struct accel_stream *stream, const struct accel_kernel *kernel,
			const uint32_t grid[3], const void *args, size_t args_size,
			const struct accel_launch_options *opts)
{
	int ret = check_stream(launching, stream, opts->flags);

	if (ret)
		return ret;
	if (opts->reserved)
		return fail(-EINVAL, launching, NULL, "a reserved option is set");
	if (opts->profile && opts->profile->buffer->context != stream->context)
		return fail(-EINVAL, launching, NULL, "the profile is of another context");
	if (stream->type != ACCEL_STREAM_COMPUTE)
		return fail(-EINVAL, launching, NULL, "the stream is for copies only");
	if (kernel->module->context != stream->context)
		return fail(-EINVAL, launching, NULL, "it is of another context than the stream");
	return accel_check_launch(kernel, grid, args, args_size);
}

/* A launch in words of the card; `profile` is an address or 0. */
struct dispatch {
	const struct accel_kernel *kernel;
	const uint32_t *grid;
	const void *args;
	size_t args_size;
	uint64_t profile;
	uint8_t flags;
};

static inline void write_launch(union egret_packet *packet, const struct dispatch *d,
				uint64_t args)
{
	*packet = d->kernel->packet;
	packet->header.flags = d->flags;
	packet->dispatch.args = args;
	packet->dispatch.grid[0] = d->grid[0];
	packet->dispatch.grid[1] = d->grid[1];
	packet->dispatch.grid[2] = d->grid[2];
	packet->dispatch.profile = d->profile;
}

static int record_launch(struct accel_stream *stream, const struct dispatch *d)
{
	union egret_packet packet;

	write_launch(&packet, d, 0);
	return accel_graph_add_launch(launching, stream, &packet, d->kernel, d->args,
				      d->args_size);
}

/* With the stream's lock. Inlined where launches are plain, it needs no structure in memory. */
static inline __attribute__((always_inline)) int
queue_launch(struct accel_stream *stream, const struct dispatch *d)
{
	unsigned int generation = atomic_load_explicit(&stream->context->code_generation,
						       memory_order_acquire);
	union egret_packet *packet;
	uint64_t position;
	int ret;

	ret = stream_reserve(launching, stream, d->args_size, &position);
	if (ret)
		return ret;
	packet = stream_next(stream, position, d->args_size);
	write_launch(packet, d, d->args_size ? stream_data_address(stream, position) : 0);
	if (d->args_size)
		memcpy(stream_data(stream, position), d->args, d->args_size);
	if (generation != stream->code_generation) {
		packet->header.flags |= EGRET_PKT_INVALIDATE_CODE | EGRET_PKT_BARRIER;
		stream->code_generation = generation;
	}
	return 0;
}

/* How many of `count` launches there is room for, behind the first, for which there is. */
static size_t count_launches(const struct accel_stream *stream, size_t args_size, size_t count,
			     uint64_t position)
{
	uint64_t to_end = STREAM_SLOTS - stream->slot_tail % STREAM_SLOTS;
	uint64_t slots = stream->slot_limit - stream->slot_tail;
	uint64_t room = slots < to_end ? slots : to_end;

	if (args_size && room > (stream->data_limit - position) / args_size)
		room = (stream->data_limit - position) / args_size;
	return room < count ? room : count;
}

/*
 * Launches that differ in their arguments, which follow each other in `d`; with the stream's
 * lock. What a launch costs is little more than writing its packet.
 */
static int queue_launches(struct accel_stream *stream, const struct dispatch *d, size_t count)
{
	const uint8_t *args = d->args;
	union egret_packet packet, *slots;
	uint64_t position, address;
	size_t i, run;
	int ret;

	/* The first one sees to the cache of instructions. */
	while (count) {
		struct dispatch first = *d;

		first.args = args;
		ret = queue_launch(stream, &first);
		if (ret || !--count)
			return ret;
		args += d->args_size;
		ret = stream_reserve(launching, stream, d->args_size, &position);
		if (ret)
			return ret;
		run = count_launches(stream, d->args_size, count, position);
		address = d->args_size ? stream_data_address(stream, position) : 0;
		write_launch(&packet, d, address);
		slots = &stream->packets[stream->slot_tail % STREAM_SLOTS];
		for (i = 0; i < run; i++) {
			slots[i] = packet;
			packet.dispatch.args += d->args_size;
		}
		if (d->args_size) {
			memcpy(stream_data(stream, position), args, run * d->args_size);
			stream->data_tail = position + run * d->args_size;
			args += run * d->args_size;
		}
		stream->slot_tail += run;
		count -= run;
	}
	return 0;
}

static int queue_traced_launch(struct accel_stream *stream, struct dispatch *d)
{
	const struct trace_item item = {
		.kind = ACCEL_TRACE_LAUNCH, .name = d->kernel->info->name, .grid = d->grid,
	};
	struct trace_mark mark;
	int ret;

	ret = accel_trace_begin(launching, stream, &item, &mark);
	if (ret)
		return ret;
	if (!d->profile)
		d->profile = accel_trace_profile(&mark);
	ret = queue_launch(stream, d);
	if (ret) {
		accel_trace_cancel(&mark);
		return ret;
	}
	return accel_trace_end(launching, stream, &mark);
}

static __attribute__((noinline)) int
launch_slowly(struct accel_stream *stream, const struct accel_kernel *kernel,
	      const uint32_t grid[3], const void *args, size_t args_size,
	      const struct accel_launch_options *options)
{
	struct dispatch d = {
		.kernel = kernel, .grid = grid, .args = args, .args_size = args_size,
	};
	struct accel_launch_options opts = { .flags = 0 };
	int ret;

	if (options) {
		ret = accel_copy_in(launching, &opts, sizeof(opts), options);
		if (ret)
			return ret;
	}
	ret = check_launch(stream, kernel, grid, args, args_size, &opts);
	if (ret)
		return ret;
	d.flags = packet_flags(opts.flags);
	d.profile = opts.profile ? opts.profile->buffer->address : 0;
	if (stream->graph)
		return record_launch(stream, &d);
	accel_lock(&stream->lock);
	ret = accel_is_traced(stream) ? queue_traced_launch(stream, &d) : queue_launch(stream, &d);
	accel_unlock(&stream->lock);
	return ret;
}

/* On recording streams, with options, or traced; and what is wrong. */
static __attribute__((noinline)) int
launch_each_slowly(struct accel_stream *stream, const struct accel_kernel *kernel,
		   const uint32_t grid[3], const void *args, size_t args_size, size_t count,
		   const struct accel_launch_options *options)
{
	struct dispatch d = {
		.kernel = kernel, .grid = grid, .args = args, .args_size = args_size,
	};
	struct accel_launch_options opts = { .flags = 0 };
	int ret = 0;

	if (options)
		ret = accel_copy_in(launching, &opts, sizeof(opts), options);
	if (ret == 0)
		ret = check_launch(stream, kernel, grid, args, args_size, &opts);
	if (ret)
		return ret;
	if (opts.profile)
		return fail(-EINVAL, launching, NULL, "a profile is that of one launch");
	d.flags = packet_flags(opts.flags);
	if (!stream->graph)
		accel_lock(&stream->lock);
	if (!stream->graph && !accel_is_traced(stream)) {
		ret = queue_launches(stream, &d, count);
		count = 0;
	}
	for (; !ret && count; count--) {
		struct dispatch one = d;

		ret = stream->graph ? record_launch(stream, &one) :
				      queue_traced_launch(stream, &one);
		d.args = (const uint8_t *)d.args + args_size;
	}
	if (!stream->graph)
		accel_unlock(&stream->lock);
	return ret;
}

/* The words about a failed launch name the kernel; nobody pays for them before. */
static __attribute__((cold, noinline)) int fail_launch(int error,
						       const struct accel_kernel *kernel)
{
	char what[128];

	snprintf(what, sizeof(what), "cannot launch kernel %s", kernel->info->name);
	return accel_fail_again(error, what);
}

/*
 * True for what nearly all launches are: right, without options, on an ordinary stream, not
 * traced, and of a grid that is seen to be possible at a glance. Everything else takes the
 * long way, which also knows what to say about what is wrong.
 */
static inline bool is_plain(const struct accel_stream *stream, const struct accel_kernel *kernel,
			    const uint32_t grid[3], const void *args, size_t args_size)
{
	if (!stream || stream->graph || stream->type != ACCEL_STREAM_COMPUTE ||
	    accel_is_foreign(stream->context->device) || accel_is_traced(stream))
		return false;
	if (kernel->module->context != stream->context ||
	    args_size != kernel->packet.dispatch.args_size || (args_size && !args))
		return false;
	/* None is 0 or above 2^16, and of such the product does not overflow. */
	return ((grid[0] - 1) | (grid[1] - 1) | (grid[2] - 1)) < 1u << 16 &&
	       (uint64_t)grid[0] * grid[1] * grid[2] <= UINT32_MAX;
}

ACCEL_API
int accel_launch(struct accel_stream *stream, const struct accel_kernel *kernel,
		 const uint32_t grid[3], const void *args, size_t args_size,
		 const struct accel_launch_options *options)
{
	int ret;

	if (kernel && grid && !options && is_plain(stream, kernel, grid, args, args_size)) {
		const struct dispatch d = {
			.kernel = kernel, .grid = grid, .args = args, .args_size = args_size,
			.flags = EGRET_PKT_BARRIER,
		};

		accel_lock(&stream->lock);
		ret = queue_launch(stream, &d);
		accel_unlock(&stream->lock);
		return ret ? fail_launch(ret, kernel) : 0;
	}
	if (!kernel || !grid)
		return fail(-EINVAL, launching, NULL, "the %s is NULL",
			    kernel ? "grid" : "kernel");
	ret = launch_slowly(stream, kernel, grid, args, args_size, options);
	return ret ? fail_launch(ret, kernel) : 0;
}

ACCEL_API
int accel_launch_each(struct accel_stream *stream, const struct accel_kernel *kernel,
		      const uint32_t grid[3], const void *args, size_t args_size, size_t count,
		      const struct accel_launch_options *options)
{
	int ret;

	if (!kernel || !grid)
		return fail(-EINVAL, launching, NULL, "the %s is NULL",
			    kernel ? "grid" : "kernel");
	if (!options && is_plain(stream, kernel, grid, args, args_size)) {
		const struct dispatch d = {
			.kernel = kernel, .grid = grid, .args = args, .args_size = args_size,
			.flags = EGRET_PKT_BARRIER,
		};

		accel_lock(&stream->lock);
		ret = queue_launches(stream, &d, count);
		accel_unlock(&stream->lock);
	} else {
		ret = launch_each_slowly(stream, kernel, grid, args, args_size, count, options);
	}
	return ret ? fail_launch(ret, kernel) : 0;
}
