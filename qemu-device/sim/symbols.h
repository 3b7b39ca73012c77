/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Addresses as functions and lines, from a program's symbols and debug information. */
#ifndef EGRET_SIM_SYMBOLS_H
#define EGRET_SIM_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct symbols;

/** struct symbols_place - what is known about an address; strings belong to the symbols */
struct symbols_place {
	uint64_t address;
	const char *function;	/* NULL if not known */
	uint64_t offset;	/* from the function's start */
	const char *file;	/* NULL if not known */
	int line;
};

/**
 * symbols_open() - read the symbols of an ELF file
 * @path: the file
 * @base: where it is loaded, if it can be loaded anywhere; otherwise 0
 *
 * A file without symbols is as good as any: then nothing is known.
 */
struct symbols *symbols_open(const char *path, uint64_t base);
void symbols_close(struct symbols *s);

/** symbols_place() - look up an address; @s may be NULL */
const struct symbols_place *symbols_place(struct symbols *s, uint64_t address);

/** symbols_find() - the address of a symbol; false if there is none of that name */
bool symbols_find(struct symbols *s, const char *name, uint64_t *address);

/** symbols_text() - an address as "function+0x12 (file.c:34)"; good until the next call */
const char *symbols_text(struct symbols *s, uint64_t address);

#endif /* EGRET_SIM_SYMBOLS_H */
