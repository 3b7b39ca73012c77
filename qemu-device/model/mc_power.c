// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Energy is counted by events, not estimated from a busy share: each cycle,
 * instruction, multiply-accumulate and byte that the counters saw costs a fixed
 * energy, times the square of the core voltage where it is core logic. Divided by
 * time that is the textbook's sum of activity * C * V^2 * f.
 *
 * Time is EGRET_REG_TIME, in which a model does less work per second than silicon
 * would. So the energy of a job is what the real card would need for it, beyond
 * static power; but mean power, and temperature, come out lower.
 */
#include <math.h>
#include <string.h>

#include "mc_power.h"

const struct mc_pstate mc_pstates[EGRET_MC_PSTATES] = {
	{ 1500000, 900 },
	{ 1200000, 800 },
	{ 900000, 720 },
	{ 500000, 650 },
};

/* The square of the core voltage, relative to P0. */
static double voltage_squared(const struct mc_power *p)
{
	double v = (double)mc_pstates[p->pstate].mv / mc_pstates[0].mv;

	return v * v;
}

static double static_mw(const struct mc_power *p)
{
	return MC_POWER_BOARD_MW + MC_POWER_LEAKAGE_MW * voltage_squared(p);
}

uint32_t mc_power_static(const struct mc_power *p)
{
	return (uint32_t)static_mw(p);
}

void mc_power_init(struct mc_power *p, uint64_t now)
{
	memset(p, 0, sizeof(*p));
	p->pstate = EGRET_MC_PSTATE_RESET;
	p->last.time = now;
	p->ambient = MC_THERMAL_AMBIENT;
	p->temperature = p->ambient + MC_THERMAL_MC_PER_W * static_mw(p) / 1000;
}

/* Counters start again at zero with a reset of the chip. */
static double delta(uint64_t now, uint64_t last)
{
	return (double)(now >= last ? now - last : now);
}

/* Switching energy of the interval that ends with the sample, in uJ. */
static double switching_uj(const struct mc_power *p, const struct mc_sample *s, double seconds)
{
	const struct egret_mc_counters *now = &s->counters, *last = &p->last.counters;
	double hz = mc_pstates[p->pstate].khz * 1e3;
	double cycles = delta(now->cycles, last->cycles);
	double core, memory;

	/* Without gating the clock tree switches all the time. */
	if (!p->clock_gate && cycles < hz * seconds)
		cycles = hz * seconds;
	core = cycles * MC_ENERGY_CYCLE_FJ +
	       delta(now->instructions, last->instructions) * MC_ENERGY_INSN_FJ +
	       delta(now->macs, last->macs) * MC_ENERGY_MAC_FJ;
	memory = delta(now->vram_bytes, last->vram_bytes) * MC_ENERGY_VRAM_FJ +
		 delta(now->host_bytes, last->host_bytes) * MC_ENERGY_HOST_FJ;
	return (core * voltage_squared(p) + memory) * 1e-9;
}

static double injected_load_mw(const struct mc_power *p)
{
	return p->load_mw * voltage_squared(p) * mc_pstates[p->pstate].khz / mc_pstates[0].khz;
}

void mc_power_update(struct mc_power *p, const struct mc_sample *s)
{
	double seconds, uj, settled, temperature;

	if (s->time <= p->last.time)
		return;
	seconds = (double)(s->time - p->last.time) * 1e-9;
	uj = (static_mw(p) + injected_load_mw(p)) * seconds * 1e3 + switching_uj(p, s, seconds);
	p->energy_uj += uj;
	settled = p->ambient + MC_THERMAL_MC_PER_W * (uj * 1e-6 / seconds + p->heat_mw * 1e-3);
	temperature = settled + (p->temperature - settled) *
				exp(-seconds * 1e3 / MC_THERMAL_TAU_MS);
	p->temperature = fmin(temperature, MC_THERMAL_MAX);
	p->last = *s;
}
