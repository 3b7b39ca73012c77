// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The governor takes the slowest of what four parties ask for: the load, the
 * host's limit, the power cap and the temperature.
 *
 * Load. Inference is done soonest, and for the least energy, when it runs at full
 * speed and the chip sleeps afterwards: so any work asks for P0, and only idleness
 * asks for less, one state for each IDLE_STEP_NS. The share of busy time is not
 * used on purpose: a queue that waits for the host half of the time is as urgent
 * as one that does not.
 */
#include "eventlog.h"
#include "governor.h"
#include "limits.h"
#include "mmio.h"

#include <egret/regs.h>

#define IDLE_STEP_NS (50 * NS_PER_MS)
#define SLOWEST (EGRET_MC_PSTATES - 1)

static uint32_t load_state;	/* what the load asks for */
static uint32_t host_limit;
static uint32_t limit;		/* what the other three ask for */
static uint32_t throttle;	/* EGRET_THROTTLE_* */
static uint64_t last_work;
static bool asleep;

static uint32_t slower(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void governor_init(uint64_t now)
{
	last_work = now;
	mc_write(EGRET_MC_CLOCK_GATE, EGRET_MC_CLOCK_GATE_ON);
	governor_update(now, true);
}

static void update_load(uint64_t now, bool work)
{
	uint64_t steps;

	if (work)
		last_work = now;
	steps = (now - last_work) / IDLE_STEP_NS;
	load_state = steps < SLOWEST ? (uint32_t)steps : SLOWEST;
}

static void update_throttle(void)
{
	uint32_t now = 0, changed;

	if (thermal_floor() > host_limit || thermal_stopped())
		now |= EGRET_THROTTLE_THERMAL;
	if (power_floor() > host_limit)
		now |= EGRET_THROTTLE_POWER;
	if (load_state > limit)
		now |= EGRET_THROTTLE_IDLE;
	changed = (now ^ throttle) & (EGRET_THROTTLE_THERMAL | EGRET_THROTTLE_POWER);
	throttle = now;
	mc_write(EGRET_MC_TLM_THROTTLE, throttle);
	if (!changed)
		return;
	eventlog_add(EGRET_EVENT_THROTTLE, throttle);
	mc_write(EGRET_MC_HOST_IRQ,
		 (changed & EGRET_THROTTLE_THERMAL ? EGRET_IRQ_THERMAL : 0) |
		 (changed & EGRET_THROTTLE_POWER ? EGRET_IRQ_POWER : 0));
}

void governor_update(uint64_t now, bool work)
{
	uint32_t old_limit = limit, target;

	update_load(now, work);
	limit = slower(host_limit, slower(thermal_floor(), power_floor()));
	if (asleep || thermal_stopped())
		limit = SLOWEST;
	target = slower(load_state, limit);
	if (target != governor_pstate()) {
		mc_write(EGRET_MC_PSTATE, target);
		if (limit != old_limit)
			eventlog_add(EGRET_EVENT_PSTATE, target);
	}
	update_throttle();
}

bool governor_idle(void)
{
	return load_state && !asleep && !thermal_stopped();
}

uint32_t governor_pstate(void)
{
	return mc_read(EGRET_MC_PSTATE);
}

uint32_t governor_throttle(void)
{
	return throttle;
}

bool governor_set_limit(uint32_t pstate)
{
	if (pstate > SLOWEST)
		return false;
	host_limit = pstate;
	return true;
}

void governor_set_sleep(bool sleep)
{
	asleep = sleep;
}

bool governor_sleeps(void)
{
	return asleep;
}
