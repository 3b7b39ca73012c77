/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A compute cluster: one hart with its scratchpad, DMA unit and tile engine.
 *
 * A cluster runs one workgroup at a time and knows nothing of queues or packets.
 * Whoever owns it gives it a port to memory (mmu.h), which the hart and the DMA
 * unit share, begins a workgroup, and runs it in bounded quanta until it is done
 * or has faulted:
 *
 *	egret_port_begin(port, group.context);
 *	egret_cluster_begin(cl, &group);
 *	while ((r = egret_cluster_run(cl, budget)) == EGRET_RUN_QUANTUM)
 *		...;
 *	egret_port_end(port);
 *
 * A cluster belongs to one thread at a time. It keeps direct pointers to memory only
 * within one call of egret_cluster_run(); so its owner calls egret_port_poll() between
 * calls. To stop a workgroup, the owner just does not go on with it, or, not to wait
 * for the end of a long operation, uses egret_cluster_set_stop().
 *
 * Decoded instructions are kept beyond a workgroup, by context number and virtual
 * address. They are forgotten through the port's drop_code(), which
 * egret_cluster_create() sets, or by egret_cluster_invalidate_code(): where a packet
 * asks for it, and whenever a context number gets a new root table.
 */
#ifndef EGRET_MODEL_CLUSTER_H
#define EGRET_MODEL_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

struct egret_cluster;
struct egret_hart;
struct egret_port;
union egret_desc;

/** struct egret_group - a workgroup to run; @args are copied by egret_cluster_begin() */
struct egret_group {
	uint32_t context;	/* number of the context, the key of the code cache */
	uint32_t queue;		/* for whoever looks; no meaning here */
	uint64_t entry;		/* address of the kernel's first instruction */
	const void *args;
	uint32_t args_size;	/* bytes, up to EGRET_ARGS_SIZE_MAX */
	uint32_t id[3];		/* x, y, z */
	uint32_t grid[3];
	uint64_t cookie;
};

/**
 * struct egret_group_stats - what one workgroup did
 *
 * Cycles are modelled (perf.h). Always, also after a fault or between quanta:
 * hart_cycles + tile_wait + dma_wait == cycles.
 */
struct egret_group_stats {
	uint64_t cycles;	/* elapsed */
	uint64_t hart_cycles;	/* executing instructions */
	uint64_t tile_wait;	/* waiting for the tile engine */
	uint64_t dma_wait;	/* waiting for the DMA unit */
	uint64_t tile_busy;	/* cycles of tile operations */
	uint64_t dma_busy;	/* cycles of DMA operations */
	uint64_t instructions;	/* retired */
	uint64_t macs;		/* multiply-accumulates of matrix operations */
	uint64_t vram_read;	/* bytes of device memory and of system memory, */
	uint64_t vram_write;	/* by the hart's loads and stores and by the DMA unit; */
	uint64_t host_read;	/* instruction fetches are not counted */
	uint64_t host_write;
};

enum egret_run {
	EGRET_RUN_DONE,		/* the workgroup has ended; all its operations are complete */
	EGRET_RUN_QUANTUM,	/* the budget is used up; call again */
	EGRET_RUN_FAULT,	/* the workgroup is over; see egret_cluster_fault() */
	EGRET_RUN_STOPPED,	/* given up in the middle: egret_cluster_set_stop() */
};

/**
 * egret_cluster_create() - make a cluster
 * @index: its number: CSR EGRET_CSR_CLUSTER and the index in fault records
 * @port: way to memory, used for everything; outlives the cluster; its drop_code()
 *	is set here
 *
 * Return: the cluster, or NULL when there is no memory.
 */
struct egret_cluster *egret_cluster_create(unsigned int index, struct egret_port *port);
void egret_cluster_destroy(struct egret_cluster *cl);

/**
 * egret_cluster_set_time() - give the hart a clock for its CSR time
 * @time: EGRET_REG_TIME, called on the cluster's thread; NULL for the embedder's time_ns()
 * @arg: its argument
 */
void egret_cluster_set_time(struct egret_cluster *cl, uint64_t (*time)(void *arg), void *arg);

