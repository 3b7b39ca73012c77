// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller's firmware: one loop that sleeps until something is
 * due. There are no interrupts and no threads; every pass looks at everything,
 * and a pass takes microseconds.
 *
 *	mailbox	serve the host, tell it what is urgent
 *	tick	sensors, thermal limit, power cap, governor, telemetry
 *	sleep	until the next tick, a message, work, or a memory error
 *
 * The watchdog is kicked in one place only, at the top of the loop, so that a
 * pass that never ends is found out wherever it hangs.
 */
#include <stdbool.h>

#include "eventlog.h"
#include "governor.h"
#include "limits.h"
#include "mailbox.h"
#include "mmio.h"
#include "sensors.h"

#include <egret/regs.h>

#define TICK_ACTIVE_NS (10 * NS_PER_MS)
#define TICK_IDLE_NS (100 * NS_PER_MS)	/* nothing runs and nothing is limited */
#define TICK_SLEEP_NS (500 * NS_PER_MS)	/* after EGRET_MBX_PREPARE_SLEEP */
#define WATCHDOG_MS 2000	/* several of the longest ticks */

/* Logs how the last firmware ended, if it did not end by the host's will. */
static void log_last_end(void)
{
	uint32_t end = mc_read(EGRET_MC_LAST_END);

	if (end != EGRET_BOOT_E_CRASHED && end != EGRET_BOOT_E_WATCHDOG)
		return;
	eventlog_add(EGRET_EVENT_FIRMWARE_LOST, end);
	if (end == EGRET_BOOT_E_CRASHED)
		eventlog_add(EGRET_EVENT_CRASH_PC, (uint32_t)mc_read64(EGRET_MC_LAST_PC));
}

/*
 * Whether the engines have work, or had any since the last call: a job may come
 * and go between two ticks.
 */
static bool work_seen(void)
{
	static uint64_t last_packets;
	uint64_t packets = host_read64(EGRET_REG_CNT_PACKETS);
	bool seen = packets != last_packets;

	last_packets = packets;
	return seen || (mc_read(EGRET_MC_EVENT_PENDING) & EGRET_MC_EVENT_WORK);
}

static void check_ecc(void)
{
	if (!(mc_read(EGRET_MC_EVENT_PENDING) & EGRET_MC_EVENT_ECC))
		return;
	mc_write(EGRET_MC_EVENT_PENDING, EGRET_MC_EVENT_ECC);
	eventlog_add(EGRET_EVENT_ECC, (uint32_t)(mc_read64(EGRET_MC_ECC_ADDR) >> 12));
}

static void tick(uint64_t now)
{
	sensors_update(now);
	thermal_update(now);
	power_update(now, governor_pstate());
	governor_update(now, work_seen());
}

static uint64_t tick_length(void)
{
	if (governor_sleeps())
		return TICK_SLEEP_NS;
	if (governor_pstate() == EGRET_MC_PSTATES - 1 && governor_throttle() == EGRET_THROTTLE_IDLE)
		return TICK_IDLE_NS;
	return TICK_ACTIVE_NS;
}

static void sleep_until(uint64_t time)
{
	uint32_t events = EGRET_MC_EVENT_TIMER | EGRET_MC_EVENT_ECC | mailbox_events();

	if (governor_idle())
		events |= EGRET_MC_EVENT_WORK;
	mc_write64(EGRET_MC_TIMER, time);
	mc_write(EGRET_MC_EVENT_ENABLE, events);
	__asm__ volatile("wfi" ::: "memory");
}

int main(void)
{
	uint64_t now = now_ns(), last_tick = now;
	uint32_t beats = 0;

	eventlog_init();
	log_last_end();
	eventlog_add(EGRET_EVENT_BOOT, mc_read(EGRET_MC_FW_VERSION));
	power_init();
	sensors_init(now);
	governor_init(now);
	mc_write(EGRET_MC_READY, 1);

	for (;;) {
		bool served;

		mc_write(EGRET_MC_WATCHDOG, WATCHDOG_MS);
		mc_write(EGRET_MC_HEARTBEAT, ++beats);
		check_ecc();
		served = mailbox_poll();
		now = now_ns();
		if (served || now - last_tick >= tick_length() ||
		    (governor_idle() && (mc_read(EGRET_MC_EVENT_PENDING) & EGRET_MC_EVENT_WORK))) {
			tick(now);
			last_tick = now;
		}
		sleep_until(last_tick + tick_length());
	}
}
