/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The chip Egret-1 as a library.
 *
 * A model is one chip with its device memory. It knows no bus: whoever embeds it
 * (the QEMU device, a simulator, a test) gives it a table of callbacks to reach
 * system memory and to raise interrupts, and forwards register accesses to it.
 * There may be any number of models in a process.
 *
 * Threads. All functions may be called from any thread, but create, destroy and
 * reset must not run at the same time as another call on the same model. Register
 * accesses return quickly: work is done by the model's own threads. Callbacks are
 * made from the model's threads and, for interrupts caused by a register access,
 * from the thread that made the access; the model holds no lock that a register
 * access takes while it is in a callback, so a callback may call back into
 * register accesses, but not into create, destroy, reset, pause or wait_idle.
 *
 * Whatever the guest does, the model never exits, aborts or asserts: a mistake
 * becomes a fault that the guest can see.
 */
#ifndef EGRET_MODEL_H
#define EGRET_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct egret_model;

enum egret_log_level {
	EGRET_LOG_ERROR,	/* the model itself has a problem (no memory, no thread) */
	EGRET_LOG_GUEST,	/* the guest made a mistake: a fault, a write to a read-only register */
	EGRET_LOG_DEBUG,
};

/* What happened, for tracing. `queue` is -1 where none is concerned. */
struct egret_trace {
	const char *what;	/* static string: "packet", "fault", "dispatch", "group", "interrupt", "invalidate", "reset" */
	int queue;
	uint64_t a, b, c;	/* by kind, see trace.c */
};

/*
 * Callbacks. `opaque` is the pointer given to egret_model_create(). All but
 * trace and log must be set.
 */
struct egret_model_ops {
	/*
	 * Read or write system memory at a PCIe address, any alignment and size.
	 * An aligned access of 8 bytes or less must be done at once (atomic).
	 * Return 0, or a negative errno when nobody answers at the address.
	 */
	int (*read)(void *opaque, uint64_t addr, void *buf, size_t size);
	int (*write)(void *opaque, uint64_t addr, const void *buf, size_t size);
	/*
	 * Send MSI-X message `vector`. Ordered after earlier writes. `times` is 1, or 2 where
	 * EGRET_INJECT_INTERRUPT_REPEAT has asked for it.
	 */
	void (*interrupt)(void *opaque, unsigned int vector, unsigned int times);
	/* Time since an arbitrary start in ns, never going back. */
	uint64_t (*time_ns)(void *opaque);
	/* One line of text without a newline. Optional. */
	void (*log)(void *opaque, enum egret_log_level level, const char *text);
	/* Optional. */
	void (*trace)(void *opaque, const struct egret_trace *event);
};

#define EGRET_VRAM_DEFAULT	(512ull << 20)
#define EGRET_DEFAULT_CLUSTERS	4
#define EGRET_VRAM_GRANULE	(2ull << 20)

struct egret_model_config {
	size_t size;		/* sizeof(struct egret_model_config) */
	uint64_t vram_size;	/* bytes, a multiple of EGRET_VRAM_GRANULE; 0 for EGRET_VRAM_DEFAULT */
	void *vram;		/* memory to use, page aligned and zeroed; NULL to allocate it */
	unsigned int clusters;	/* 1..EGRET_MAX_CLUSTERS; 0 for the default */
	unsigned int copy_engines; /* 0 for the default */
	unsigned int queues;	/* 1..EGRET_MAX_QUEUES; 0 for the default */
	unsigned int contexts;	/* 1..EGRET_MAX_CONTEXTS; 0 for the default */
	uint64_t serial;
	/*
	 * Host threads that run workgroups, at most one for each cluster; 0 for so many. No
	 * result depends on it. 1: one thread does all of the chip's work, one thing at a time
	 * and always in the same order, so that what software gives to the chip at once is
	 * done the same way each time. It is for debugging: a kernel that does not end keeps
	 * all other queues waiting until it is killed.
	 */
	unsigned int threads;
};

/*
 * Kinds of reset; what each keeps is specified in Documentation/hardware/reset.rst.
 *
 * After a reset that loses the device memory (EGRET_STATE_VRAM_KEPT is clear), the
 * memory is zero. The model clears what it allocated itself. Memory that came with
 * egret_model_config.vram is left to its owner, who knows how to drop its pages
 * without touching every one of them.
 */
