/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A DISPATCH at work: handing out workgroups, and adding up what they did.
 *
 * Clusters take workgroups in ascending order and finish them in any order. What
 * they report is added up in ascending order again (struct egret_dispatch.slot holds
 * what came early), so that modelled cycles come out the same whatever host
 * thread ran what when. The schedule that is charged is described in perf.h.
 *
 * For the same reason a fault does not end a DISPATCH at once. Workgroups below the one
 * that faulted have all been given out before it. They go on to their end, and if one of
 * them faults too its fault takes the place of the other; those above are dropped. So
 * the lowest workgroup that faults is recorded, whichever thread was first. Only for a
 * workgroup that runs longer than EGRET_FAULT_GRACE nobody waits, or one that never ends would
 * keep the fault from being told.
 *
 * Protected by egret_model.lock, except @args, which does not change while
 * workgroups run.
 */
#ifndef EGRET_MODEL_DISPATCH_H
#define EGRET_MODEL_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/packet.h>
#include <egret/pci.h>

#include "cluster.h"
#include "fault.h"

/* How far the slowest workgroup may be behind the one that is given out next. */
#define EGRET_DISPATCH_WINDOW	256

/** struct egret_cluster_totals - modelled work of one cluster, for its registers */
struct egret_cluster_totals {
	uint64_t busy;
	uint64_t instructions;
	uint64_t tile_busy;
	uint64_t dma_busy;
};

struct egret_dispatch {
	uint64_t groups;	/* workgroups of the grid */
	uint64_t next;		/* the next to give out */
	uint64_t merged;	/* those below are done and added up */
	unsigned int running;	/* given out and not back yet */
	bool abandoned;		/* killed: give out no more, drop those that run */
	bool faulted;		/* give out no more; drop those that the fault makes needless */
	uint64_t fault_number;	/* the lowest workgroup that is known to have faulted */
	struct egret_fault fault; /* its fault */
	unsigned int clusters;
	uint64_t free_at[EGRET_MAX_CLUSTERS]; /* modelled time when each cluster is free */
	struct egret_group_stats sum;
	bool ended[EGRET_DISPATCH_WINDOW];
	struct egret_group_stats slot[EGRET_DISPATCH_WINDOW];
	uint8_t args[EGRET_ARGS_SIZE_MAX];
};

/** egret_dispatch_begin() - prepare the workgroups of a valid packet; leaves @args alone */
void egret_dispatch_begin(struct egret_dispatch *d, const struct egret_pkt_dispatch *p,
			  unsigned int clusters);

/** egret_dispatch_available() - is there a workgroup to give out now? */
bool egret_dispatch_available(const struct egret_dispatch *d);

/** egret_dispatch_take() - give out the next workgroup; returns its number */
uint64_t egret_dispatch_take(struct egret_dispatch *d);

/** egret_dispatch_coordinates() - x, y, z of a workgroup */
void egret_dispatch_coordinates(const struct egret_pkt_dispatch *p, uint64_t number,
				uint32_t id[3]);

/**
 * egret_dispatch_end_group() - a workgroup has ended well
 * @number: its number
 * @stats: what it did
 * @totals: those of the modelled clusters, to be added to
 */
void egret_dispatch_end_group(struct egret_dispatch *d, uint64_t number,
			      const struct egret_group_stats *stats,
			      struct egret_cluster_totals *totals);

/**
 * egret_dispatch_wants() - should a workgroup that has been given out go on?
 * @number: its number
 * @cycles: modelled cycles that it has run
 */
bool egret_dispatch_wants(const struct egret_dispatch *d, uint64_t number, uint64_t cycles);

/** egret_dispatch_fault() - a workgroup has faulted */
void egret_dispatch_fault(struct egret_dispatch *d, uint64_t number,
			  const struct egret_fault *fault);

/**
 * egret_dispatch_cluster() - the modelled cluster of the next workgroup to be added up
 *
 * When workgroups are over because one faulted, this is the cluster that it had.
 */
unsigned int egret_dispatch_cluster(const struct egret_dispatch *d);

/** egret_dispatch_over() - has everything that will ever run ended? */
bool egret_dispatch_over(const struct egret_dispatch *d);

/** egret_dispatch_cycles() - from the first workgroup's start to the last one's end */
uint64_t egret_dispatch_cycles(const struct egret_dispatch *d);

#endif /* EGRET_MODEL_DISPATCH_H */
