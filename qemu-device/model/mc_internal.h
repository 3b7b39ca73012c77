/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller's state, for its own files (mc*.c).
 *
 * Locks. egret_mc.lock protects everything but what is said to be otherwise.
 * Nothing is called back with it held: mc_lock() asks the rest of the chip what it
 * wants to know before it takes the lock, and mc_unlock() delivers afterwards what
 * came up meanwhile.
 *
 * One thread at a time, the runner, executes the boot ROM and the hart, without the
 * lock but with `running` set. SRAM and the hart are the runner's. Who stops or
 * restarts the controller adds one to `epoch` and goes on; the runner finds at its
 * next access to a register, or at the end of its quantum, that it belongs to the
 * past, and what it did has no effect.
 */
#ifndef EGRET_MODEL_MC_INTERNAL_H
#define EGRET_MODEL_MC_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <egret/firmware.h>
#include <egret/mc.h>
#include <egret/regs.h>

#include "mc.h"
#include "mc_hart.h"
#include "mc_power.h"

#define MC_NS_PER_MS UINT64_C(1000000)

enum mc_phase {
	MC_OFF,		/* no firmware */
	MC_BOOT,	/* the boot ROM is asked for, or at work */
	MC_RUN,		/* the hart executes */
	MC_SLEEP,	/* the hart waits in wfi */
};

struct egret_mc {
	/* Constant after egret_mc_create(). */
	struct egret_mc_config config;
	struct egret_mc_ops ops;
	void *opaque;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t wake;		/* kick or quit was set */
	pthread_cond_t idle;		/* running was cleared, delivering became zero */
	bool quit;
	bool kick;			/* something happened that the runner must look at */
	bool running;			/* the runner executes ROM or hart */
	unsigned int delivering;	/* threads in mc_unlock() that call back */
	unsigned int held;		/* calls of egret_mc_hold() */
	uint64_t held_since;		/* time of the first */
	uint32_t epoch;

	/* Read without the lock too; written with it. */
	_Atomic uint32_t era;		/* counts power-ons; see lock_at() */
	_Atomic uint32_t core_clock;
	_Atomic uint32_t state;
	/* Set by the runner before it sleeps until there is work; see egret_mc_work(). */
	_Atomic bool work_awaited;

	uint64_t now;			/* latest EGRET_REG_TIME seen */
	bool busy;			/* as last asked */
	uint32_t raise;			/* causes that mc_unlock() delivers */
	bool stop_engines;		/* so does it deliver this */

	/* Boot. */
	enum mc_phase phase;
	enum egret_boot_status status;
	uint64_t boot_addr;
	uint32_t boot_size;
	uint64_t image_addr;		/* the two, as they were at the start */
	uint32_t image_size;
	uint32_t fw_version;
	uint32_t fw_abi;
	uint32_t heartbeat;
	bool hung;			/* injected */

	enum egret_boot_status last_end;
	enum egret_mc_trap last_cause;
	uint64_t last_pc;
	uint64_t last_addr;

	/* Events and time. */
	uint32_t event_enable;
	bool ecc_event;
	uint64_t timer;
	uint64_t slept;			/* since when the hart waits in wfi */
	uint64_t watchdog;		/* time of its expiry */

	/* Mailbox. */
	bool h2d_full;
	bool d2h_full;
	uint32_t h2d[EGRET_MBX_BYTES / 4];
	uint32_t d2h[EGRET_MBX_BYTES / 4];

	/* Telemetry. */
	uint32_t tlm_temperature;
	uint32_t tlm_power;
	uint32_t tlm_throttle;

	bool thermal_stop;
	struct mc_power power;

	uint64_t ecc_corrected;
	uint64_t ecc_uncorrected;
	uint64_t ecc_addr;
	uint64_t ecc_inject_addr;

	/* The runner's. */
	uint32_t run_epoch;		/* epoch in which it began to run */
	uint8_t *sram;
	struct mc_hart hart;
};

/* ---- mc.c ------------------------------------------------------------------ */

/* What mc_lock() finds out first; a bit mask. */
enum mc_ask {
	MC_ASK_TIME	= 0,	/* always: egret_mc.now */
	MC_ASK_POWER	= 1,	/* bring egret_mc.power up to date */
	MC_ASK_WORK	= 2,	/* egret_mc.busy */
};

void mc_lock(struct egret_mc *mc, unsigned int ask);
void mc_unlock(struct egret_mc *mc);

/* All of the following are called with the lock held. */

/* The runner shall look at what has changed. */
void mc_kick(struct egret_mc *mc);
/* Firmware is over, for the reason that BOOT_STATUS will say. Power must be up to date. */
void mc_end(struct egret_mc *mc, enum egret_boot_status status);
/* Start the boot ROM; a running firmware is stopped. Power must be up to date. */
void mc_boot(struct egret_mc *mc);
/* EGRET_BOOT_READY. */
void mc_ready(struct egret_mc *mc);
void mc_set_pstate(struct egret_mc *mc, uint32_t pstate);
void mc_thermal_stop(struct egret_mc *mc);
void mc_count_ecc(struct egret_mc *mc, bool uncorrected, uint64_t addr);
/* Tell egret_mc_state() what has changed. */
void mc_publish_state(struct egret_mc *mc);
/* EGRET_MC_EVENT_* that are there. */
uint32_t mc_events(struct egret_mc *mc);

/* ---- mc_boot.c ------------------------------------------------------------- */

/*
 * Verify an image and load it into SRAM. Called by the runner without the lock.
 * Returns EGRET_BOOT_RUNNING and fills in @header, or why the image was refused.
 */
enum egret_boot_status mc_rom(struct egret_mc *mc, uint64_t addr, uint32_t size,
			      struct egret_fw_header *header);

/* ---- mc_bus.c -------------------------------------------------------------- */

/* The hart's bus outside SRAM; called by the runner without the lock. */
bool mc_bus_load(void *opaque, uint64_t addr, unsigned int size, uint64_t *value);
bool mc_bus_store(void *opaque, uint64_t addr, unsigned int size, uint64_t value);

#endif /* EGRET_MODEL_MC_INTERNAL_H */
