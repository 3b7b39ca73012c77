// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller as a whole: its life from boot to end, events, time.
 *
 * What can end a firmware, and what is done then, stands in mc_end() and its
 * callers: the host's stop, a trap, the watchdog, a reset. In every case the chip
 * goes on computing, in the safe performance state if it was not a reset; the clock
 * unit, the meters and the temperature trip need no firmware.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setname_np() */
#endif
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "mc_internal.h"

/* Instructions between two looks at time and epoch. */
#define QUANTUM 20000
/* Runs of the hart between two pauses, when it sleeps but something always wakes it. */
#define RUNS 64
/* Host time that a firmware which never sleeps has to pause after each quantum. */
#define PAUSE_NS (1 * MC_NS_PER_MS)
/* How often the temperature is compared with the trip point when no firmware looks at it. */
#define TRIP_CHECK_NS (100 * MC_NS_PER_MS)

/* ---- Lock and callbacks ------------------------------------------------- */

/*
 * Time starts again at power-on. A thread that asked for the time before and gets
 * the lock after it must not bring the old time back: hence the era.
 */
static void lock_at(struct egret_mc *mc, uint64_t now, uint32_t era)
{
	pthread_mutex_lock(&mc->lock);
	if (era == mc->era && now > mc->now)
		mc->now = now;
}

void mc_lock(struct egret_mc *mc, unsigned int ask)
{
	uint32_t era = atomic_load(&mc->era);
	struct mc_sample sample;
	bool busy = false;

	if (ask & MC_ASK_POWER)
		mc->ops.counters(mc->opaque, &sample.counters);
	if (ask & MC_ASK_WORK)
		busy = mc->ops.busy(mc->opaque);
	sample.time = mc->ops.time(mc->opaque);
	lock_at(mc, sample.time, era);
	if (ask & MC_ASK_WORK)
		mc->busy = busy;
	if (ask & MC_ASK_POWER && era == mc->era) {
		mc_power_update(&mc->power, &sample);
		if (mc->power.temperature >= MC_LIMIT_TRIP)
			mc_thermal_stop(mc);
	}
}

void mc_unlock(struct egret_mc *mc)
{
	uint32_t causes = mc->raise;
	bool stop = mc->stop_engines;

	/* While the controller is held, what came up stays where it can be saved. */
	if (mc->held || (!causes && !stop)) {
		pthread_mutex_unlock(&mc->lock);
		return;
	}
	mc->raise = 0;
	mc->stop_engines = false;
	mc->delivering++;
	pthread_mutex_unlock(&mc->lock);
	if (stop)
		mc->ops.stop_engines(mc->opaque);
	if (causes)
		mc->ops.raise(mc->opaque, causes);
	pthread_mutex_lock(&mc->lock);
	if (!--mc->delivering)
		pthread_cond_broadcast(&mc->idle);
	pthread_mutex_unlock(&mc->lock);
}

static void __attribute__((format(printf, 3, 4)))
mc_log(struct egret_mc *mc, enum egret_log_level level, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	mc->ops.log(mc->opaque, level, text);
}

void mc_kick(struct egret_mc *mc)
{
	mc->kick = true;
	pthread_cond_signal(&mc->wake);
}

/* ---- State that others read without the lock ---------------------------- */

void mc_publish_state(struct egret_mc *mc)
{
	bool alive = mc->status == EGRET_BOOT_RUNNING || mc->status == EGRET_BOOT_READY;

	atomic_store(&mc->state, (alive ? EGRET_STATE_FIRMWARE : 0) |
				 (mc->thermal_stop ? EGRET_STATE_THERMAL_STOP : 0));
}

static void set_status(struct egret_mc *mc, enum egret_boot_status status)
{
	mc->status = status;
	mc_publish_state(mc);
}

uint32_t egret_mc_core_clock(struct egret_mc *mc)
{
	return atomic_load(&mc->core_clock);
}

uint32_t egret_mc_state(struct egret_mc *mc)
{
	return atomic_load(&mc->state);
}

void mc_set_pstate(struct egret_mc *mc, uint32_t pstate)
{
	mc->power.pstate = pstate;
	atomic_store(&mc->core_clock, mc_pstates[pstate].khz);
}

void mc_thermal_stop(struct egret_mc *mc)
{
	if (mc->thermal_stop)
		return;
	mc->thermal_stop = true;
	mc->stop_engines = true;
	mc->raise |= EGRET_IRQ_THERMAL;
	mc_publish_state(mc);
}

