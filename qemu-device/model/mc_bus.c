// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * What the controller's hart finds outside SRAM: its own registers and the window
 * to the host's. Registers take aligned accesses of their own width only.
 */
#include "mc_internal.h"

#include <egret/pci.h>

/* Whether offset is a word of an array of n registers, and which. */
static bool in_array(uint32_t offset, uint32_t first, unsigned int n, unsigned int *i)
{
	*i = (offset - first) / 4;
	return offset >= first && *i < n && !(offset & 3);
}

static unsigned int watchdog_ms(const struct egret_mc *mc)
{
	uint64_t left = mc->watchdog > mc->now ? mc->watchdog - mc->now : 0;

	return (unsigned int)((left + MC_NS_PER_MS - 1) / MC_NS_PER_MS);
}

/* The registers of 64 bits. */
static bool load64(struct egret_mc *mc, uint32_t offset, uint64_t *value)
{
	switch (offset) {
	case EGRET_MC_TIME:
		*value = mc->now;
		return true;
	case EGRET_MC_TIMER:
		*value = mc->timer;
		return true;
	case EGRET_MC_LAST_PC:
		*value = mc->last_pc;
		return true;
	case EGRET_MC_LAST_ADDR:
		*value = mc->last_addr;
		return true;
	case EGRET_MC_ENERGY:
		*value = (uint64_t)mc->power.energy_uj;
		return true;
	case EGRET_MC_ECC_CORRECTED:
		*value = mc->ecc_corrected;
		return true;
	case EGRET_MC_ECC_UNCORRECTED:
		*value = mc->ecc_uncorrected;
		return true;
	case EGRET_MC_ECC_ADDR:
		*value = mc->ecc_addr;
		return true;
	case EGRET_MC_ECC_INJECT_ADDR:
		*value = mc->ecc_inject_addr;
		return true;
	default:
		return false;
	}
}

/* Those that tell properties of the chip. */
static bool load_constant(uint32_t offset, uint64_t *value)
{
	unsigned int i;

	if (in_array(offset, EGRET_MC_PSTATE_CLOCK(0), EGRET_MC_PSTATES, &i)) {
		*value = mc_pstates[i].khz;
		return true;
	}
	if (in_array(offset, EGRET_MC_PSTATE_VOLTAGE(0), EGRET_MC_PSTATES, &i)) {
		*value = mc_pstates[i].mv;
		return true;
	}
	switch (offset) {
	case EGRET_MC_POWER_CAP_MIN:
		*value = MC_LIMIT_CAP_MIN_MW;
		return true;
	case EGRET_MC_POWER_CAP_MAX:
		*value = MC_LIMIT_CAP_MAX_MW;
		return true;
	case EGRET_MC_POWER_CAP_DEFAULT:
		*value = MC_LIMIT_CAP_DEFAULT_MW;
		return true;
	case EGRET_MC_TEMP_THROTTLE:
		*value = MC_LIMIT_THROTTLE;
		return true;
	case EGRET_MC_TEMP_RELEASE:
		*value = MC_LIMIT_RELEASE;
		return true;
	case EGRET_MC_TEMP_CRITICAL:
		*value = MC_LIMIT_CRITICAL;
		return true;
	case EGRET_MC_TEMP_TRIP:
		*value = MC_LIMIT_TRIP;
		return true;
	default:
		return false;
	}
}

