// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Streams of saved chips. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

/* More than the largest chip with everything in use. */
#define SIZE_LIMIT	(1ull << 30)
/* A stream may say that it is large, and then end: memory is taken as bytes come. */
#define PIECE		(1u << 20)

#define BLOCK		256	/* granule of snap_memory() */
#define NO_BLOCK	UINT32_MAX

void snap_fail(struct egret_snap *s, const char *format, ...)
{
	va_list args;

	if (s->failed)
		return;
	s->failed = true;
	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
}

uint32_t snap_crc(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t table[256];
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < size; i++)
		crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
	return ~crc;
}

/* ---- Bytes ------------------------------------------------------------------------ */

static bool make_room(struct egret_snap *s, size_t size)
{
	size_t room = s->room ? s->room : 4096;
	uint8_t *data;

	if (size <= s->room - s->size)
		return true;
	while (room - s->size < size)
		room *= 2;
	data = realloc(s->data, room);
	if (!data) {
		snap_fail(s, "no memory");
		return false;
	}
	s->data = data;
	s->room = room;
	return true;
}

void snap_bytes(struct egret_snap *s, void *bytes, size_t size)
{
	if (!s->load) {
		if (s->failed || !make_room(s, size))
			return;
		memcpy(s->data + s->size, bytes, size);
		s->size += size;
		return;
	}
	if (!s->failed && size > s->end - s->at)
		snap_fail(s, "a section ends too early, at byte %zu", s->at);
	if (s->failed) {
		memset(bytes, 0, size);
		return;
	}
	memcpy(bytes, s->data + s->at, size);
	s->at += size;
}

static uint64_t number(struct egret_snap *s, uint64_t value, unsigned int size)
{
	uint8_t bytes[8];

	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	snap_bytes(s, bytes, size);
	if (!s->load)
		return value;
	value = 0;
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

uint8_t snap_u8(struct egret_snap *s, uint8_t value)
{
	return (uint8_t)number(s, value, 1);
}

uint32_t snap_u32(struct egret_snap *s, uint32_t value)
{
	return (uint32_t)number(s, value, 4);
}

uint64_t snap_u64(struct egret_snap *s, uint64_t value)
{
	return number(s, value, 8);
}

uint64_t snap_max(struct egret_snap *s, uint64_t value, uint64_t max, const char *what)
{
	value = number(s, value, 8);
	if (s->load && value > max) {
		snap_fail(s, "%s is %llu, at most %llu is possible", what,
			  (unsigned long long)value, (unsigned long long)max);
		return 0;
	}
	return value;
}

bool snap_bool(struct egret_snap *s, bool value)
{
	uint8_t byte = snap_u8(s, value);

	if (byte > 1)
		snap_fail(s, "neither yes nor no at byte %zu", s->at - 1);
	return byte == 1;
}

/* ---- Memory ------------------------------------------------------------------------- */

/* The number of the next block that is not zero. */
static size_t skip_zeroes(const uint8_t *memory, size_t block, size_t blocks)
{
	static const uint8_t zeroes[BLOCK];

	while (block < blocks && !memcmp(memory + block * BLOCK, zeroes, BLOCK))
		block++;
	return block;
}

void snap_memory(struct egret_snap *s, void *memory, size_t size)
{
	uint8_t *bytes = memory;
	size_t blocks = size / BLOCK;

	if (s->load)
		memset(memory, 0, size);
	for (size_t next = 0; snap_ok(s); next++) {
		uint32_t n;

		if (!s->load)
			next = skip_zeroes(bytes, next, blocks);
		n = snap_u32(s, next < blocks ? (uint32_t)next : NO_BLOCK);
		if (n == NO_BLOCK)
			return;
		if (n < next || n >= blocks) {
			snap_fail(s, "block %u of memory is not in order", n);
			return;
		}
		next = n;
		snap_bytes(s, bytes + next * BLOCK, BLOCK);
	}
}

void snap_words(struct egret_snap *s, uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i += 8) {
		uint8_t mask = 0;

		for (size_t j = i; j < count && j < i + 8; j++)
			mask |= (words[j] != 0) << (j - i);
		mask = snap_u8(s, mask);
		for (size_t j = i; j < count && j < i + 8; j++)
			words[j] = mask >> (j - i) & 1 ? snap_u64(s, words[j]) : 0;
	}
}

/* ---- Sections -------------------------------------------------------------------------- */