void mc_count_ecc(struct egret_mc *mc, bool uncorrected, uint64_t addr)
{
	if (!uncorrected) {
		mc->ecc_corrected++;
		mc->raise |= EGRET_IRQ_ECC_CORRECTED;
		return;
	}
	mc->ecc_uncorrected++;
	mc->ecc_addr = addr;
	mc->ecc_event = true;
	mc->raise |= EGRET_IRQ_ECC_UNCORRECTED;
	mc_kick(mc);
}

/* ---- Life of a firmware ------------------------------------------------- */

/* What a firmware set and nobody looks after any more. */
static void forget_firmware(struct egret_mc *mc, enum egret_boot_status status)
{
	mc->phase = MC_OFF;
	mc->epoch++;
	mc->hung = false;
	mc->fw_version = 0;
	mc->fw_abi = 0;
	mc->heartbeat = 0;
	mc->tlm_temperature = 0;
	mc->tlm_power = 0;
	mc->tlm_throttle = 0;
	mc->event_enable = 0;
	set_status(mc, status);
}

void mc_end(struct egret_mc *mc, enum egret_boot_status status)
{
	forget_firmware(mc, status);
	mc_set_pstate(mc, EGRET_MC_PSTATE_SAFE);
	mc->last_end = status;
	if (status == EGRET_BOOT_E_CRASHED || status == EGRET_BOOT_E_WATCHDOG)
		mc->raise |= EGRET_IRQ_FIRMWARE_STOP;
}

void mc_boot(struct egret_mc *mc)
{
	if (mc->phase != MC_OFF)
		mc_end(mc, EGRET_BOOT_STOPPED);
	mc->epoch++;
	mc->phase = MC_BOOT;
	mc->image_addr = mc->boot_addr;
	mc->image_size = mc->boot_size;
	mc->h2d_full = false;
	mc->d2h_full = false;
	set_status(mc, EGRET_BOOT_VERIFYING);
}

void mc_ready(struct egret_mc *mc)
{
	if (mc->status == EGRET_BOOT_RUNNING)
		set_status(mc, EGRET_BOOT_READY);
}

static void hand_over(struct egret_mc *mc, const struct egret_fw_header *h)
{
	mc->phase = MC_RUN;
	mc->fw_version = h->fw_version;
	mc->fw_abi = (uint32_t)h->abi_major << 16 | h->abi_minor;
	mc->event_enable = 0;
	mc->ecc_event = false;
	mc->timer = UINT64_MAX;
	mc->watchdog = mc->now + EGRET_MC_WATCHDOG_BOOT * MC_NS_PER_MS;
	mc->run_epoch = mc->epoch;
	mc_hart_reset(&mc->hart, h->entry);
	set_status(mc, EGRET_BOOT_RUNNING);
}

static void crash(struct egret_mc *mc, enum egret_mc_trap cause, uint64_t pc, uint64_t addr)
{
	mc->last_cause = cause;
	mc->last_pc = pc;
	mc->last_addr = addr;
	mc_end(mc, EGRET_BOOT_E_CRASHED);
}

/* ---- The runner --------------------------------------------------------- */

uint32_t mc_events(struct egret_mc *mc)
{
	return (mc->now >= mc->timer ? EGRET_MC_EVENT_TIMER : 0) |
	       (mc->h2d_full ? EGRET_MC_EVENT_REQUEST : 0) |
	       (mc->d2h_full ? 0 : EGRET_MC_EVENT_REPLY_FREE) |
	       (mc->busy ? EGRET_MC_EVENT_WORK : 0) |
	       (mc->ecc_event ? EGRET_MC_EVENT_ECC : 0);
}

/* Enter and leave what is done without the lock. False: it was in vain, see epoch. */
static uint32_t leave_lock(struct egret_mc *mc)
{
	uint32_t epoch = mc->epoch;

	mc->running = true;
	mc_unlock(mc);
	return epoch;
}

static bool come_back(struct egret_mc *mc, uint32_t epoch)
{
	mc_lock(mc, MC_ASK_POWER | MC_ASK_WORK);
	mc->running = false;
	pthread_cond_broadcast(&mc->idle);
	return mc->epoch == epoch;
}

static void run_rom(struct egret_mc *mc)
{
	uint64_t addr = mc->image_addr;
	uint32_t size = mc->image_size, epoch;
	struct egret_fw_header header;
	enum egret_boot_status status;

	epoch = leave_lock(mc);
	status = mc_rom(mc, addr, size, &header);
	if (status != EGRET_BOOT_RUNNING)
		mc_log(mc, EGRET_LOG_GUEST, "firmware image refused, boot status %#x", status);
	if (!come_back(mc, epoch))
		return;
	if (status == EGRET_BOOT_RUNNING) {
		hand_over(mc, &header);
		return;
	}
	mc->phase = MC_OFF;
	set_status(mc, status);
}

