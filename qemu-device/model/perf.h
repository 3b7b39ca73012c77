/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The performance model: what each engine charges for what it does.
 *
 * Cycles are those of the core clock, 1.5 GHz. These figures predict a chip that does
 * not exist yet; they are functions of the work alone, never of the host, so that a
 * run's cycles repeat exactly. Specification: Documentation/hardware/performance.rst
 */
#ifndef EGRET_MODEL_PERF_H
#define EGRET_MODEL_PERF_H

#include <stdint.h>

/* ---- Memory, shared by all engines ---------------------------------------- */

#define PERF_CLOCK_KHZ			1500000		/* core clock of the fastest performance state */
#define PERF_VRAM_MB_S			512000		/* device memory, both directions together */
#define PERF_PCIE_MB_S			27000		/* PCIe 4.0 x16 with 256-byte payloads, each direction */

/** egret_perf_transfer() - cycles that bytes take at a bandwidth: bytes * clock / bandwidth, rounded up */
static inline uint64_t egret_perf_transfer(uint64_t bytes, uint32_t mb_s)
{
	unsigned __int128 n = (unsigned __int128)bytes * PERF_CLOCK_KHZ;
	uint64_t d = (uint64_t)mb_s * 1000;

	return (uint64_t)((n + d - 1) / d);
}

/** struct egret_traffic - bytes moved */
struct egret_traffic {
	uint64_t vram_read;
	uint64_t vram_write;
	uint64_t host_read;
	uint64_t host_write;
};

static inline uint64_t egret_perf_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/** egret_perf_traffic() - least cycles for the bytes: the slowest of the three ways decides */
static inline uint64_t egret_perf_traffic(const struct egret_traffic *t)
{
	uint64_t vram = egret_perf_transfer(t->vram_read + t->vram_write, PERF_VRAM_MB_S);
	uint64_t in = egret_perf_transfer(t->host_read, PERF_PCIE_MB_S);
	uint64_t out = egret_perf_transfer(t->host_write, PERF_PCIE_MB_S);

	return egret_perf_max(vram, egret_perf_max(in, out));
}

/* ---- Packets ---------------------------------------------------------------- */

#define PERF_PACKET			64	/* every packet: fetch and decode */
#define PERF_FENCE			100	/* FENCE, TIMESTAMP: until earlier writes are visible */
#define PERF_COPY			200	/* COPY, COPY_RECT, FILL: set up */
#define PERF_COPY_LATENCY		150	/* first byte of device memory, 100 ns */
#define PERF_COPY_HOST_LATENCY		1200	/* first byte of system memory, 800 ns */
#define PERF_COPY_ROW			4	/* each row of a COPY_RECT */
#define PERF_DISPATCH			400	/* DISPATCH: arguments, and telling the clusters */
#define PERF_GROUP			60	/* each workgroup: loading a cluster with it */

/**
 * egret_perf_copy() - cycles of a COPY, COPY_RECT or FILL beside PERF_PACKET
 * @t: what it moved
 * @rows: rows of a COPY_RECT, otherwise 1
 */
static inline uint64_t egret_perf_copy(const struct egret_traffic *t, uint64_t rows)
{
	uint64_t latency = t->host_read || t->host_write ? PERF_COPY_HOST_LATENCY :
							   PERF_COPY_LATENCY;

	return PERF_COPY + latency +
		egret_perf_max(egret_perf_traffic(t), rows * PERF_COPY_ROW);
}

/*
 * DISPATCH. Workgroup i, in ascending order (x fastest), goes to the cluster that
 * is free first (of equals the lowest) and holds it for PERF_GROUP and its own
 * cycles. The dispatch takes until the last cluster is free, or as long as memory
 * needs for the bytes of all workgroups (egret_perf_traffic()), if that is longer:
 * a workgroup is charged as if its share of the bandwidth were free, and together
 * they cannot exceed what there is. PERF_DISPATCH comes on top of the profile's
 * cycles.
 */

/* ---- Compute cluster ------------------------------------------------------ */

/*
 * Hart: single issue, in order. An instruction costs the cycles of its class; the
 * class names are those of hart_insns.h. A taken branch refills the fetch stage.
 * Scratchpad answers within the pipeline. A load from memory stalls for the
 * memory's latency, a store only for its way to the write buffer.
 */
#define PERF_ALU			1	/* integer, logic */
#define PERF_JUMP			2	/* JAL, JALR */
#define PERF_BRANCH			1	/* conditional branch, not taken */
#define PERF_BRANCH_TAKEN		1	/* beside PERF_BRANCH */
#define PERF_LOAD			1	/* load from scratchpad */
#define PERF_STORE			1	/* store to scratchpad */
#define PERF_MUL			2	/* integer multiply */
#define PERF_DIV			20	/* integer divide */
#define PERF_FP				2	/* add, multiply, compare, convert */
#define PERF_FDIV			16	/* divide, square root */
#define PERF_ATOMIC			4	/* A extension, in scratchpad */
#define PERF_SYSTEM			4	/* CSRs, environment, FENCE.I */
#define PERF_UNIT			4	/* hand a descriptor to a unit; WAIT and POLL */
#define PERF_TRAP			8	/* entry of a trap handler */
#define PERF_GLOBAL_LOAD		150	/* latency of device memory, 100 ns */
#define PERF_GLOBAL_STORE		4	/* device memory, to the write buffer */
#define PERF_GLOBAL_ATOMIC		150	/* device memory */
#define PERF_HOST_LOAD			1200	/* latency of system memory, 800 ns */
#define PERF_HOST_STORE			40	/* system memory, to the write buffer */

