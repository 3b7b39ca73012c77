/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What an operation of a unit heeds while it is under way.
 *
 * The tile engine and the DMA unit may be given operations that take the host hours: 2^32
 * products of one number by one. So both look around every now and then inside of an
 * operation, at most some hundred microseconds apart (egret_unit_stopped()), for
 * three who would otherwise wait for its end:
 *
 * - Who kills the queue does not want the results. The operation gives up, and what it
 *   has written stays.
 * - Who pauses the chip wants to find it between two instructions, above all to save
 *   it. The operation gives up, and the cluster makes it as if it had not begun, so that it
 *   is done from its start later. See "Doing operations again" in cluster.c.
 * - Who invalidates translations wants nobody to use the old ones. The port forgets them
 *   on the way, and the operation goes on.
 */
#ifndef EGRET_MODEL_STOP_H
#define EGRET_MODEL_STOP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "mmu.h"

/**
 * struct egret_stop - reasons not to go on with an operation
 * @kill: give up for good when it becomes true; NULL if that does not happen
 * @yield: give up, to be done again, when it becomes true; NULL if that is not possible.
 *	Stays true until whoever gave up has looked why.
 * @port: where to apply invalidations; NULL for none
 */
struct egret_stop {
	const atomic_bool *kill;
	const atomic_bool *yield;
	struct egret_port *port;
};

static inline bool egret_asked(const atomic_bool *flag)
{
	return flag && atomic_load_explicit(flag, memory_order_relaxed);
}

/**
 * egret_unit_stopped() - look around
 * @s: may be NULL
 *
 * The caller holds no pointer from egret_port_map().
 *
 * Return: true if the operation is to give up.
 */
static inline bool egret_unit_stopped(const struct egret_stop *s)
{
	if (!s)
		return false;
	if (s->port)
		egret_port_poll(s->port);
	return egret_asked(s->kill) || egret_asked(s->yield);
}

#endif /* EGRET_MODEL_STOP_H */