/*
 * Ask to be told of work, if firmware waits for it. This comes before come_back()
 * asks whether there is some, so that none is missed.
 */
static void await_work(struct egret_mc *mc)
{
	pthread_mutex_lock(&mc->lock);
	if (mc->event_enable & EGRET_MC_EVENT_WORK)
		atomic_store(&mc->work_awaited, true);
	pthread_mutex_unlock(&mc->lock);
}

/* Returns true when the quantum was used up. */
static bool run_hart(struct egret_mc *mc)
{
	enum mc_hart_exit exit;
	uint32_t epoch;

	mc->phase = MC_RUN;
	atomic_store(&mc->work_awaited, false);
	epoch = leave_lock(mc);
	exit = mc_hart_run(&mc->hart, QUANTUM);
	if (exit == MC_HART_TRAP)
		mc_log(mc, EGRET_LOG_DEBUG, "management hart left its run, trap %d at %#llx, %#llx",
		       mc->hart.trap, (unsigned long long)mc->hart.pc,
		       (unsigned long long)mc->hart.trap_addr);
	if (exit == MC_HART_WFI)
		await_work(mc);
	if (!come_back(mc, epoch))
		return false;
	if (exit == MC_HART_TRAP)
		crash(mc, mc->hart.trap, mc->hart.pc, mc->hart.trap_addr);
	if (exit == MC_HART_WFI) {
		mc->phase = MC_SLEEP;
		mc->slept = mc->now;
	}
	return exit == MC_HART_QUANTUM;
}

static bool asleep(struct egret_mc *mc)
{
	return mc->hung || (mc->phase == MC_SLEEP && !(mc_events(mc) & mc->event_enable));
}

/*
 * A host that is busy may come back to a sleeping controller long after its timer was
 * due. It is not the firmware that is late then, so the watchdog gets the time back.
 */
static void forgive_lateness(struct egret_mc *mc)
{
	uint64_t due = mc->timer > mc->slept ? mc->timer : mc->slept;

	if (mc->phase == MC_SLEEP && !mc->hung && mc->event_enable & EGRET_MC_EVENT_TIMER &&
	    due <= mc->watchdog && due < mc->now)
		mc->watchdog += mc->now - due;
}

/* Do what is due, with the lock held; true: the hart would go on at once. */
static bool run_locked(struct egret_mc *mc)
{
	unsigned int i;

	for (i = 0; i < RUNS; i++) {
		if (mc->held)
			return false;
		if (mc->phase == MC_BOOT)
			run_rom(mc);
		if (mc->phase == MC_OFF)
			return false;
		if (mc->phase == MC_BOOT)
			continue;	/* started anew meanwhile */
		forgive_lateness(mc);
		if (mc->now >= mc->watchdog) {
			mc_end(mc, EGRET_BOOT_E_WATCHDOG);
			return false;
		}
		if (asleep(mc))
			return false;
		if (run_hart(mc))
			return true;
	}
	/* It was awake all the time, whatever it says. */
	if (mc->phase == MC_SLEEP)
		mc->phase = MC_RUN;
	return true;
}

static uint64_t next_deadline(struct egret_mc *mc)
{
	struct mc_power *p = &mc->power;
	uint64_t next = UINT64_MAX;

	if (mc->held)
		return next;
	if (mc->phase == MC_RUN || mc->phase == MC_SLEEP)
		next = mc->watchdog;
	if (mc->phase == MC_SLEEP && !mc->hung && mc->event_enable & EGRET_MC_EVENT_TIMER &&
	    mc->timer > mc->now && mc->timer < next)
		next = mc->timer;
	/* Without an injection no load gets anywhere near the trip point. */
	if ((p->heat_mw > 0 || p->load_mw > 0 || p->ambient > MC_THERMAL_AMBIENT) &&
	    !mc->thermal_stop && mc->now + TRIP_CHECK_NS < next)
		next = mc->now + TRIP_CHECK_NS;
	return next;
}

bool egret_mc_run(struct egret_mc *mc, uint64_t *deadline)
{
	bool more;

	mc_lock(mc, MC_ASK_POWER | MC_ASK_WORK);
	more = run_locked(mc);
	*deadline = next_deadline(mc);
	mc_unlock(mc);
	return more;
}

/* ---- The thread --------------------------------------------------------- */

