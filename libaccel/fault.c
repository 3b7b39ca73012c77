// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "fault.h"

#include <stddef.h>
#include <string.h>

#include <egret/fault.h>

#include "internal.h"

/* Advice that several codes share. */
#define PACKETS	"the library wrote the packet: look for a kernel or copy that overwrote it, or " \
		"report a bug of libaccel"
#define POINTER	"check the kernel's arguments and the bounds of its loops, and that the buffer " \
		"was not released before the work was over"
#define FIELD	"compare the descriptor with the specification; the address is the offset of " \
		"the field in it, the value what it holds"

static const struct {
	uint32_t code;
	const char *name;
	const char *description;
	const char *advice;
	/* An access to memory is behind it, so that fault_info tells which kind. */
	int memory;
} codes[] = {
	{ EGRET_FAULT_RING, "RING", "the ring's tail is out of range",
	  "this is a bug of the driver: report it", 0 },
	{ EGRET_FAULT_PKT_OPCODE, "PKT_OPCODE",
	  "a packet is of a kind that the queue does not take", PACKETS, 0 },
	{ EGRET_FAULT_PKT_RESERVED, "PKT_RESERVED", "a reserved bit of a packet is set",
	  PACKETS, 0 },
	{ EGRET_FAULT_PKT_FIELD, "PKT_FIELD", "a field of a packet is out of range", PACKETS, 0 },
	{ EGRET_FAULT_CALL_DEPTH, "CALL_DEPTH", "calls are nested too deeply", PACKETS, 0 },
	{ EGRET_FAULT_MMU_UNMAPPED, "MMU_UNMAPPED", "nothing is mapped at the address",
	  POINTER, 1 },
	{ EGRET_FAULT_MMU_PERMISSION, "MMU_PERMISSION",
	  "the memory does not permit the access",
	  "kernels may not write to code or constants, nor run data: check the pointer", 1 },
	{ EGRET_FAULT_MMU_TABLE, "MMU_TABLE", "a page table is malformed",
	  "this is a bug of the driver: report it", 1 },
	{ EGRET_FAULT_BUS, "BUS", "the memory did not answer",
	  "look at the kernel's log (dmesg) for errors of PCI Express", 1 },
	{ EGRET_FAULT_ECC, "ECC", "the memory has an uncorrectable error",
	  "the data at the address are lost: write them again, or use other memory", 1 },
	{ EGRET_FAULT_INSN_ILLEGAL, "INSN_ILLEGAL", "the instruction is illegal",
	  "look for a call through a wrong pointer or a stack that is too small, and build the "
	  "kernel with accel-cc", 0 },
	{ EGRET_FAULT_MISALIGNED, "MISALIGNED",
	  "a jump target, descriptor or atomic is not aligned",
	  "align it; EGRET_DESC() makes descriptors that are", 0 },
	{ EGRET_FAULT_LOCAL, "LOCAL",
	  "an access to the local aperture is outside the scratchpad",
	  "look for a NULL pointer, or an index beyond what egret_take() gave", 1 },
	{ EGRET_FAULT_ABORT, "ABORT", "the kernel gave up",
	  "the value is what it called egret_abort() with; 0x53435241 stands for a scratchpad "
	  "that is too small for what egret_take() was asked for", 0 },
	{ EGRET_FAULT_DESC_RESERVED, "DESC_RESERVED",
	  "a reserved field of a descriptor is set", FIELD, 0 },
	{ EGRET_FAULT_DESC_FIELD, "DESC_FIELD", "a field of a descriptor is out of range",
	  FIELD, 0 },
	{ EGRET_FAULT_DESC_RANGE, "DESC_RANGE",
	  "an operand reaches outside of the scratchpad",
	  "check sizes and strides of the operation against what egret_take() gave", 0 },
	{ EGRET_FAULT_DESC_TYPE, "DESC_TYPE",
	  "the operation does not take these data types together",
	  "convert one of the operands first; the specification lists what goes together", 0 },
	{ EGRET_FAULT_HUNG, "HUNG", "there was no progress within the time limit",
	  "look for an endless loop in the kernel", 0 },
};

static const char *const units[] = {
	[EGRET_UNIT_CP] = "command processor",
	[EGRET_UNIT_COPY] = "copy engine",
	[EGRET_UNIT_HART] = "hart",
	[EGRET_UNIT_DMA] = "DMA unit",
	[EGRET_UNIT_TILE] = "tile engine",
};

static const char *const accesses[] = {
	[EGRET_ACCESS_READ] = "read",
	[EGRET_ACCESS_WRITE] = "write",
	[EGRET_ACCESS_EXEC] = "execute",
};

static uint32_t field(uint32_t info, uint32_t mask)
{
	return (info & mask) / (mask & -mask);
}

void accel_fault_decode(const struct drm_egret_queue_query *query, struct accel_fault *fault)
{
	uint32_t unit = field(query->fault_info, EGRET_FAULT_INFO_UNIT_MASK);
	uint32_t access = field(query->fault_info, EGRET_FAULT_INFO_ACCESS_MASK);
	size_t i;

	*fault = (struct accel_fault) {
		.code = query->fault_code,
		.name = "UNKNOWN",
		.description = "a code that this library does not know",
		.unit = unit < ARRAY_SIZE(units) ? units[unit] : "unknown unit",
		.unit_index = field(query->fault_info, EGRET_FAULT_INFO_INDEX_MASK),
		.access = "",
		.addr = query->fault_addr,
		.value = query->fault_value,
		.pc = query->fault_pc,
		.kernel = "",
		.function = "",
		.nearby = "",
		.file = "",
	};
	memcpy(fault->group, query->fault_group, sizeof(fault->group));
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].code != query->fault_code)
			continue;
		fault->name = codes[i].name;
		fault->description = codes[i].description;
		if (codes[i].memory && access < ARRAY_SIZE(accesses))
			fault->access = accesses[access];
	}
}

const char *accel_fault_advice(uint32_t code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			return codes[i].advice;
	return "use a newer libaccel, which knows what it is";
}
