// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * There is no power sensor but an energy meter, so that no peak between two
 * readings is missed: power is the energy of a window over its length. A ring
 * holds the last readings, and the window reaches back to the newest one that is
 * at least WINDOW_NS old (or, just after the start, to the first).
 */
#include "mmio.h"
#include "sensors.h"

#define WINDOW_NS (100 * NS_PER_MS)
#define READINGS 16	/* a tick is no shorter than 10 ms */

struct sensors sensors;

static struct reading {
	uint64_t time;
	uint64_t energy;
} ring[READINGS];
static uint32_t newest;	/* index in ring */

static const struct reading *window_start(uint64_t now)
{
	uint32_t back;
	const struct reading *r = &ring[newest];

	for (back = 0; back < READINGS; back++) {
		const struct reading *older = &ring[(newest + READINGS - back) % READINGS];

		if (older->time > r->time)
			break;	/* never written since the start */
		r = older;
		if (now - r->time >= WINDOW_NS)
			break;
	}
	return r;
}

void sensors_init(uint64_t now)
{
	uint32_t i;

	sensors.energy = mc_read64(EGRET_MC_ENERGY);
	for (i = 0; i < READINGS; i++)
		ring[i] = (struct reading){ .time = now, .energy = sensors.energy };
	sensors_update(now);
}

void sensors_update(uint64_t now)
{
	const struct reading *start = window_start(now);

	sensors.temperature = (int32_t)mc_read(EGRET_MC_TEMPERATURE);
	sensors.energy = mc_read64(EGRET_MC_ENERGY);
	if (now > start->time) {
		/* uJ / ns = 10^6 mW; windows are too short to overflow the product */
		sensors.power = (uint32_t)((sensors.energy - start->energy) * 1000000 /
					   (now - start->time));
		newest = (newest + 1) % READINGS;
		ring[newest] = (struct reading){ .time = now, .energy = sensors.energy };
	}
	mc_write(EGRET_MC_TLM_TEMPERATURE, (uint32_t)sensors.temperature);
	mc_write(EGRET_MC_TLM_POWER, sensors.power);
}
