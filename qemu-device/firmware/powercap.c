// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The power cap. Too much mean power makes the chip one state slower. It becomes
 * faster again only when the power that it would draw then, scaled from what it
 * draws now, stays below the cap; so a steady load settles and does not swing.
 * After each step the loop waits until the window of the mean holds nothing older.
 */
#include "eventlog.h"
#include "limits.h"
#include "mmio.h"
#include "sensors.h"

#define SETTLE_NS (120 * NS_PER_MS)

static uint32_t cap;
static uint32_t floor_state;
static uint64_t last_step;

void power_init(void)
{
	cap = mc_read(EGRET_MC_POWER_CAP_DEFAULT);
}

/* Switching power is proportional to the clock and to the square of the voltage. */
static uint64_t switching_weight(uint32_t pstate)
{
	uint64_t mv = mc_read(EGRET_MC_PSTATE_VOLTAGE(pstate));

	return mv * mv * (mc_read(EGRET_MC_PSTATE_CLOCK(pstate)) / 1000);
}

static uint64_t power_if_faster(uint32_t pstate)
{
	uint32_t rest = mc_read(EGRET_MC_POWER_STATIC);
	uint64_t switching = sensors.power > rest ? sensors.power - rest : 0;

	return rest + switching * switching_weight(pstate - 1) / switching_weight(pstate);
}

void power_update(uint64_t now, uint32_t pstate)
{
	if (now - last_step < SETTLE_NS)
		return;
	if (sensors.power > cap && pstate < EGRET_MC_PSTATES - 1) {
		floor_state = pstate + 1;
		last_step = now;
	} else if (floor_state && (pstate > floor_state || power_if_faster(floor_state) <= cap)) {
		floor_state--;
		last_step = now;
	}
}

uint32_t power_floor(void)
{
	return floor_state;
}

bool power_set_cap(uint32_t mw)
{
	if (!mw)
		mw = mc_read(EGRET_MC_POWER_CAP_DEFAULT);
	if (mw < mc_read(EGRET_MC_POWER_CAP_MIN) || mw > mc_read(EGRET_MC_POWER_CAP_MAX))
		return false;
	if (mw != cap)
		eventlog_add(EGRET_EVENT_POWER_CAP, mw);
	cap = mw;
	return true;
}
