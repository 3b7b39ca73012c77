// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* The controller's registers in BAR0: mailbox, boot, telemetry. */
#include "mc_internal.h"

/* Whether offset is one of the words of a buffer, and which. */
static bool in_buffer(uint64_t offset, uint64_t first, unsigned int *n)
{
	*n = (unsigned int)(offset - first) / 4;
	return offset >= first && offset < first + EGRET_MBX_BYTES && !(offset & 3);
}

static uint64_t read_locked(struct egret_mc *mc, uint64_t offset)
{
	unsigned int n;

	if (in_buffer(offset, EGRET_REG_MBX_H2D_DATA(0), &n))
		return mc->h2d[n];
	if (in_buffer(offset, EGRET_REG_MBX_D2H_DATA(0), &n))
		return mc->d2h[n];
	switch (offset) {
	case EGRET_REG_MBX_H2D_CTRL:
		return mc->h2d_full ? EGRET_MBX_FULL : 0;
	case EGRET_REG_MBX_D2H_CTRL:
		return mc->d2h_full ? EGRET_MBX_FULL : 0;
	case EGRET_REG_BOOT_ADDR:
		return mc->boot_addr;
	case EGRET_REG_BOOT_SIZE:
		return mc->boot_size;
	case EGRET_REG_BOOT_STATUS:
		return mc->status;
	case EGRET_REG_FW_VERSION:
		return mc->fw_version;
	case EGRET_REG_FW_ABI:
		return mc->fw_abi;
	case EGRET_REG_FW_HEARTBEAT:
		return mc->heartbeat;
	case EGRET_REG_TEMPERATURE:
		return mc->tlm_temperature;
	case EGRET_REG_POWER_DRAW:
		return mc->tlm_power;
	case EGRET_REG_ENERGY:
		return (uint64_t)mc->power.energy_uj;
	case EGRET_REG_VOLTAGE:
		return mc_pstates[mc->power.pstate].mv;
	case EGRET_REG_PSTATE:
		return mc->power.pstate;
	case EGRET_REG_THROTTLE:
		return mc->tlm_throttle;
	case EGRET_REG_ECC_CORRECTED:
		return mc->ecc_corrected;
	case EGRET_REG_ECC_UNCORRECTED:
		return mc->ecc_uncorrected;
	case EGRET_REG_ECC_ADDR:
		return mc->ecc_addr;
	default:
		return 0;
	}
}

uint64_t egret_mc_reg_read(struct egret_mc *mc, uint64_t offset)
{
	uint64_t value;

	mc_lock(mc, offset == EGRET_REG_ENERGY ? MC_ASK_POWER : MC_ASK_TIME);
	value = read_locked(mc, offset);
	mc_unlock(mc);
	return value;
}

static void boot_ctrl(struct egret_mc *mc, uint32_t value)
{
	if (value & EGRET_BOOT_STOP && mc->phase != MC_OFF)
		mc_end(mc, EGRET_BOOT_STOPPED);
	if (value & EGRET_BOOT_START)
		mc_boot(mc);
}

static void write_locked(struct egret_mc *mc, uint64_t offset, uint64_t value)
{
	unsigned int n;

	if (in_buffer(offset, EGRET_REG_MBX_H2D_DATA(0), &n)) {
		if (!mc->h2d_full)
			mc->h2d[n] = (uint32_t)value;
		return;
	}
	switch (offset) {
	case EGRET_REG_MBX_H2D_CTRL:
		if (value & EGRET_MBX_FULL)
			mc->h2d_full = true;
		break;
	case EGRET_REG_MBX_D2H_CTRL:
		if (value & EGRET_MBX_FULL)
			mc->d2h_full = false;
		break;
	case EGRET_REG_BOOT_ADDR:
		mc->boot_addr = value;
		return;
	case EGRET_REG_BOOT_SIZE:
		mc->boot_size = (uint32_t)value;
		return;
	case EGRET_REG_BOOT_CTRL:
		boot_ctrl(mc, (uint32_t)value);
		break;
	default:
		return;
	}
	mc_kick(mc);
}

void egret_mc_reg_write(struct egret_mc *mc, uint64_t offset, uint64_t value)
{
	mc_lock(mc, offset == EGRET_REG_BOOT_CTRL ? MC_ASK_POWER : MC_ASK_TIME);
	write_locked(mc, offset, value);
	mc_unlock(mc);
}