enum egret_model_reset {
	EGRET_MODEL_RESET_COLD,	/* power-on: device memory is lost */
	EGRET_MODEL_RESET_FUNCTION, /* FLR: device memory stays */
	EGRET_MODEL_RESET_SLEEP, /* D0 to D3hot: device memory stays if EGRET_POWER_KEEP_VRAM is set */
};

/**
 * egret_model_create() - make a chip, just powered on
 * @config: sizes; NULL for the defaults
 * @ops: callbacks, copied
 * @opaque: passed to the callbacks
 * @out: the model, on success
 *
 * Return: 0, -EINVAL for a bad configuration, -ENOMEM, or -EAGAIN when no thread
 * can be made.
 */
int egret_model_create(const struct egret_model_config *config,
		       const struct egret_model_ops *ops, void *opaque,
		       struct egret_model **out);

/** egret_model_destroy() - stop everything and free the model; NULL is allowed */
void egret_model_destroy(struct egret_model *m);

/** egret_model_vram() - the device memory, as the host sees it through BAR2 */
void *egret_model_vram(struct egret_model *m);
uint64_t egret_model_vram_size(const struct egret_model *m);

/**
 * egret_model_reg_read() - read from BAR0
 * @m: model
 * @offset: byte offset in the BAR, not in the MSI-X table or PBA
 * @size: 4 or 8; others read as zero
 */
uint64_t egret_model_reg_read(struct egret_model *m, uint64_t offset,
			      unsigned int size);
void egret_model_reg_write(struct egret_model *m, uint64_t offset,
			   uint64_t value, unsigned int size);

/** egret_model_doorbell_read() - read from BAR4; @size is 4 or 8 */
uint64_t egret_model_doorbell_read(struct egret_model *m, uint64_t offset,
				   unsigned int size);
void egret_model_doorbell_write(struct egret_model *m, uint64_t offset,
				uint64_t value, unsigned int size);

/** egret_model_reset() - reset as a whole; returns when nothing runs any more */
void egret_model_reset(struct egret_model *m, enum egret_model_reset kind);

/**
 * egret_model_set_bus_master() - permit or forbid access to system memory
 *
 * When it is forbidden (as after a reset of the PCI function), every access fails as
 * if nobody answered and no interrupt is sent. Initially permitted.
 */
void egret_model_set_bus_master(struct egret_model *m, bool on);

/**
 * egret_model_pause() - let the chip stand still, and wait until it does
 *
 * Packets and copies stop between two pieces, workgroups between two quanta, the
 * management controller between two runs. Then no access to system memory is made and no
 * interrupt is sent, but for those that register accesses cause.
 */
void egret_model_pause(struct egret_model *m);
/**
 * egret_model_pause_begin() - ask the chip to stand still
 *
 * For who has to serve the chip's accesses meanwhile: egret_model_pause() in two parts,
 * the other being egret_model_pause_wait(), which is to be called until it returns 0.
 */
void egret_model_pause_begin(struct egret_model *m);
/** egret_model_pause_wait() - wait until the chip stands still, @timeout_ns at most; 0 or -ETIMEDOUT */
int egret_model_pause_wait(struct egret_model *m, uint64_t timeout_ns);
/** egret_model_resume() - go on after egret_model_pause(); calls nest */
void egret_model_resume(struct egret_model *m);

/**
 * egret_model_wait_idle() - wait until no queue has work it can do
 * @timeout_ns: at most so long
 *
 * Return: 0, or -ETIMEDOUT.
 */
int egret_model_wait_idle(struct egret_model *m, uint64_t timeout_ns);

/*
 * What egret_model_inject() can do. What lasts does so until it is changed or until a
 * cold reset. A link that breaks is not among it, since the bus is the embedder's: it calls
 * egret_model_set_bus_master(), forwards no accesses, and makes a cold reset when the link is
 * up again.
 */