static bool load32(struct egret_mc *mc, uint32_t offset, uint64_t *value)
{
	unsigned int i;

	*value = 0;
	if (load_constant(offset, value))
		return true;
	if (in_array(offset, EGRET_MC_MBX_REQUEST_DATA(0), EGRET_MBX_BYTES / 4, &i)) {
		*value = mc->h2d[i];
		return true;
	}
	if (in_array(offset, EGRET_MC_MBX_REPLY_DATA(0), EGRET_MBX_BYTES / 4, &i)) {
		*value = mc->d2h[i];
		return true;
	}
	switch (offset) {
	case EGRET_MC_EVENT_PENDING:
		*value = mc_events(mc);
		break;
	case EGRET_MC_EVENT_ENABLE:
		*value = mc->event_enable;
		break;
	case EGRET_MC_WATCHDOG:
		*value = watchdog_ms(mc);
		break;
	case EGRET_MC_HEARTBEAT:
		*value = mc->heartbeat;
		break;
	case EGRET_MC_READY:
	case EGRET_MC_HOST_IRQ:
	case EGRET_MC_SHUTDOWN:
	case EGRET_MC_ECC_INJECT:
		break;		/* write only */
	case EGRET_MC_FW_VERSION:
		*value = mc->fw_version;
		break;
	case EGRET_MC_LAST_END:
		*value = mc->last_end;
		break;
	case EGRET_MC_LAST_CAUSE:
		*value = mc->last_cause;
		break;
	case EGRET_MC_PSTATE:
		*value = mc->power.pstate;
		break;
	case EGRET_MC_CLOCK_GATE:
		*value = mc->power.clock_gate ? EGRET_MC_CLOCK_GATE_ON : 0;
		break;
	case EGRET_MC_CLOCK:
		*value = mc_pstates[mc->power.pstate].khz;
		break;
	case EGRET_MC_VOLTAGE:
		*value = mc_pstates[mc->power.pstate].mv;
		break;
	case EGRET_MC_TEMPERATURE:
		*value = (uint32_t)(int32_t)mc->power.temperature;
		break;
	case EGRET_MC_POWER_STATIC:
		*value = mc_power_static(&mc->power);
		break;
	case EGRET_MC_TLM_TEMPERATURE:
		*value = mc->tlm_temperature;
		break;
	case EGRET_MC_TLM_POWER:
		*value = mc->tlm_power;
		break;
	case EGRET_MC_TLM_THROTTLE:
		*value = mc->tlm_throttle;
		break;
	case EGRET_MC_MBX_REQUEST:
		*value = mc->h2d_full ? EGRET_MBX_FULL : 0;
		break;
	case EGRET_MC_MBX_REPLY:
		*value = mc->d2h_full ? EGRET_MBX_FULL : 0;
		break;
	default:
		return false;
	}
	return true;
}

static bool store64(struct egret_mc *mc, uint32_t offset, uint64_t value)
{
	uint64_t ignored;

	switch (offset) {
	case EGRET_MC_TIMER:
		mc->timer = value;
		return true;
	case EGRET_MC_ECC_INJECT_ADDR:
		mc->ecc_inject_addr = value;
		return true;
	default:
		return load64(mc, offset, &ignored);	/* read only */
	}
}

static void hand_over_reply(struct egret_mc *mc)
{
	if (mc->d2h_full)
		return;
	mc->d2h_full = true;
	mc->raise |= EGRET_IRQ_MAILBOX;
}