void snap_open(struct egret_snap *s, const char *tag, uint32_t version)
{
	char there[5] = "";
	uint64_t size;

	memcpy(there, tag, 4);
	if (s->load)
		s->end = s->size;
	snap_bytes(s, there, 4);
	if (snap_ok(s) && memcmp(there, tag, 4))
		snap_fail(s, "section %s is missing at byte %zu", tag, s->at - 4);
	if (snap_u32(s, version) != version)
		snap_fail(s, "section %s has a version that is not known", tag);
	s->open = s->size;
	size = snap_u64(s, 0);
	if (s->load && snap_ok(s) && size > s->size - s->at)
		snap_fail(s, "section %s is cut off", tag);
	if (s->load && snap_ok(s))
		s->end = s->at + size;
}

void snap_close(struct egret_snap *s)
{
	uint64_t size = s->size - s->open - 8;

	if (!snap_ok(s))
		return;
	if (s->load) {
		if (s->at != s->end)
			snap_fail(s, "a section has %zu bytes too many, at byte %zu",
				  s->end - s->at, s->at);
		return;
	}
	for (unsigned int i = 0; i < 8; i++)
		s->data[s->open + i] = (uint8_t)(size >> 8 * i);
}

/* ---- The whole --------------------------------------------------------------------------- */

/* In the header, the size of a stream that is being made is zero. */
static uint64_t header(struct egret_snap *s)
{
	char magic[8];
	uint64_t size;

	memcpy(magic, EGRET_SNAPSHOT_MAGIC, sizeof(magic));
	snap_bytes(s, magic, sizeof(magic));
	if (snap_ok(s) && memcmp(magic, EGRET_SNAPSHOT_MAGIC, sizeof(magic)))
		snap_fail(s, "not the state of an Egret chip");
	if (snap_u32(s, EGRET_SNAPSHOT_VERSION) != EGRET_SNAPSHOT_VERSION)
		snap_fail(s, "a version of the state's format that is not known");
	if (snap_u32(s, 0))
		snap_fail(s, "a reserved word of the state's header is set");
	size = snap_u64(s, 0);
	if (s->load && snap_ok(s) &&
	    (size > SIZE_LIMIT || size < EGRET_SNAPSHOT_HEADER + EGRET_SNAPSHOT_TRAILER))
		snap_fail(s, "a size of the state that cannot be: %llu bytes",
			  (unsigned long long)size);
	return size;
}

void snap_start(struct egret_snap *s)
{
	memset(s, 0, sizeof(*s));
	header(s);
}

void snap_finish(struct egret_snap *s)
{
	uint64_t size = s->size + EGRET_SNAPSHOT_TRAILER;

	if (!snap_ok(s))
		return;
	for (unsigned int i = 0; i < 8; i++)
		s->data[EGRET_SNAPSHOT_HEADER - 8 + i] = (uint8_t)(size >> 8 * i);
	snap_u32(s, snap_crc(s->data, s->size));
}

/* Read until the stream has @size bytes. */
static void receive_up_to(struct egret_snap *s, const struct egret_model_reader *reader,
			  uint64_t size)
{
	while (snap_ok(s) && s->size < size) {
		size_t piece = size - s->size < PIECE ? size - s->size : PIECE;

		if (!make_room(s, piece))
			return;
		if (reader->read(reader->opaque, s->data + s->size, piece)) {
			snap_fail(s, "the state ends within %zu bytes from byte %zu on", piece,
				  s->size);
			return;
		}
		s->size += piece;
	}
}

void snap_receive(struct egret_snap *s, const struct egret_model_reader *reader)
{
	uint64_t size;
	uint32_t crc;

	memset(s, 0, sizeof(*s));
	s->load = true;
	receive_up_to(s, reader, EGRET_SNAPSHOT_HEADER);
	s->end = s->size;
	size = header(s);
	receive_up_to(s, reader, size);
	if (!snap_ok(s))
		return;
	s->size -= EGRET_SNAPSHOT_TRAILER;
	s->at = s->size;
	s->end = size;
	crc = snap_u32(s, 0);
	if (crc != snap_crc(s->data, s->size))
		snap_fail(s, "the state is damaged: its sum is wrong");
	s->at = EGRET_SNAPSHOT_HEADER;
}

void snap_end(struct egret_snap *s)
{
	if (snap_ok(s) && s->at != s->size)
		snap_fail(s, "the state has %zu bytes too many", s->size - s->at);
}

void snap_free(struct egret_snap *s)
{
	free(s->data);
	s->data = NULL;
}