enum egret_model_injection {
	EGRET_INJECT_HEAT,	/* value: mW into the chip that the power meter does not see */
	EGRET_INJECT_LOAD,	/* value: mW of switching power at P0; falls with voltage and clock */
	EGRET_INJECT_AMBIENT,	/* value: temperature around the card, 1/1000 degree Celsius, up to 150000 */
	EGRET_INJECT_ECC_CORRECTED, /* value: device memory offset of a corrected error */
	EGRET_INJECT_ECC_UNCORRECTED, /* value: device memory offset of an uncorrected error; its 4 KiB fault from now on */
	EGRET_INJECT_FW_HANG,	/* management firmware stops making progress; value: 0 */
	EGRET_INJECT_FW_CRASH,	/* management firmware traps; value: 0 */
	EGRET_INJECT_TEMPERATURE, /* value: temperature of the chip now, 1/1000 degree Celsius, up to 150000 */
	EGRET_INJECT_CLUSTER_HANG, /* value: a cluster that makes no step any more, until a reset of the engines */
	EGRET_INJECT_FENCE,	/* value: bits of the next FENCE's value that come out wrong; 0: none */
	EGRET_INJECT_BUS_ERROR,	/* value: how many of the next accesses to system memory fail; 32 bits */
	EGRET_INJECT_SLOWDOWN,	/* value: us that each packet and each quantum of a workgroup takes longer, up to 100000 */
	EGRET_INJECT_RESET_HANG, /* value: enum egret_reset_hang; resets that do not end: EGRET_STATE_READY stays clear */
	EGRET_INJECT_INTERRUPT_LOSS, /* value: a vector whose next message is not sent */
	EGRET_INJECT_INTERRUPT_REPEAT, /* value: a vector whose next message is sent twice */
};

/* Which resets hang; each of these includes those before it. */
enum egret_reset_hang {
	EGRET_RESET_HANG_NONE,	/* all end; one that hangs does so now, without effect */
	EGRET_RESET_HANG_REGISTER, /* those through EGRET_REG_RESET */
	EGRET_RESET_HANG_FUNCTION, /* FLR */
	EGRET_RESET_HANG_ALL,	/* cold resets; the only ones that do not clear the injection */
};

/**
 * egret_model_inject() - bring about an event that no guest can
 * @m: model
 * @what: the event
 * @value: by kind
 *
 * Return: 0, -EINVAL for an unknown event or a value out of range, or -ENOSPC after
 * more uncorrected errors than the model keeps (16 pages).
 */
int egret_model_inject(struct egret_model *m, enum egret_model_injection what,
		       uint64_t value);

/* Where a saved chip goes to and comes from. Functions return 0 or a negative errno. */
struct egret_model_writer {
	int (*write)(void *opaque, const void *data, size_t size);
	void *opaque;
};

struct egret_model_reader {
	int (*read)(void *opaque, void *data, size_t size);	/* all of it, or an error */
	void *opaque;
};

#define EGRET_MODEL_ERROR	160	/* bytes of a message, with its end */

/**
 * egret_model_save() - save the state of the chip, but for device memory
 * @m: model
 * @writer: called once, from this thread, with all of it
 *
 * Pauses the chip meanwhile. Workgroups are saved in their middle, so that it takes no
 * longer than egret_model_pause(), whatever kernels do. Who wants to go on elsewhere
 * keeps the chip paused from before this until device memory is saved too. Must not run
 * at the same time as another call on the same model.
 *
 * Return: 0, -ENOMEM, or what @writer returned.
 */
int egret_model_save(struct egret_model *m, const struct egret_model_writer *writer);

/**
 * egret_model_load() - make the chip what another one was when it was saved
 * @m: model, with the same configuration, serial number included
 * @reader: source, called from this thread; it reads as much as was written and no more
 * @error: EGRET_MODEL_ERROR bytes for a message in words, empty if all is well; or NULL
 *
 * The source is not trusted. Device memory is left alone: it has to be loaded before the
 * chip goes on, so pause the chip before. Must not run at the same time as another call
 * on the same model. Whether bus mastering is permitted stays as it is.
 *
 * Return: 0; or -EINVAL, with the chip as after a cold reset that left device memory alone.
 */
int egret_model_load(struct egret_model *m, const struct egret_model_reader *reader, char *error);

#ifdef __cplusplus
}
#endif

#endif /* EGRET_MODEL_H */