/**
 * egret_cluster_set_stop() - ways not to wait for the end of an operation
 * @kill: looked at inside and between operations of the units: when it is true the workgroup
 *	is over, egret_cluster_run() returns EGRET_RUN_STOPPED, and what was written
 *	stays; NULL for none. Who sets it does not want the workgroup's results any more.
 * @yield: looked at likewise: when it is true egret_cluster_run() returns EGRET_RUN_QUANTUM
 *	soon, between two instructions, with nothing lost; NULL for none. It is the caller
 *	who makes it false again, before the next egret_cluster_run().
 */
void egret_cluster_set_stop(struct egret_cluster *cl, const atomic_bool *kill,
			    const atomic_bool *yield);

/**
 * egret_cluster_begin() - load a workgroup
 *
 * Scratchpad is cleared if the last workgroup was of another context, or after
 * egret_cluster_clear(). The port must already be in the group's context.
 */
void egret_cluster_begin(struct egret_cluster *cl, const struct egret_group *group);

/**
 * egret_cluster_run() - go on with the workgroup
 * @budget: how much: an instruction costs 1, a tile or DMA operation its modelled
 *	cycles. A single operation is not divided, so that it may overrun; see
 *	egret_cluster_set_stop() for those who cannot wait for it.
 */
enum egret_run egret_cluster_run(struct egret_cluster *cl, uint64_t budget);

/** egret_cluster_fault() - the fault, after EGRET_RUN_FAULT */
const struct egret_fault *egret_cluster_fault(const struct egret_cluster *cl);

/** egret_cluster_stats() - what the workgroup did so far */
void egret_cluster_stats(const struct egret_cluster *cl, struct egret_group_stats *stats);

/** egret_cluster_pc() - where the hart is (exact between calls of egret_cluster_run()) */
uint64_t egret_cluster_pc(const struct egret_cluster *cl);

/** enum egret_activity_kind - what takes time in a cluster beside instructions */
enum egret_activity_kind {
	EGRET_ACTIVITY_DMA,		/* the DMA unit is busy with an operation */
	EGRET_ACTIVITY_TILE,		/* so is the tile engine */
	EGRET_ACTIVITY_DMA_WAIT,	/* the hart stands still for the DMA unit */
	EGRET_ACTIVITY_TILE_WAIT,	/* for the tile engine */
};

/**
 * struct egret_activity - a span of modelled time, in cycles since the workgroup began
 * @kind: what it is; the fields below @end are of operations only
 * @start: first cycle
 * @end: one past the last
 * @done: when the result is there: for DMA later than @end by the memory's latency
 * @issued: when the hart issued it
 * @pc: address of the instruction
 * @funct3: kind of the operation: EGRET_FUNCT3_*
 * @tag: its tag
 * @desc: its descriptor, as it was read
 */
struct egret_activity {
	enum egret_activity_kind kind;
	uint64_t start;
	uint64_t end;
	uint64_t done;
	uint64_t issued;
	uint64_t pc;
	unsigned int funct3;
	unsigned int tag;
	const union egret_desc *desc;
};

/**
 * egret_cluster_observe() - be told of what the units do
 * @cl: cluster
 * @observe: called on the thread that runs the cluster, when an operation happens
 *	(see the top of cluster.c) or a wait ends; so not in the order of time. NULL: no more
 * @arg: its argument
 *
 * The spans of one kind add up to the figure of that kind in struct egret_group_stats,
 * once a workgroup has ended well.
 */
void egret_cluster_observe(struct egret_cluster *cl,
			   void (*observe)(void *arg, const struct egret_activity *activity),
			   void *arg);

/** egret_cluster_hart() - its hart (hart.h), for debuggers, between calls of egret_cluster_run() */
struct egret_hart *egret_cluster_hart(struct egret_cluster *cl);

/** egret_cluster_invalidate_code() - forget decoded instructions of a context (or EGRET_CONTEXT_ALL) */
void egret_cluster_invalidate_code(struct egret_cluster *cl, uint32_t context);

/** egret_cluster_clear() - forget everything of the last workgroup: a reset of the engine */
void egret_cluster_clear(struct egret_cluster *cl);

/** egret_cluster_scratch() - the scratchpad, EGRET_SCRATCH_SIZE bytes; for debuggers and tests */
void *egret_cluster_scratch(struct egret_cluster *cl);

#endif /* EGRET_MODEL_CLUSTER_H */
