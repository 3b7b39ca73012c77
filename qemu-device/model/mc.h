/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller: boot ROM, hart, mailbox, clocks, sensors, watchdog.
 *
 * The rest of the model sees it through this header only. It owns the BAR0
 * registers from EGRET_MC_REG_FIRST to EGRET_MC_REG_LAST and what egret_mc_state()
 * and egret_mc_core_clock() tell; everything else it reaches through
 * struct egret_mc_ops.
 *
 * Time. The controller has no clock of its own: it lives by EGRET_REG_TIME, which
 * comes from the embedder. egret_mc_run() does everything that is due at the
 * present time and says when something will be due next. Normally a thread of the
 * controller's own calls it and sleeps in between; a test makes the controller
 * without the thread, drives a clock of its own, and gets the same results at
 * every run.
 *
 * Locks. All functions may be called from any thread and with any lock of the
 * caller's held that is not taken in a callback: the controller calls back with
 * no lock held. egret_mc_destroy() must not run beside another call. egret_mc_reset()
 * waits until the controller's thread is out of its callbacks, so that no lock that
 * they take may be held around it.
 */
#ifndef EGRET_MODEL_MC_H
#define EGRET_MODEL_MC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "egret_model.h"

struct egret_mc;

/* The BAR0 registers that belong to the controller: mailbox, boot, telemetry. */
#define EGRET_MC_REG_FIRST	0x05000
#define EGRET_MC_REG_LAST	0x06fff

/** struct egret_mc_counters - what energy is derived from, since the last reset of the chip */
struct egret_mc_counters {
	uint64_t cycles;	/* EGRET_REG_CNT_CYCLES */
	uint64_t instructions;	/* EGRET_REG_CNT_INSTRUCTIONS */
	uint64_t macs;		/* EGRET_REG_CNT_MACS */
	uint64_t vram_bytes;	/* EGRET_REG_CNT_VRAM_READ and _WRITE */
	uint64_t host_bytes;	/* EGRET_REG_CNT_HOST_READ and _WRITE */
};

/** struct egret_mc_ops - the rest of the chip; all members must be set */
struct egret_mc_ops {
	/* EGRET_REG_TIME. */
	uint64_t (*time)(void *opaque);
	/*
	 * The counters, for the energy meter. They must be right at any time, also
	 * while a reset is in progress.
	 */
	void (*counters)(void *opaque, struct egret_mc_counters *counters);
	/*
	 * A BAR0 register, for the controller's window to the host's registers.
	 * @size is 4 or 8. Called from the controller's thread only.
	 */
	uint64_t (*reg_read)(void *opaque, uint64_t offset, unsigned int size);
	/* Causes (EGRET_IRQ_*) have come. */
	void (*raise)(void *opaque, uint32_t causes);
	/* Whether some queue has work that it can do. */
	bool (*busy)(void *opaque);
	/* Stop all engines until a cold reset: EGRET_STATE_THERMAL_STOP was set. */
	void (*stop_engines)(void *opaque);
	void (*log)(void *opaque, enum egret_log_level level, const char *text);
};

struct egret_mc_config {
	const void *vram;	/* device memory, where images are read from */
	uint64_t vram_size;
	bool threaded;		/* it runs by itself; otherwise call egret_mc_run() */
};

/**
 * egret_mc_create() - make a controller, just powered on
 * @config: copied
 * @ops: copied
 * @opaque: passed to the callbacks
 * @out: the controller, on success
 *
 * Of the callbacks, only time() is made before another function is called.
 *
 * Return: 0, -ENOMEM, or -EAGAIN when no thread can be made.
 */
int egret_mc_create(const struct egret_mc_config *config, const struct egret_mc_ops *ops,
		    void *opaque, struct egret_mc **out);

/** egret_mc_destroy() - stop and free the controller; NULL is allowed */
void egret_mc_destroy(struct egret_mc *mc);

/**
 * egret_mc_reset() - reset the controller; returns when its hart has stopped
 * @cold: power-on, otherwise a reset of the chip, which keeps the counters of
 *	energy and errors, the temperature, and the kept part of SRAM
 *
 * Of the callbacks, only time() is made.
 */
void egret_mc_reset(struct egret_mc *mc, bool cold);

/**
 * egret_mc_reg_read() - read one of the controller's BAR0 registers
 * @offset: of the register; a u64 register is read whole
 *
 * Return: the value; 0 where there is no register.
 */
uint64_t egret_mc_reg_read(struct egret_mc *mc, uint64_t offset);
/** egret_mc_reg_write() - write one; a u64 register is written whole */
void egret_mc_reg_write(struct egret_mc *mc, uint64_t offset, uint64_t value);

/** egret_mc_core_clock() - EGRET_REG_CORE_CLOCK, kHz; takes no lock */
uint32_t egret_mc_core_clock(struct egret_mc *mc);
/** egret_mc_state() - the controller's part of EGRET_REG_STATE; takes no lock */
uint32_t egret_mc_state(struct egret_mc *mc);

/**
 * egret_mc_work() - some queue got work while there was none before
 *
 * Call it after busy() has begun to answer true. It costs one load unless firmware
 * waits for work.
 */
void egret_mc_work(struct egret_mc *mc);

/**
 * egret_mc_hold() - let the controller stand still, and wait until it does
 *
 * Its hart does nothing and it calls nobody back; interrupts that come up are delivered
 * later. Registers and egret_mc_reset() work. Calls nest. Not from a callback.
 */
void egret_mc_hold(struct egret_mc *mc);
/** egret_mc_release() - go on; firmware is not blamed for the time between */
void egret_mc_release(struct egret_mc *mc);

/** egret_mc_inject() - see egret_model_inject(); returns 0 or -EINVAL */
int egret_mc_inject(struct egret_mc *mc, enum egret_model_injection what, uint64_t value);

/**
 * egret_mc_run() - do what is due now (only for controllers without a thread)
 * @deadline: set to the time when something will be due next, UINT64_MAX if
 *	nothing will unless a register is accessed
 *
 * Return: true when the hart used up its quantum and would go on at once.
 */
bool egret_mc_run(struct egret_mc *mc, uint64_t *deadline);

#endif /* EGRET_MODEL_MC_H */
