/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The stream of a saved chip: how values, memory and sections become bytes.
 *
 * What belongs to the state is written down once, for both directions:
 *
 *	q->head = snap_u64(s, q->head);
 *
 * stores the value when the chip is saved, and returns another one when it is loaded.
 * After the first error a stream that is loaded gives nothing but zeroes and says so
 * in snap_ok(); its reader may go on to a convenient place.
 *
 * Format, all numbers little endian:
 *
 *	header		8 bytes EGRET_SNAPSHOT_MAGIC, u32 version, u32 zero, u64 size of all
 *	sections	4 characters, u32 version, u64 size of what follows, contents
 *	trailer		u32 CRC-32 (that of IEEE 802.3) of all before it
 *
 * Nothing is skipped: a section that is unknown, of another version or of another size
 * than expected is an error. The sum finds accidents; a stream that somebody made up may
 * have a good one, and all values are checked by whoever loads them.
 */
#ifndef EGRET_MODEL_SNAPSHOT_H
#define EGRET_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "egret_model.h"

#define EGRET_SNAPSHOT_MAGIC	"EgretSav"
#define EGRET_SNAPSHOT_VERSION	1
#define EGRET_SNAPSHOT_HEADER	24
#define EGRET_SNAPSHOT_TRAILER	4

/**
 * struct egret_snap - a stream that is being written or read
 * @load: direction
 * @failed: something went wrong, @error says what
 * @data: the stream
 * @size: bytes of it
 * @room: bytes that @data has room for (saving)
 * @at: where the next value is
 * @end: one past the present section (loading)
 * @open: where the present section's size is to be written (saving)
 * @error: in words
 */
struct egret_snap {
	bool load;
	bool failed;
	uint8_t *data;
	size_t size;
	size_t room;
	size_t at;
	size_t end;
	size_t open;
	char error[EGRET_MODEL_ERROR];
};

/** snap_fail() - an error; the first one counts */
void snap_fail(struct egret_snap *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool snap_ok(const struct egret_snap *s)
{
	return !s->failed;
}

/* A value; see the top. */
uint8_t snap_u8(struct egret_snap *s, uint8_t value);
uint32_t snap_u32(struct egret_snap *s, uint32_t value);
uint64_t snap_u64(struct egret_snap *s, uint64_t value);
bool snap_bool(struct egret_snap *s, bool value);

/** snap_max() - a u64 that is at most @max; @what names it in the error */
uint64_t snap_max(struct egret_snap *s, uint64_t value, uint64_t max, const char *what);

/** snap_bytes() - bytes as they are */
void snap_bytes(struct egret_snap *s, void *bytes, size_t size);

/** snap_memory() - bytes most of which are zero; @size is a multiple of 256 */
void snap_memory(struct egret_snap *s, void *memory, size_t size);

/** snap_words() - numbers most of which are zero */
void snap_words(struct egret_snap *s, uint64_t *words, size_t count);

/** snap_open() - a section begins; @tag has 4 characters */
void snap_open(struct egret_snap *s, const char *tag, uint32_t version);
/** snap_close() - it ends */
void snap_close(struct egret_snap *s);

/** snap_start() - begin to save */
void snap_start(struct egret_snap *s);
/** snap_finish() - all is saved: header and trailer become right */
void snap_finish(struct egret_snap *s);

/** snap_receive() - read a whole stream and check its frame, to be loaded from then on */
void snap_receive(struct egret_snap *s, const struct egret_model_reader *reader);
/** snap_end() - all is loaded: nothing may be left */
void snap_end(struct egret_snap *s);

/** snap_free() - the end of @s, but for its error */
void snap_free(struct egret_snap *s);

/** snap_crc() - CRC-32 of IEEE 802.3 */
uint32_t snap_crc(const void *data, size_t size);

#endif /* EGRET_MODEL_SNAPSHOT_H */
