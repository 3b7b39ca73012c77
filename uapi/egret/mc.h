/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller's own registers, at EGRET_MC_REGS in its address map.
 *
 * Only firmware includes this header; the host never sees these registers.
 *
 * A register is 32 bits wide unless its comment says u64, and is accessed with
 * one aligned access of exactly its width. Any other access to an address that
 * is neither SRAM nor the host register window nor a register below stops the
 * controller with EGRET_BOOT_E_CRASHED. The window EGRET_MC_HOST_REGS holds the
 * registers of egret/regs.h, to be read with the same widths; writes to it are
 * ignored, so that firmware cannot reset the chip under itself.
 *
 * The comments are the source of the tables in Documentation/hardware/management.rst;
 * their form is that of egret/regs.h.
 */
#ifndef EGRET_MC_H
#define EGRET_MC_H

/* ---- Events: what ends a wfi ------------------------------------------- */

#define EGRET_MC_EVENT_PENDING		0x0000	/* w1c: events that are there, enabled or not; only ECC is cleared by writing, the others end with their cause */
#define EGRET_MC_EVENT_ENABLE		0x0004	/* rw: events that end a wfi */

#define EGRET_MC_EVENT_TIMER		0x00000001	/* TIME has reached TIMER */
#define EGRET_MC_EVENT_REQUEST		0x00000002	/* the host has handed over a message */
#define EGRET_MC_EVENT_REPLY_FREE	0x00000004	/* the buffer to the host is empty */
#define EGRET_MC_EVENT_WORK		0x00000008	/* some queue has work */
#define EGRET_MC_EVENT_ECC		0x00000010	/* an uncorrectable error has come */
#define EGRET_MC_EVENT_ALL		0x0000001f	/* all events */

/* ---- Time and life -------------------------------------------------------- */

#define EGRET_MC_TIME			0x0010	/* ro, u64: EGRET_REG_TIME */
#define EGRET_MC_TIMER			0x0018	/* rw, u64, reset 0xffffffffffffffff: time of the timer event */
#define EGRET_MC_WATCHDOG		0x0020	/* rw: ms until the watchdog expires; writing 1..EGRET_MC_WATCHDOG_MAX sets it, other values are ignored; it cannot be switched off */
#define EGRET_MC_READY			0x0024	/* wo: writing 1 says that the mailbox is served: EGRET_BOOT_READY */
#define EGRET_MC_HEARTBEAT		0x0028	/* rw: EGRET_REG_FW_HEARTBEAT */
#define EGRET_MC_HOST_IRQ		0x002c	/* wo: raises causes at the host: EGRET_IRQ_THERMAL and EGRET_IRQ_POWER; other bits are ignored */
#define EGRET_MC_SHUTDOWN		0x0030	/* wo: writing EGRET_MC_SHUTDOWN_KEY stops all engines until a cold reset: EGRET_STATE_THERMAL_STOP */
#define EGRET_MC_FW_VERSION		0x0034	/* ro: fw_version of the image's header, as the boot ROM verified it */

#define EGRET_MC_WATCHDOG_BOOT		1000	/* ms, set by the boot ROM when it hands over */
#define EGRET_MC_WATCHDOG_MAX		10000	/* ms */
#define EGRET_MC_SHUTDOWN_KEY		0x544f4821	/* value that shuts down */

/* How the last firmware ended; kept until power-on. */
#define EGRET_MC_LAST_END		0x0040	/* ro: enum egret_boot_status, EGRET_BOOT_IDLE at power-on */
#define EGRET_MC_LAST_CAUSE		0x0044	/* ro: enum egret_mc_trap, when it crashed */
#define EGRET_MC_LAST_PC		0x0048	/* ro, u64: program counter then */
#define EGRET_MC_LAST_ADDR		0x0050	/* ro, u64: address of the access, or the instruction word */

enum egret_mc_trap {
	EGRET_MC_TRAP_NONE		= 0,	/* no trap */
	EGRET_MC_TRAP_ILLEGAL		= 1,	/* illegal instruction; no floating point, no custom instructions, no CSRs here */
	EGRET_MC_TRAP_BREAK		= 2,	/* ebreak or ecall: the firmware gave up */
	EGRET_MC_TRAP_FETCH		= 3,	/* fetch from outside SRAM, or misaligned */
	EGRET_MC_TRAP_ACCESS		= 4,	/* load or store where there is nothing, or of the wrong width */
	EGRET_MC_TRAP_INJECTED		= 5,	/* injected from outside, for tests */
};

/* ---- Clock and voltage -------------------------------------------------------- */

