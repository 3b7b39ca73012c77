/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Clock unit, energy meter and thermal model: parameters and state.
 *
 * The constants are predictions of a chip that does not exist yet, like those of
 * perf.h. Documentation/hardware/management.rst states the formulas and takes the
 * numbers from the comments here.
 */
#ifndef EGRET_MODEL_MC_POWER_H
#define EGRET_MODEL_MC_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/mc.h>

#include "mc.h"

/* Power that flows whether anything runs or not. */
#define MC_POWER_BOARD_MW	3000	/* regulators, PCIe, idle device memory */
#define MC_POWER_LEAKAGE_MW	3000	/* core leakage at P0; goes with voltage squared */

/* Energy of events at P0's voltage; the first three go with the square of the core voltage. */
#define MC_ENERGY_CYCLE_FJ	1400000	/* a core clock cycle: clock tree, control */
#define MC_ENERGY_INSN_FJ	20000	/* an instruction of a compute hart */
#define MC_ENERGY_MAC_FJ	600	/* a multiply-accumulate, mean over the data types */
#define MC_ENERGY_VRAM_FJ	30000	/* a byte to or from device memory */
#define MC_ENERGY_HOST_FJ	60000	/* a byte over PCIe */

#define MC_THERMAL_MC_PER_W	1300	/* thermal resistance to the ambient, 1/1000 degree per W */
#define MC_THERMAL_TAU_MS	8000	/* time constant */
#define MC_THERMAL_AMBIENT	35000	/* 1/1000 degree Celsius */
#define MC_THERMAL_MAX		1000000000 /* where all scales end, 1/1000 degree Celsius */

#define MC_LIMIT_CAP_MIN_MW	10000	/* EGRET_MC_POWER_CAP_MIN */
#define MC_LIMIT_CAP_MAX_MW	50000	/* EGRET_MC_POWER_CAP_MAX */
#define MC_LIMIT_CAP_DEFAULT_MW	40000	/* EGRET_MC_POWER_CAP_DEFAULT */
#define MC_LIMIT_THROTTLE	95000	/* EGRET_MC_TEMP_THROTTLE */
#define MC_LIMIT_RELEASE	90000	/* EGRET_MC_TEMP_RELEASE */
#define MC_LIMIT_CRITICAL	105000	/* EGRET_MC_TEMP_CRITICAL */
#define MC_LIMIT_TRIP		110000	/* EGRET_MC_TEMP_TRIP */

/** struct mc_pstate - a performance state */
struct mc_pstate {
	uint32_t khz;
	uint32_t mv;
};

extern const struct mc_pstate mc_pstates[EGRET_MC_PSTATES];

/** struct mc_sample - the counters that energy is derived from, at one time */
struct mc_sample {
	uint64_t time;
	struct egret_mc_counters counters;
};

/** struct mc_power - state of clock unit, energy meter and thermal model */
struct mc_power {
	uint32_t pstate;
	bool clock_gate;
	struct mc_sample last;	/* up to where energy was counted */
	double energy_uj;	/* since power-on */
	double temperature;	/* 1/1000 degree */
	double heat_mw;		/* injected, see enum egret_model_injection */
	double load_mw;
	double ambient;		/* 1/1000 degree */
};

/** mc_power_init() - as at power-on, at time @now */
void mc_power_init(struct mc_power *p, uint64_t now);

/**
 * mc_power_update() - count energy and heat up to a sample
 *
 * A sample that is no newer than the last one changes nothing. Call it before
 * anything that power depends on is changed.
 */
void mc_power_update(struct mc_power *p, const struct mc_sample *s);

/** mc_power_static() - mW with all clocks stopped, at the present voltage */
uint32_t mc_power_static(const struct mc_power *p);

#endif /* EGRET_MODEL_MC_POWER_H */
