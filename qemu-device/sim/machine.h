/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The clusters of a chip with their memory, and nothing else of it.
 *
 * The clusters are advanced in the order of modelled time: whoever is behind goes
 * next, a little at a time. A cluster that is free takes the next workgroup at the
 * time it became free. So the schedule is the one that the chip's own counters charge
 * (perf.h), workgroups may wait for each other, and every run is like the one before.
 */
#ifndef EGRET_SIM_MACHINE_H
#define EGRET_SIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/packet.h>

#include "cluster.h"
#include "dispatch.h"
#include "hart.h"
#include "mem.h"
#include "mmu.h"

struct machine;

/** struct machine_unit - a cluster; times are modelled cycles since the dispatch began */
struct machine_unit {
	struct machine *machine;
	unsigned int index;
	struct egret_port port;
	struct egret_cluster *cluster;
	struct egret_hart *hart;
	bool busy;		/* has a workgroup */
	bool held;		/* stands still: a debugger wants only others to run */
	uint64_t group;		/* number of the workgroup, */
	uint32_t id[3];		/* its coordinates, */
	uint64_t start;		/* when its first instruction began */
	uint64_t free_at;	/* end of the last workgroup */
};

/**
 * struct machine_watch - who wants to know what happens; every member may be NULL
 * @before: before a workgroup goes on: for one instruction if the machine steps,
 *	otherwise for a quantum. False: stop the machine instead.
 * @after: after that. False: stop the machine.
 * @begin: a workgroup has been loaded
 * @end: a workgroup has ended well
 * @activity: see egret_cluster_observe()
 */
struct machine_watch {
	void *arg;
	bool (*before)(void *arg, struct machine_unit *u);
	bool (*after)(void *arg, struct machine_unit *u);
	void (*begin)(void *arg, struct machine_unit *u);
	void (*end)(void *arg, struct machine_unit *u, const struct egret_group_stats *stats);
	void (*activity)(void *arg, struct machine_unit *u, const struct egret_activity *a);
};

#define MACHINE_WATCHES	6

struct machine {
	struct egret_mem mem;
	struct egret_mmu mmu;
	unsigned int clusters;
	struct machine_unit *unit;
	uint64_t vram_used;
	uint64_t root;			/* device memory offset of the root page table */
	unsigned int stepping;		/* who wants to see each instruction */
	struct machine_watch watch[MACHINE_WATCHES];
	unsigned int watches;
	struct machine_unit *current;	/* runs now, or ran last */
	uint64_t limit;			/* instructions of all workgroups together; 0: none */

	struct egret_pkt_dispatch packet;
	struct egret_dispatch dispatch;
	struct egret_cluster_totals totals[EGRET_MAX_CLUSTERS];
};

/* Why machine_run() has returned. */
enum machine_state {
	MACHINE_DONE,		/* all workgroups have ended */
	MACHINE_FAULT,		/* that of machine.current has a fault */
	MACHINE_LIMIT,		/* machine.limit was reached */
	MACHINE_STOPPED,	/* a watch wanted it, or all that could run are held */
};

/**
 * machine_create() - make a machine without programs
 * @clusters: 1..EGRET_MAX_CLUSTERS
 * @vram_size: bytes of device memory, a multiple of 2 MiB
 *
 * Ends the program when there is no memory.
 */
struct machine *machine_create(unsigned int clusters, uint64_t vram_size);
void machine_destroy(struct machine *m);

/**
 * machine_map() - give the program memory
 * @m: machine
 * @va: its address, a multiple of 4096, not mapped yet
 * @size: bytes, more than 0; rounded up to pages
 * @access: EGRET_PTE_READ, _WRITE, _EXEC
 *
 * Return: the zeroed memory as the host sees it, or NULL when device memory is full.
 */
uint8_t *machine_map(struct machine *m, uint64_t va, uint64_t size, uint64_t access);

/** machine_watch() - add a watch, which is copied */
void machine_watch(struct machine *m, const struct machine_watch *watch);

/** machine_set_stepping() - run one instruction at a time; in quanta again when all have ended it */
void machine_set_stepping(struct machine *m, bool on);

/**
 * machine_dispatch() - load a grid of workgroups
 * @entry: address of their first instruction
 * @grid: sizes, each 1 or more, with a product below 2^32
 * @args: arguments, copied
 * @args_size: bytes, at most EGRET_ARGS_SIZE_MAX
 */
void machine_dispatch(struct machine *m, uint64_t entry, const uint32_t grid[3],
		      const void *args, size_t args_size);

/** machine_run() - go on until something stops it; may be called again after MACHINE_STOPPED */
enum machine_state machine_run(struct machine *m);

/**
 * machine_settle() - after MACHINE_FAULT: make machine.current the workgroup that the chip records
 *
 * The first to fault in modelled time need not be the lowest, see dispatch.h. Ends the dispatch.
 */
void machine_settle(struct machine *m);

/** machine_time() - modelled time of a cluster */
uint64_t machine_time(const struct machine_unit *u);

/** machine_instructions() - instructions of all workgroups so far */
uint64_t machine_instructions(const struct machine *m);

/**
 * machine_read() - read memory as a cluster sees it: its scratchpad, or its context's memory
 * @exec: also where only fetching is permitted
 *
 * Return: how many bytes could be read from the start.
 */
size_t machine_read(struct machine_unit *u, uint64_t va, void *buf, size_t size);

/** machine_write() - write memory; unlike a kernel, a debugger may also change code */
size_t machine_write(struct machine_unit *u, uint64_t va, const void *buf, size_t size);

#endif /* EGRET_SIM_MACHINE_H */