#define EGRET_MC_PSTATE			0x0100	/* rw: performance state 0..3; the clock unit changes clock and voltage in the safe order; other values are ignored */
#define EGRET_MC_CLOCK_GATE		0x0104	/* rw: bit 0 stops the clock tree while no engine is busy */
#define EGRET_MC_CLOCK			0x0108	/* ro: EGRET_REG_CORE_CLOCK */
#define EGRET_MC_VOLTAGE		0x010c	/* ro: EGRET_REG_VOLTAGE */
#define EGRET_MC_PSTATE_CLOCK(p)	(0x0110 + 4 * (p))	/* ro, p 0..3: core clock of a state in kHz */
#define EGRET_MC_PSTATE_VOLTAGE(p)	(0x0120 + 4 * (p))	/* ro, p 0..3: core voltage of a state in mV */

#define EGRET_MC_PSTATES		4	/* performance states */
#define EGRET_MC_PSTATE_RESET		0	/* state after a reset of the chip */
#define EGRET_MC_PSTATE_SAFE		2	/* state that the clock unit takes when the firmware is lost or stopped */
#define EGRET_MC_CLOCK_GATE_ON		0x00000001	/* stop the clock tree while idle */

/* ---- Sensors and limits --------------------------------------------------------- */

#define EGRET_MC_TEMPERATURE		0x0200	/* ro: hottest sensor in units of 1/1000 degree Celsius, signed */
#define EGRET_MC_ENERGY			0x0208	/* ro, u64: EGRET_REG_ENERGY */
#define EGRET_MC_POWER_STATIC		0x0210	/* ro: mW that the card draws with all clocks stopped, at present voltage */
#define EGRET_MC_POWER_CAP_MIN		0x0214	/* ro: lowest power cap that the card can keep, in mW */
#define EGRET_MC_POWER_CAP_MAX		0x0218	/* ro: highest power cap, in mW */
#define EGRET_MC_POWER_CAP_DEFAULT	0x021c	/* ro: power cap at start, in mW */
#define EGRET_MC_TEMP_THROTTLE		0x0220	/* ro: where throttling is to begin, 1/1000 degree */
#define EGRET_MC_TEMP_RELEASE		0x0224	/* ro: where throttling is to end, 1/1000 degree */
#define EGRET_MC_TEMP_CRITICAL		0x0228	/* ro: where firmware is to shut down, 1/1000 degree */
#define EGRET_MC_TEMP_TRIP		0x022c	/* ro: where the chip shuts itself down, with or without firmware, 1/1000 degree */

/* ---- Telemetry for the host; zero while no firmware runs ------------------------- */

#define EGRET_MC_TLM_TEMPERATURE	0x0300	/* rw: EGRET_REG_TEMPERATURE */
#define EGRET_MC_TLM_POWER		0x0304	/* rw: EGRET_REG_POWER_DRAW */
#define EGRET_MC_TLM_THROTTLE		0x0308	/* rw: EGRET_REG_THROTTLE */

/* ---- ECC of device memory ---------------------------------------------------------- */

#define EGRET_MC_ECC_CORRECTED		0x0400	/* ro, u64: EGRET_REG_ECC_CORRECTED */
#define EGRET_MC_ECC_UNCORRECTED	0x0408	/* ro, u64: EGRET_REG_ECC_UNCORRECTED */
#define EGRET_MC_ECC_ADDR		0x0410	/* ro, u64: EGRET_REG_ECC_ADDR */
#define EGRET_MC_ECC_INJECT_ADDR	0x0418	/* rw, u64: device memory offset of an error to inject */
#define EGRET_MC_ECC_INJECT		0x0420	/* wo: counts an error there: 1 corrected, 2 uncorrected; other values are ignored */

#define EGRET_MC_ECC_INJECT_CORRECTED	1	/* a corrected error */
#define EGRET_MC_ECC_INJECT_UNCORRECTED	2	/* an uncorrected error */

/* ---- Mailbox, the controller's side --------------------------------------------------- */

#define EGRET_MC_MBX_REQUEST		0x0500	/* w1c: bit 0 is set while the host's message waits; writing a one gives the buffer back */
#define EGRET_MC_MBX_REPLY		0x0504	/* rw: writing a one to bit 0 hands the buffer to the host (EGRET_IRQ_MAILBOX); it clears when the host has taken it */
#define EGRET_MC_MBX_REQUEST_DATA(n)	(0x0600 + 4 * (n))	/* ro, n 0..63: message from the host */
#define EGRET_MC_MBX_REPLY_DATA(n)	(0x0700 + 4 * (n))	/* rw, n 0..63: message to the host; writes are ignored while it is handed over */

/* ---- SRAM ------------------------------------------------------------------------------- */

/*
 * The last part of SRAM belongs to no image: the boot ROM refuses images that
 * reach into it, and clears it at power-on only. So a log survives its writer.
 */
#define EGRET_MC_SRAM_KEPT		0x0017e000	/* first address of the kept part */
#define EGRET_MC_SRAM_KEPT_SIZE		0x00002000	/* its bytes */

#endif /* EGRET_MC_H */