/*
 * DMA unit: an operation occupies the unit for
 *
 *	PERF_DMA_SETUP + max(runs * PERF_DMA_RUN, local, device, host)
 *
 * cycles, where `runs` counts contiguous pieces (of one loop-0 row, merged with
 * outer loops while both sides stay contiguous), `local` is all bytes by
 * PERF_DMA_LOCAL_BYTES, `device` the granules of device memory touched (runs rounded up
 * to PERF_DMA_GRANULE) by PERF_DMA_DEVICE_BYTES, `host` the bytes of system memory by
 * PERF_DMA_HOST_BYTES. Its result is there PERF_DMA_LATENCY cycles after that, during
 * which the unit already works for the next operation.
 */
#define PERF_DMA_SETUP			16	/* start of an operation */
#define PERF_DMA_RUN			1	/* a contiguous piece, at least */
#define PERF_DMA_LATENCY		150	/* first byte of device memory, 100 ns */
#define PERF_DMA_HOST_LATENCY		1200	/* first byte of system memory, 800 ns */
#define PERF_DMA_GRANULE		64	/* bytes of one access to device memory */
#define PERF_DMA_LOCAL_BYTES		128	/* a cycle: scratchpad port */
#define PERF_DMA_DEVICE_BYTES		85	/* a cycle: a fourth of 512 GB/s at 1.5 GHz */
#define PERF_DMA_HOST_BYTES		8	/* a cycle: 12 GB/s of the PCIe link */

/* Operations a unit holds; issuing one more waits until the oldest is complete. */
#define PERF_DMA_QUEUE			32	/* operations the DMA unit holds */
#define PERF_TILE_QUEUE			32	/* operations the tile engine holds */

/*
 * Tile engine, matrix multiply: an array of 32 rows by 32 columns, each of which takes
 * one multiply-accumulate of int8 a cycle, two of int4, half of one of bf16 or fp16, and
 * a fourth of one of fp32. m and n are rounded up to the array:
 *
 *	PERF_TILE_SETUP + batch * (max(array, epilogue) + PERF_TILE_FILL)
 *	array = ceil(m / 32) * ceil(n / 32) * ceil(half / 2)
 *	half = k * PERF_MATMUL_*, with block operands + ceil(k / 32) * PERF_MATMUL_BLOCK
 *
 * If m is below 32, idle rows take other columns: with share = m rounded up to a power of
 * two, array = ceil(n / (1024 / share)) * ceil(half / 2), but not less than the bytes of B
 * (n rounded up to 32) by PERF_TILE_LOCAL_BYTES. Block-scaled operands cost as their
 * integers do. The epilogue, m * n elements by PERF_EPILOGUE_LANES, runs beside the array.
 */
#define PERF_TILE_SETUP			32	/* start of any operation */
#define PERF_TILE_FILL			64	/* fill and drain of the array */
#define PERF_TILE_LOCAL_BYTES		256	/* a cycle, scratchpad to the engine */
#define PERF_MATMUL_S4			1	/* half cycles a k, both operands of 4 bits */
#define PERF_MATMUL_S8			2	/* integers otherwise */
#define PERF_MATMUL_F16			4	/* an operand is F16 or BF16 */
#define PERF_MATMUL_F32			8	/* an operand is F32 */
#define PERF_MATMUL_BLOCK		8	/* half cycles a block of 32 k, to apply scales */
#define PERF_EPILOGUE_LANES		32	/* elements a cycle */

/*
 * Tile engine, the rest: 64 lanes of 32 bits. A lane takes one element whatever its
 * type; elements of 64 bits take two lanes.
 *
 *	PERF_TILE_SETUP + ceil(elements * cost / PERF_LANES)
 *
 * where cost is that of the operation's class; the innermost dimension is rounded up
 * to whole groups of 16 lanes. An index table adds a cycle for each 4 entries.
 */
#define PERF_LANES			64	/* elements a cycle */
#define PERF_LANE_GROUP			16	/* rows are rounded up to */
#define PERF_MAP_SIMPLE			1	/* copy, add, compare, logic, ... */
#define PERF_MAP_MULTIPLY		1	/* multiply, fused multiply-add */
#define PERF_MAP_DIVIDE			4	/* division, remainder, roots, reciprocal */
#define PERF_MAP_FUNCTION		8	/* exp, log, tanh, erf, ... */
#define PERF_MAP_POWER			16	/* power */
#define PERF_REDUCE			1	/* any reduction */
#define PERF_SCAN			4	/* with SCAN: one sum after the other */
#define PERF_QUANT			2	/* either direction */

/* ---- End of the compute cluster ------------------------------------------- */

#endif /* EGRET_MODEL_PERF_H */
