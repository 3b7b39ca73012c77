/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Arguments of a kernel as the command line gives them, and results as text.
 *
 *	u32:5  s8:-3  f32:1.5  u64:0x10  u16:1,2,3     values, of an array with commas
 *	in:FILE  out:FILE:BYTES  inout:FILE  zero:BYTES  address of a buffer
 *
 * They are laid out one after the other, each aligned to its size, as C does with the
 * members of a structure.
 */
#ifndef EGRET_SIM_ARGS_H
#define EGRET_SIM_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/packet.h>

#include "machine.h"

struct arg {
	const char *text;	/* as given */
	size_t offset;		/* in the structure */
	bool buffer;
	bool output;
	char *file;		/* to write back to, or NULL */
	uint64_t size;		/* bytes of the buffer */
	uint64_t va;		/* its address */
	uint8_t *host;		/* its memory */
};

struct args {
	struct arg *arg;
	unsigned int count;
	uint8_t data[EGRET_ARGS_SIZE_MAX];
	size_t size;		/* with the padding at the end */
};

/** args_load() - parse arguments and put their buffers into a machine's memory, from @va on */
void args_load(struct args *args, char *const *texts, unsigned int count, struct machine *m,
	       uint64_t va);

/**
 * args_print() - print buffers
 * @format: "[ARGUMENT:]TYPE[:COUNT]"; without a number, all buffers that are output
 */
void args_print(const struct args *args, const char *format);

/** args_store() - write the files of the buffers that are output */
void args_store(const struct args *args);

/** args_near() - in words, which buffer an address is in or next to; "" if none is */
const char *args_near(const struct args *args, uint64_t va);

void args_free(struct args *args);

#endif /* EGRET_SIM_ARGS_H */
