// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Saving and loading the management controller (save.c says what that means).
 *
 * Times are those of EGRET_REG_TIME, which goes on where it was, so that timers and the
 * watchdog have as much left as they had. A boot ROM at work starts anew: its image is
 * still in device memory. Decoded instructions are forgotten.
 */
#include <math.h>
#include <string.h>

#include "mc_internal.h"
#include "save.h"

/*
 * More than can be brought about in a lifetime, and far from where a number does not fit
 * into its register any more.
 */
#define ENERGY_MAX	1e18	/* uJ */
#define POWER_MAX	1e6	/* mW, as egret_model_inject() takes it */

/* A number of the energy meter, of a magnitude up to @largest, as its bits. */
static double snapshot_real(struct egret_snap *s, double value, double largest)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	bits = snap_u64(s, bits);
	memcpy(&value, &bits, sizeof(value));
	if (!isfinite(value) || fabs(value) > largest) {
		snap_fail(s, "a figure of the energy meter cannot be");
		return 0;
	}
	return value;
}

static void snapshot_power(struct mc_power *p, struct egret_snap *s, uint64_t now)
{
	struct egret_mc_counters *c = &p->last.counters;

	p->clock_gate = snap_bool(s, p->clock_gate);
	p->last.time = snap_max(s, p->last.time, now, "the time of the energy meter");
	c->cycles = snap_u64(s, c->cycles);
	c->instructions = snap_u64(s, c->instructions);
	c->macs = snap_u64(s, c->macs);
	c->vram_bytes = snap_u64(s, c->vram_bytes);
	c->host_bytes = snap_u64(s, c->host_bytes);
	p->energy_uj = snapshot_real(s, p->energy_uj, ENERGY_MAX);
	p->temperature = snapshot_real(s, p->temperature, MC_THERMAL_MAX);
	p->heat_mw = snapshot_real(s, p->heat_mw, POWER_MAX);
	p->load_mw = snapshot_real(s, p->load_mw, POWER_MAX);
	p->ambient = snapshot_real(s, p->ambient, MC_THERMAL_MAX);
}

static bool status_is_known(uint64_t status)
{
	return status <= EGRET_BOOT_STOPPED ||
	       (status >= EGRET_BOOT_E_ADDRESS && status <= EGRET_BOOT_E_WATCHDOG);
}

static enum egret_boot_status snapshot_status(struct egret_snap *s, enum egret_boot_status status)
{
	uint32_t value = snap_u32(s, status);

	if (!status_is_known(value)) {
		snap_fail(s, "boot status 0x%x is not known", value);
		return EGRET_BOOT_IDLE;
	}
	return value;
}

static void snapshot_firmware(struct egret_mc *mc, struct egret_snap *s)
{
	mc->phase = snap_max(s, mc->phase, MC_SLEEP, "what the management controller does");
	mc->status = snapshot_status(s, mc->status);
	mc->boot_addr = snap_u64(s, mc->boot_addr);
	mc->boot_size = snap_u32(s, mc->boot_size);
	mc->image_addr = snap_u64(s, mc->image_addr);
	mc->image_size = snap_u32(s, mc->image_size);
	mc->fw_version = snap_u32(s, mc->fw_version);
	mc->fw_abi = snap_u32(s, mc->fw_abi);
	mc->heartbeat = snap_u32(s, mc->heartbeat);
	mc->hung = snap_bool(s, mc->hung);
	mc->last_end = snapshot_status(s, mc->last_end);
	mc->last_cause = snap_u32(s, mc->last_cause);
	mc->last_pc = snap_u64(s, mc->last_pc);
	mc->last_addr = snap_u64(s, mc->last_addr);
	mc->event_enable = snap_u32(s, mc->event_enable);
	mc->ecc_event = snap_bool(s, mc->ecc_event);
	mc->timer = snap_u64(s, mc->timer);
	mc->slept = snap_u64(s, mc->slept);
	mc->watchdog = snap_u64(s, mc->watchdog);
}

static void snapshot_mailbox(struct egret_mc *mc, struct egret_snap *s)
{
	mc->h2d_full = snap_bool(s, mc->h2d_full);
	mc->d2h_full = snap_bool(s, mc->d2h_full);
	for (unsigned int i = 0; i < EGRET_MBX_BYTES / 4; i++)
		mc->h2d[i] = snap_u32(s, mc->h2d[i]);
	for (unsigned int i = 0; i < EGRET_MBX_BYTES / 4; i++)
		mc->d2h[i] = snap_u32(s, mc->d2h[i]);
	mc->tlm_temperature = snap_u32(s, mc->tlm_temperature);
	mc->tlm_power = snap_u32(s, mc->tlm_power);
	mc->tlm_throttle = snap_u32(s, mc->tlm_throttle);
}

static void snapshot_hart(struct mc_hart *h, struct egret_snap *s)
{
	for (unsigned int i = 1; i < 32; i++)
		h->x[i] = snap_u64(s, h->x[i]);
	h->pc = snap_u64(s, h->pc);
	snap_memory(s, h->sram, EGRET_MC_SRAM_SIZE);
}

static void snapshot_all(struct egret_mc *mc, struct egret_snap *s, uint64_t now)
{
	uint64_t pstate = snap_max(s, mc->power.pstate, EGRET_MC_PSTATES - 1,
				   "the performance state");

	if (s->load) {
		mc_set_pstate(mc, pstate);
		mc_hart_reset(&mc->hart, 0);
	}
	/* The controller's thread may have looked at the clock since. */
	if (!s->load && mc->now > now)
		mc->now = now;
	if (!s->load && mc->power.last.time > now)
		mc->power.last.time = now;
	mc->now = snap_max(s, mc->now, now, "the management controller's time");
	mc->raise = snap_u32(s, mc->raise) & EGRET_IRQ_ALL;
	mc->stop_engines = snap_bool(s, mc->stop_engines);
	mc->thermal_stop = snap_bool(s, mc->thermal_stop);
	snapshot_firmware(mc, s);
	snapshot_mailbox(mc, s);
	snapshot_power(&mc->power, s, now);
	mc->ecc_corrected = snap_u64(s, mc->ecc_corrected);
	mc->ecc_uncorrected = snap_u64(s, mc->ecc_uncorrected);
	mc->ecc_addr = snap_u64(s, mc->ecc_addr);
	mc->ecc_inject_addr = snap_u64(s, mc->ecc_inject_addr);
	snapshot_hart(&mc->hart, s);
}

void egret_mc_snapshot(struct egret_mc *mc, struct egret_snap *s, uint64_t now)
{
	pthread_mutex_lock(&mc->lock);
	/* Who has asked for the time before this must not bring it in; see lock_at(). */
	if (s->load)
		atomic_fetch_add(&mc->era, 1);
	/* Firmware is not blamed for the time that it was held (egret_mc_release()). */
	if (!s->load && now > mc->held_since) {
		mc->watchdog += now - mc->held_since;
		mc->held_since = now;
	}
	snapshot_all(mc, s, now);
	if (s->load) {
		mc->epoch++;
		mc->run_epoch = mc->epoch;
		mc->held_since = now;
		atomic_store(&mc->work_awaited, mc->event_enable & EGRET_MC_EVENT_WORK);
		mc_publish_state(mc);
	}
	pthread_mutex_unlock(&mc->lock);
}
