/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Access to the controller's registers and to the host's, by their offsets. */
#ifndef FIRMWARE_MMIO_H
#define FIRMWARE_MMIO_H

#include <stdint.h>

#include <egret/firmware.h>
#include <egret/mc.h>

#define NS_PER_MS UINT64_C(1000000)

static inline uint32_t mc_read(uint32_t offset)
{
	return *(volatile uint32_t *)(uintptr_t)(EGRET_MC_REGS + offset);
}

static inline uint64_t mc_read64(uint32_t offset)
{
	return *(volatile uint64_t *)(uintptr_t)(EGRET_MC_REGS + offset);
}

static inline void mc_write(uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(EGRET_MC_REGS + offset) = value;
}

static inline void mc_write64(uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(uintptr_t)(EGRET_MC_REGS + offset) = value;
}

static inline uint64_t host_read64(uint32_t offset)
{
	return *(volatile uint64_t *)(uintptr_t)(EGRET_MC_HOST_REGS + offset);
}

static inline uint64_t now_ns(void)
{
	return mc_read64(EGRET_MC_TIME);
}

#endif /* FIRMWARE_MMIO_H */
