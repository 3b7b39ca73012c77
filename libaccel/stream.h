/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_STREAM_H
#define ACCEL_STREAM_H

/*
 * The rings of a stream, for the files that queue work (work.c, graph.c, event.c,
 * trace.c). All functions are called with the stream's lock held, unless they say
 * otherwise; none is for recording streams, which have no rings.
 */

#include <egret/packet.h>

#include "internal.h"

/* Pieces of uploads and downloads, so that one is moved while the next is copied. */
#define PIECE		(STREAM_DATA / 4)
#define DATA_ALIGN	64

/* Places in the stream's memory. */
#define AT_PACKETS	0
#define AT_DATA		(AT_PACKETS + STREAM_SLOTS * EGRET_PACKET_SIZE)
#define AT_COMPLETED	(AT_DATA + STREAM_DATA)
#define AT_STAMPS	(AT_COMPLETED + EGRET_PACKET_SIZE)
#define STREAM_MEMORY	(AT_STAMPS + STREAM_STAMPS * sizeof(struct egret_timestamp))

static inline uint64_t stream_completed(const struct accel_stream *stream)
{
	return atomic_load_explicit(stream->completed, memory_order_acquire);
}

/* Where the next data would begin if the data ring had no end. */
static inline uint64_t stream_data_next(const struct accel_stream *stream)
{
	return (stream->data_tail + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
}

/* Where `bytes` would begin in the data ring, which they must not wrap around in. */
static inline uint64_t stream_data_position(const struct accel_stream *stream, size_t bytes)
{
	uint64_t at = stream_data_next(stream);

	if (at % STREAM_DATA + bytes > STREAM_DATA)
		at += STREAM_DATA - at % STREAM_DATA;
	return at;
}

/* True if a packet and its data fit into the rings as far as it is known. */
static inline bool stream_has_room(const struct accel_stream *stream, size_t bytes)
{
	/* One packet, and the FENCE after it. */
	if (stream->slot_tail + 2 - stream->slot_head > STREAM_SLOTS)
		return false;
	return !bytes || stream_data_position(stream, bytes) + bytes - stream->data_head <=
				 STREAM_DATA;
}

int accel_stream_reserve_slowly(const char *what, struct accel_stream *stream, size_t bytes,
				uint64_t *position);

/*
 * Make room for one packet and `bytes` of data, at most PIECE. The position of the data
 * is returned; it is taken when the packet is queued. Submits when the batch is full, and
 * waits for the card when the rings are.
 */
static inline int stream_reserve(const char *what, struct accel_stream *stream, size_t bytes,
				 uint64_t *position)
{
	uint64_t at = stream_data_next(stream);

	if (stream->slot_tail >= stream->slot_limit || at + bytes > stream->data_limit)
		return accel_stream_reserve_slowly(what, stream, bytes, position);
	*position = at;
	return 0;
}

/* The next packet to write, for which room was reserved, with `bytes` at `position`. */
static inline union egret_packet *stream_next(struct accel_stream *stream, uint64_t position,
					      size_t bytes)
{
	if (bytes)
		stream->data_tail = position + bytes;
	return &stream->packets[stream->slot_tail++ % STREAM_SLOTS];
}

static inline uint8_t *stream_data(struct accel_stream *stream, uint64_t position)
{
	return stream->data + position % STREAM_DATA;
}

static inline uint64_t stream_data_address(const struct accel_stream *stream, uint64_t position)
{
	return stream->memory->address + AT_DATA + position % STREAM_DATA;
}

/* True if packet and data could be queued without waiting for anybody. */
bool accel_stream_room_now(struct accel_stream *stream, size_t bytes);

/*
 * Queue a packet that writes the time to a place, and let the event have the place; the
 * batch must be started next. The event's lock is not held.
 */
int accel_stream_stamp(const char *what, struct accel_stream *stream, struct accel_event *event,
		       unsigned int *place);

/* What stands in a place; only when its batch has completed. */
static inline struct egret_timestamp stream_stamp(const struct accel_stream *stream,
						  unsigned int place)
{
	return stream->stamps[place];
}

/* Start the batch; it may be empty, and then only signals. */
int accel_stream_submit(const char *what, struct accel_stream *stream);

/* Start the batch unless it is empty. */
int accel_stream_submit_rest(const char *what, struct accel_stream *stream);

/*
 * Keep what lies in the data ring from a position on, though the card is done with it,
 * until the pin is taken out. Pins are set in the order of their positions.
 */
void accel_stream_pin(struct accel_stream *stream, struct stream_pin *pin, uint64_t position);
void accel_stream_unpin(struct accel_stream *stream, struct stream_pin *pin);

#endif /* ACCEL_STREAM_H */
