/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* The model's tile engine, for tests/tools/specification. */
#include <string.h>

#include "tile.h"

int specification_run(unsigned int funct3, const void *descriptor, uint8_t *scratch,
		      uint64_t fault[3]);

/* Returns 0, or 1 with the fault's code, addr and value. */
int specification_run(unsigned int funct3, const void *descriptor, uint8_t *scratch,
		      uint64_t fault[3])
{
	static struct egret_tile tile;
	static union egret_desc desc;
	struct egret_fault f = { .code = EGRET_FAULT_NONE };

	if (!tile.work && egret_tile_init(&tile, scratch))
		return -1;
	tile.scratch = scratch;
	memcpy(&desc, descriptor, egret_desc_size(funct3));
	if (egret_tile_check(funct3, &desc, &f) && egret_tile_run(&tile, funct3, &desc, &f))
		return 0;
	fault[0] = f.code;
	fault[1] = f.addr;
	fault[2] = f.value;
	return 1;
}