/*
 * Sleep until something happens or the deadline comes. The embedder's clock need not
 * keep pace with the host's, nor run at all: so no wait is shorter than a millisecond,
 * and after each the clock is asked again.
 */
static void wait_until(struct egret_mc *mc, uint64_t deadline, bool more)
{
	struct timespec until;
	uint64_t ns = PAUSE_NS;

	pthread_mutex_lock(&mc->lock);
	if (!more && deadline > mc->now + ns)
		ns = deadline - mc->now;
	clock_gettime(CLOCK_MONOTONIC, &until);
	if (ns > 1000 * MC_NS_PER_MS)
		ns = 1000 * MC_NS_PER_MS;
	until.tv_nsec += (long)ns;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!mc->kick && !mc->quit) {
		if (!more && deadline == UINT64_MAX)
			pthread_cond_wait(&mc->wake, &mc->lock);
		else if (pthread_cond_timedwait(&mc->wake, &mc->lock, &until) == ETIMEDOUT)
			break;
	}
	mc->kick = false;
	pthread_mutex_unlock(&mc->lock);
}

static bool quits(struct egret_mc *mc)
{
	bool quit;

	pthread_mutex_lock(&mc->lock);
	quit = mc->quit;
	pthread_mutex_unlock(&mc->lock);
	return quit;
}

static void *thread_main(void *arg)
{
	struct egret_mc *mc = arg;
	uint64_t deadline;

	while (!quits(mc)) {
		bool more = egret_mc_run(mc, &deadline);

		wait_until(mc, deadline, more);
	}
	return NULL;
}

/* ---- Holding -------------------------------------------------------------- */

void egret_mc_hold(struct egret_mc *mc)
{
	mc_lock(mc, MC_ASK_TIME);
	if (!mc->held++)
		mc->held_since = mc->now;
	while (mc->running || mc->delivering)
		pthread_cond_wait(&mc->idle, &mc->lock);
	pthread_mutex_unlock(&mc->lock);
}

void egret_mc_release(struct egret_mc *mc)
{
	mc_lock(mc, MC_ASK_TIME);
	if (!--mc->held) {
		/* Firmware could not help being late. */
		if (mc->now > mc->held_since)
			mc->watchdog += mc->now - mc->held_since;
		mc_kick(mc);
	}
	mc_unlock(mc);
}

/* ---- What the rest of the chip tells ------------------------------------ */

void egret_mc_work(struct egret_mc *mc)
{
	if (!atomic_load(&mc->work_awaited))
		return;
	pthread_mutex_lock(&mc->lock);
	atomic_store(&mc->work_awaited, false);
	mc_kick(mc);
	pthread_mutex_unlock(&mc->lock);
}

/* With the lock held. */
static int inject(struct egret_mc *mc, enum egret_model_injection what, uint64_t value)
{
	bool alive = mc->phase == MC_RUN || mc->phase == MC_SLEEP;

	switch (what) {
	case EGRET_INJECT_HEAT:
		if (value > 1000000)
			return -EINVAL;
		mc->power.heat_mw = (double)value;
		break;
	case EGRET_INJECT_LOAD:
		if (value > 1000000)
			return -EINVAL;
		mc->power.load_mw = (double)value;
		break;
	case EGRET_INJECT_AMBIENT:
		if (value > 150000)
			return -EINVAL;
		mc->power.ambient = (double)value;
		break;
	case EGRET_INJECT_TEMPERATURE:
		if (value > 150000)
			return -EINVAL;
		mc->power.temperature = (double)value;
		if (value >= MC_LIMIT_TRIP)
			mc_thermal_stop(mc);
		break;
	case EGRET_INJECT_ECC_CORRECTED:
	case EGRET_INJECT_ECC_UNCORRECTED:
		if (value >= mc->config.vram_size)
			return -EINVAL;
		mc_count_ecc(mc, what == EGRET_INJECT_ECC_UNCORRECTED, value);
		break;
	case EGRET_INJECT_FW_HANG:
		mc->hung = alive;
		break;
	case EGRET_INJECT_FW_CRASH:
		if (alive)
			crash(mc, EGRET_MC_TRAP_INJECTED, 0, 0);
		break;
	default:
		return -EINVAL;
	}
	mc_kick(mc);
	return 0;
}

int egret_mc_inject(struct egret_mc *mc, enum egret_model_injection what, uint64_t value)
{
	int r;

	mc_lock(mc, MC_ASK_POWER);
	r = inject(mc, what, value);
	mc_unlock(mc);
	return r;
}

/* ---- Creation and reset ------------------------------------------------- */

