/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller without its thread, in a time of the harness's own: what
 * happens depends on the input alone.
 */
#ifndef FUZZ_CONTROLLER_H
#define FUZZ_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "mc.h"

#define CONTROLLER_VRAM_SIZE	(1u << 20)
#define CONTROLLER_MS		UINT64_C(1000000)

struct controller {
	struct egret_mc *mc;
	uint8_t *vram;
	uint64_t time;		/* ns */
	uint64_t counter;	/* all performance counters */
	bool busy;
};

struct controller *controller_new(void);
void controller_free(struct controller *c);

/** controller_boot() - start the boot ROM with an image in device memory; returns BOOT_STATUS */
uint32_t controller_boot(struct controller *c, uint64_t addr, uint32_t size);
/** controller_advance() - let time pass; firmware that never sleeps gets a bounded part of it */
void controller_advance(struct controller *c, uint64_t ns);

uint64_t controller_read(struct controller *c, uint64_t offset);
void controller_write(struct controller *c, uint64_t offset, uint64_t value);

#endif /* FUZZ_CONTROLLER_H */
