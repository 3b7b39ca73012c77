// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Heat. The card warms up and cools down over seconds, so a step waits for the
 * effect of the one before. Between the release and the throttle temperature
 * nothing changes: without that gap the clock would swing at every tick.
 */
#include "eventlog.h"
#include "limits.h"
#include "mmio.h"
#include "sensors.h"

#include <egret/regs.h>

#define SLOWER_NS (1000 * NS_PER_MS)	/* between two steps down */
#define FASTER_NS (2000 * NS_PER_MS)	/* between two steps up */

static uint32_t floor_state;
static uint64_t last_step;
static bool stopped;

static void stop_chip(void)
{
	stopped = true;
	eventlog_add(EGRET_EVENT_THERMAL_STOP, (uint32_t)sensors.temperature);
	mc_write(EGRET_MC_SHUTDOWN, EGRET_MC_SHUTDOWN_KEY);
	mc_write(EGRET_MC_HOST_IRQ, EGRET_IRQ_THERMAL);
}

void thermal_update(uint64_t now)
{
	int32_t t = sensors.temperature;

	if (t >= (int32_t)mc_read(EGRET_MC_TEMP_CRITICAL) && !stopped)
		stop_chip();
	if (t >= (int32_t)mc_read(EGRET_MC_TEMP_THROTTLE)) {
		/* The first step is taken at once. */
		if (floor_state < EGRET_MC_PSTATES - 1 &&
		    (!floor_state || now - last_step >= SLOWER_NS)) {
			floor_state++;
			last_step = now;
		}
	} else if (t <= (int32_t)mc_read(EGRET_MC_TEMP_RELEASE)) {
		if (floor_state && now - last_step >= FASTER_NS) {
			floor_state--;
			last_step = now;
		}
	}
}

uint32_t thermal_floor(void)
{
	return floor_state;
}

bool thermal_stopped(void)
{
	return stopped;
}
