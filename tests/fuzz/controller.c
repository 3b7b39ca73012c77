// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* A chip around the management controller that is a few variables. */
#include <stdlib.h>

#include <egret/regs.h>

#include "controller.h"
#include "input.h"

/* Enough for firmware to come up, and few enough for one that runs in circles. */
#define QUANTA	8
#define STOPS	64

static uint64_t get_time(void *opaque)
{
	return ((struct controller *)opaque)->time;
}

static void get_counters(void *opaque, struct egret_mc_counters *counters)
{
	uint64_t n = ((struct controller *)opaque)->counter;

	*counters = (struct egret_mc_counters) { n, n, n, n, n };
}

static uint64_t reg_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct controller *c = opaque;

	return size == 8 ? c->counter : offset;
}

static void raise_irq(void *opaque, uint32_t causes)
{
	(void)opaque;
	fuzz_require(!(causes & ~EGRET_IRQ_ALL), "raises unknown causes %#x", causes);
}

static bool is_busy(void *opaque)
{
	return ((struct controller *)opaque)->busy;
}

static void stop_engines(void *opaque)
{
	(void)opaque;
}

static void log_line(void *opaque, enum egret_log_level level, const char *text)
{
	(void)opaque;
	if (getenv("FUZZ_VERBOSE"))
		fprintf(stderr, "log %d: %s\n", level, text);
}

static const struct egret_mc_ops ops = {
	.time = get_time,
	.counters = get_counters,
	.reg_read = reg_read,
	.raise = raise_irq,
	.busy = is_busy,
	.stop_engines = stop_engines,
	.log = log_line,
};

struct controller *controller_new(void)
{
	struct controller *c = calloc(1, sizeof(*c));
	struct egret_mc_config config = { .vram_size = CONTROLLER_VRAM_SIZE };

	fuzz_require(c, "no memory");
	c->vram = calloc(1, CONTROLLER_VRAM_SIZE);
	fuzz_require(c->vram, "no memory");
	config.vram = c->vram;
	fuzz_require(!egret_mc_create(&config, &ops, c, &c->mc), "no controller");
	return c;
}

void controller_free(struct controller *c)
{
	egret_mc_destroy(c->mc);
	free(c->vram);
	free(c);
}

void controller_advance(struct controller *c, uint64_t ns)
{
	uint64_t end = c->time + ns, deadline = 0;

	for (unsigned int stops = 0; stops < STOPS; stops++) {
		unsigned int quanta = 0;

		while (egret_mc_run(c->mc, &deadline) && ++quanta < QUANTA)
			;
		if (deadline > end)
			break;
		c->time = deadline > c->time ? deadline : c->time + 1;
	}
	if (c->time < end)
		c->time = end;
	egret_mc_run(c->mc, &deadline);
}

uint32_t controller_boot(struct controller *c, uint64_t addr, uint32_t size)
{
	controller_write(c, EGRET_REG_BOOT_ADDR, addr);
	controller_write(c, EGRET_REG_BOOT_SIZE, size);
	controller_write(c, EGRET_REG_BOOT_CTRL, EGRET_BOOT_START);
	controller_advance(c, 0);
	return controller_read(c, EGRET_REG_BOOT_STATUS);
}

uint64_t controller_read(struct controller *c, uint64_t offset)
{
	return egret_mc_reg_read(c->mc, offset);
}

void controller_write(struct controller *c, uint64_t offset, uint64_t value)
{
	egret_mc_reg_write(c->mc, offset, value);
}
