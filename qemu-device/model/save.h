/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Saving and loading a chip: what the parts of the model contribute. The functions for
 * embedders are in egret_model.h, the format is in snapshot.h.
 */
#ifndef EGRET_MODEL_SAVE_H
#define EGRET_MODEL_SAVE_H

#include <stdint.h>

#include "cluster.h"
#include "mc.h"
#include "snapshot.h"

struct egret_fault;

/** egret_fault_snapshot() - a fault record */
void egret_fault_snapshot(struct egret_snap *s, struct egret_fault *fault);

/** egret_stats_snapshot() - figures of a workgroup */
void egret_stats_snapshot(struct egret_snap *s, struct egret_group_stats *stats);

/**
 * egret_cluster_snapshot() - a cluster in the middle of a workgroup
 *
 * Between two calls of egret_cluster_run(). To load, egret_cluster_begin() the same
 * workgroup first.
 */
void egret_cluster_snapshot(struct egret_cluster *cl, struct egret_snap *s);

/**
 * egret_mc_snapshot() - the management controller
 * @now: EGRET_REG_TIME
 *
 * Between egret_mc_hold() and egret_mc_release(). To load, egret_mc_reset() it cold first.
 */
void egret_mc_snapshot(struct egret_mc *mc, struct egret_snap *s, uint64_t now);

#endif /* EGRET_MODEL_SAVE_H */