/* What every reset sets. */
static void reset_registers(struct egret_mc *mc)
{
	forget_firmware(mc, EGRET_BOOT_IDLE);
	mc_set_pstate(mc, EGRET_MC_PSTATE_RESET);
	mc->power.clock_gate = false;
	mc->boot_addr = 0;
	mc->boot_size = 0;
	mc->h2d_full = false;
	mc->d2h_full = false;
	memset(mc->h2d, 0, sizeof(mc->h2d));
	memset(mc->d2h, 0, sizeof(mc->d2h));
	mc->ecc_event = false;
	mc->ecc_inject_addr = 0;
	mc->timer = UINT64_MAX;
	atomic_store(&mc->work_awaited, false);
}

/* What only power-on sets. */
static void power_on(struct egret_mc *mc, uint64_t now)
{
	mc->now = now;
	mc->held_since = now;
	mc_power_init(&mc->power, mc->now);
	mc->thermal_stop = false;
	mc->last_end = EGRET_BOOT_IDLE;
	mc->last_cause = EGRET_MC_TRAP_NONE;
	mc->last_pc = 0;
	mc->last_addr = 0;
	mc->ecc_corrected = 0;
	mc->ecc_uncorrected = 0;
	mc->ecc_addr = 0;
	memset(mc->sram, 0, EGRET_MC_SRAM_SIZE);
}

/*
 * The chip's counters cannot be asked in a reset. Static power, which is most of
 * what is due since the last update, can be counted without them.
 */
static void count_static_power(struct egret_mc *mc)
{
	struct mc_sample s = mc->power.last;

	s.time = mc->now;
	mc_power_update(&mc->power, &s);
	mc->power.last = (struct mc_sample){ .time = mc->now };
}

void egret_mc_reset(struct egret_mc *mc, bool cold)
{
	uint64_t now = mc->ops.time(mc->opaque);

	if (cold)
		atomic_fetch_add(&mc->era, 1);
	lock_at(mc, now, mc->era);
	mc->epoch++;
	mc->phase = MC_OFF;
	while (mc->running)
		pthread_cond_wait(&mc->idle, &mc->lock);
	if (cold)
		power_on(mc, now);
	else
		count_static_power(mc);
	reset_registers(mc);
	mc->raise = 0;
	mc->stop_engines = false;
	mc_kick(mc);
	pthread_mutex_unlock(&mc->lock);
}

static void init_sync(struct egret_mc *mc)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&mc->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&mc->wake, &attr);
	pthread_cond_init(&mc->idle, NULL);
	pthread_condattr_destroy(&attr);
}

/* Signals of the process are for the embedder's threads. */
static int start_thread(struct egret_mc *mc)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&mc->thread, NULL, thread_main, mc);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return -EAGAIN;
	pthread_setname_np(mc->thread, "egret-mc");
	return 0;
}

static void free_all(struct egret_mc *mc)
{
	pthread_cond_destroy(&mc->idle);
	pthread_cond_destroy(&mc->wake);
	pthread_mutex_destroy(&mc->lock);
	mc_hart_fini(&mc->hart);
	free(mc->sram);
	free(mc);
}

int egret_mc_create(const struct egret_mc_config *config, const struct egret_mc_ops *ops,
		    void *opaque, struct egret_mc **out)
{
	struct egret_mc *mc = calloc(1, sizeof(*mc));

	if (!mc || sodium_init() < 0) {
		free(mc);
		return -ENOMEM;
	}
	mc->config = *config;
	mc->ops = *ops;
	mc->opaque = opaque;
	mc->sram = malloc(EGRET_MC_SRAM_SIZE);
	mc->hart.sram = mc->sram;
	mc->hart.load = mc_bus_load;
	mc->hart.store = mc_bus_store;
	mc->hart.opaque = mc;
	init_sync(mc);
	if (!mc->sram || !mc_hart_init(&mc->hart)) {
		free_all(mc);
		return -ENOMEM;
	}
	power_on(mc, ops->time(opaque));
	reset_registers(mc);
	if (config->threaded && start_thread(mc)) {
		free_all(mc);
		return -EAGAIN;
	}
	*out = mc;
	return 0;
}

void egret_mc_destroy(struct egret_mc *mc)
{
	if (!mc)
		return;
	pthread_mutex_lock(&mc->lock);
	mc->quit = true;
	mc->epoch++;
	pthread_cond_signal(&mc->wake);
	pthread_mutex_unlock(&mc->lock);
	if (mc->config.threaded)
		pthread_join(mc->thread, NULL);
	free_all(mc);
}