static bool store32(struct egret_mc *mc, uint32_t offset, uint32_t value)
{
	uint64_t ignored;
	unsigned int i;

	if (in_array(offset, EGRET_MC_MBX_REPLY_DATA(0), EGRET_MBX_BYTES / 4, &i)) {
		if (!mc->d2h_full)
			mc->d2h[i] = value;
		return true;
	}
	switch (offset) {
	case EGRET_MC_EVENT_PENDING:
		if (value & EGRET_MC_EVENT_ECC)
			mc->ecc_event = false;
		break;
	case EGRET_MC_EVENT_ENABLE:
		mc->event_enable = value & EGRET_MC_EVENT_ALL;
		break;
	case EGRET_MC_WATCHDOG:
		if (value && value <= EGRET_MC_WATCHDOG_MAX)
			mc->watchdog = mc->now + value * MC_NS_PER_MS;
		break;
	case EGRET_MC_READY:
		if (value == 1)
			mc_ready(mc);
		break;
	case EGRET_MC_HEARTBEAT:
		mc->heartbeat = value;
		break;
	case EGRET_MC_HOST_IRQ:
		mc->raise |= value & (EGRET_IRQ_THERMAL | EGRET_IRQ_POWER);
		break;
	case EGRET_MC_SHUTDOWN:
		if (value == EGRET_MC_SHUTDOWN_KEY)
			mc_thermal_stop(mc);
		break;
	case EGRET_MC_PSTATE:
		if (value < EGRET_MC_PSTATES)
			mc_set_pstate(mc, value);
		break;
	case EGRET_MC_CLOCK_GATE:
		mc->power.clock_gate = value & EGRET_MC_CLOCK_GATE_ON;
		break;
	case EGRET_MC_TLM_TEMPERATURE:
		mc->tlm_temperature = value;
		break;
	case EGRET_MC_TLM_POWER:
		mc->tlm_power = value;
		break;
	case EGRET_MC_TLM_THROTTLE:
		mc->tlm_throttle = value;
		break;
	case EGRET_MC_ECC_INJECT:
		if (value == EGRET_MC_ECC_INJECT_CORRECTED ||
		    value == EGRET_MC_ECC_INJECT_UNCORRECTED)
			mc_count_ecc(mc, value == EGRET_MC_ECC_INJECT_UNCORRECTED,
				     mc->ecc_inject_addr);
		break;
	case EGRET_MC_MBX_REQUEST:
		if (value & EGRET_MBX_FULL)
			mc->h2d_full = false;
		break;
	case EGRET_MC_MBX_REPLY:
		if (value & EGRET_MBX_FULL)
			hand_over_reply(mc);
		break;
	default:
		return load32(mc, offset, &ignored);	/* read only */
	}
	return true;
}

/* What has to be known from outside before a register is accessed. */
static unsigned int ask_for(uint64_t offset)
{
	switch (offset) {
	case EGRET_MC_EVENT_PENDING:
		return MC_ASK_WORK;
	case EGRET_MC_TEMPERATURE:
	case EGRET_MC_ENERGY:
	case EGRET_MC_PSTATE:
	case EGRET_MC_CLOCK_GATE:
		return MC_ASK_POWER;
	default:
		return MC_ASK_TIME;
	}
}

static bool width_is_possible(uint64_t addr, unsigned int size)
{
	return (size == 4 || size == 8) && !(addr & (size - 1));
}

/* The regions' sizes: BAR0, and what a register's offset can be. */
static bool in_window(uint64_t addr)
{
	return addr - EGRET_MC_HOST_REGS < EGRET_BAR_REGS_SIZE;
}

bool mc_bus_load(void *opaque, uint64_t addr, unsigned int size, uint64_t *value)
{
	struct egret_mc *mc = opaque;
	uint64_t offset = addr - EGRET_MC_REGS;
	bool answered = false;

	if (!width_is_possible(addr, size))
		return false;
	if (in_window(addr)) {
		*value = mc->ops.reg_read(mc->opaque, addr - EGRET_MC_HOST_REGS, size);
		return true;
	}
	if (offset > UINT16_MAX)
		return false;
	mc_lock(mc, ask_for(offset));
	if (mc->epoch == mc->run_epoch)
		answered = size == 8 ? load64(mc, (uint32_t)offset, value) :
				       load32(mc, (uint32_t)offset, value);
	mc_unlock(mc);
	return answered;
}

bool mc_bus_store(void *opaque, uint64_t addr, unsigned int size, uint64_t value)
{
	struct egret_mc *mc = opaque;
	uint64_t offset = addr - EGRET_MC_REGS;
	bool answered = false;

	if (!width_is_possible(addr, size))
		return false;
	if (in_window(addr))
		return true;	/* read only, so that firmware cannot reset the chip under itself */
	if (offset > UINT16_MAX)
		return false;
	mc_lock(mc, ask_for(offset));
	if (mc->epoch == mc->run_epoch)
		answered = size == 8 ? store64(mc, (uint32_t)offset, value) :
				       store32(mc, (uint32_t)offset, (uint32_t)value);
	mc_unlock(mc);
	return answered;
}
