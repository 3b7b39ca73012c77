/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_GRAPH_H
#define ACCEL_GRAPH_H

#include <egret/packet.h>

#include "internal.h"

void accel_graph_put(struct accel_graph *graph);

/*
 * Record a packet on a recording stream. If `bytes` is not zero, `data` is kept with the
 * graph, and its device address comes to the packet's 64-bit word at `address_at`. Without
 * EGRET_PKT_BARRIER the packet may overlap with what was recorded right before.
 */
int accel_graph_add(const char *what, struct accel_stream *stream,
		    const union egret_packet *packet, const void *data, size_t bytes,
		    size_t address_at);

/* The same for a launch, which can be changed later. */
int accel_graph_add_launch(const char *what, struct accel_stream *stream,
			   const union egret_packet *packet, const struct accel_kernel *kernel,
			   const void *args, size_t args_size);

/* What an event that is recorded on a recording stream now stands for. */
uint64_t accel_graph_point(struct accel_stream *stream);

/* Let later work of a recording stream come after a point of its graph. */
void accel_graph_wait(struct accel_stream *stream, uint64_t point);

/* Fails with -EINVAL: a recording stream does no work. */
int accel_graph_fail_recording(const char *what);

#endif /* ACCEL_GRAPH_H */
