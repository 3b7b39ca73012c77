/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Egret-1 registers in BAR0.
 *
 * A register is 32 bits wide unless its comment says u64. A u64 register is
 * read and written with one aligned 64-bit access, or with two 32-bit accesses,
 * low half first: reading the low half latches the high half, and writing the
 * high half commits both. Any other access size or alignment reads as zero and
 * is not written; offsets that are not listed read as zero and ignore writes.
 *
 * The comment behind each register is the source of the tables in
 * Documentation/hardware/registers.rst: access, width when not 32 bits, reset
 * value when not zero (`varies' if it tells a property of the chip), and meaning.
 * Access is one of
 *   ro   read only
 *   rw   read and write
 *   wo   write only, reads as zero
 *   w1c  a one written clears the bit
 * Fields are given by masks only; a mask's lowest set bit is the field's shift.
 */
#ifndef EGRET_REGS_H
#define EGRET_REGS_H

/* ---- Identity --------------------------------------------------------- */

#define EGRET_REG_ID			0x00000	/* ro, reset 0x31524745: chip identity, "EGR1" */
#define EGRET_REG_REVISION		0x00004	/* ro, reset 0x00010000: revision of this specification that the chip follows */
#define EGRET_REG_UNITS			0x00008	/* ro, reset varies: numbers of units */
#define EGRET_REG_LIMITS		0x0000c	/* ro, reset varies: numbers of queues and contexts */
#define EGRET_REG_VRAM_SIZE		0x00010	/* ro, u64, reset varies: bytes of device memory */
#define EGRET_REG_SCRATCH_SIZE		0x00018	/* ro, reset 0x00100000: bytes of scratchpad in each cluster */
#define EGRET_REG_FEATURES		0x0001c	/* ro, reset varies: optional parts that the chip has */
#define EGRET_REG_SERIAL		0x00020	/* ro, u64, reset varies: serial number of the card */
#define EGRET_REG_CORE_CLOCK		0x00028	/* ro, reset 1500000: present clock of the clusters in kHz */
#define EGRET_REG_MEM_BANDWIDTH		0x0002c	/* ro, reset 512000: peak bandwidth of device memory in MB/s */
#define EGRET_REG_TIME			0x00030	/* ro, u64: time since power-on in units of 1 ns, at a constant rate in every power state */
#define EGRET_REG_TEST			0x00038	/* rw: holds what was written, for bus tests; no other effect */

#define EGRET_ID			0x31524745	/* what EGRET_REG_ID reads */
#define EGRET_REVISION_MAJOR_MASK	0xffff0000	/* changes when software has to */
#define EGRET_REVISION_MINOR_MASK	0x0000ffff	/* changes when something was added */
#define EGRET_UNITS_CLUSTERS_MASK	0x000000ff	/* clusters */
#define EGRET_UNITS_COPY_ENGINES_MASK	0x0000ff00	/* copy engines */
#define EGRET_LIMITS_QUEUES_MASK	0x0000ffff	/* hardware queues */
#define EGRET_LIMITS_CONTEXTS_MASK	0xffff0000	/* contexts */
#define EGRET_FEATURE_MANAGEMENT	0x00000001	/* a management controller is fitted */
#define EGRET_FEATURE_ECC		0x00000002	/* device memory is ECC protected */

/* ---- Reset, power and state ------------------------------------------- */

#define EGRET_REG_RESET			0x01000	/* wo: resets what the value names; other values are ignored */
#define EGRET_REG_STATE			0x01004	/* ro, reset 0x00000001: state of the chip */
#define EGRET_REG_POWER			0x01008	/* rw, reset 0x00000001: what D3hot keeps */
#define EGRET_REG_RESET_COUNT		0x0100c	/* ro: resets since power-on, of any kind; wraps */

#define EGRET_RESET_ENGINES		0x454e4701	/* clusters, copy engines and queues; memory, contexts and firmware stay */
#define EGRET_RESET_CHIP		0x43485002	/* everything but device memory and PCI configuration, as FLR does */
#define EGRET_STATE_READY		0x00000001	/* no reset in progress, registers may be used */
#define EGRET_STATE_VRAM_KEPT		0x00000002	/* the last reset or D3hot kept the device memory */
#define EGRET_STATE_THERMAL_STOP	0x00000004	/* shut down at the critical temperature, until a cold reset */
#define EGRET_STATE_FIRMWARE		0x00000008	/* the management firmware runs */
#define EGRET_POWER_KEEP_VRAM		0x00000001	/* device memory self-refreshes in D3hot; otherwise it is lost */

/* ---- Interrupt causes other than queues -------------------------------- */

#define EGRET_REG_IRQ_STATUS		0x02000	/* w1c: causes that have come, enabled or not */
#define EGRET_REG_IRQ_ENABLE		0x02004	/* rw: causes that raise the management vector */
#define EGRET_REG_IRQ_TEST		0x02008	/* wo: a one sets the cause, as if it had come */
#define EGRET_REG_FAULT_PENDING(n)	(0x02100 + 4 * (n))	/* w1c, n 0..31: bit b is set when queue 32 n + b faults */

#define EGRET_IRQ_MAILBOX		0x00000001	/* a message from the management controller */
#define EGRET_IRQ_FIRMWARE_STOP		0x00000002	/* the management firmware has ended by itself: its watchdog expired, or it trapped */
#define EGRET_IRQ_ECC_CORRECTED		0x00000004	/* a corrected error of device memory */
#define EGRET_IRQ_ECC_UNCORRECTED	0x00000008	/* an uncorrected error of device memory */
#define EGRET_IRQ_THERMAL		0x00000010	/* throttling by temperature began or ended, or the chip was shut down */
#define EGRET_IRQ_POWER			0x00000020	/* throttling by power began or ended */
#define EGRET_IRQ_TEST			0x80000000	/* nothing but EGRET_REG_IRQ_TEST sets it */
#define EGRET_IRQ_ALL			0x8000003f	/* all causes */
#define EGRET_FAULT_PENDING_COUNT	32	/* words of EGRET_REG_FAULT_PENDING */

/* ---- MMU ---------------------------------------------------------------- */

#define EGRET_REG_INV_ADDR		0x03000	/* rw, u64: first virtual address to invalidate */
#define EGRET_REG_INV_SIZE		0x03008	/* rw, u64: bytes to invalidate; 0 is the whole context */
#define EGRET_REG_INV_CMD		0x03010	/* wo: starts an invalidation of the named context */
#define EGRET_REG_INV_STATUS		0x03014	/* ro: state of the invalidation */
#define EGRET_REG_CONTEXT(n)		(0x08000 + 8 * (n))	/* rw, u64, n 0..1023: root page table of context n (MMU entry format); takes effect after an invalidation of n */

#define EGRET_INV_CMD_CONTEXT_MASK	0x000003ff	/* number of the context */
#define EGRET_INV_CMD_ALL		0x00010000	/* every context */
#define EGRET_INV_CMD_START		0x80000000	/* do it; otherwise the write is ignored */
#define EGRET_INV_STATUS_BUSY		0x00000001	/* some unit may still use an old entry */

/* ---- Command processor --------------------------------------------------- */

#define EGRET_REG_CP_SLICE		0x04000	/* rw, reset 1500000: time slice of a queue in core clock cycles, when others of its priority wait */

/* ---- Mailbox of the management controller (egret/firmware.h) ------------- */

#define EGRET_REG_MBX_H2D_CTRL		0x05000	/* rw: a one written to bit 0 hands the buffer to the controller; it clears the bit when the message is read */
#define EGRET_REG_MBX_D2H_CTRL		0x05004	/* w1c: bit 0 is set while the buffer holds a message for the host */
#define EGRET_REG_MBX_H2D_DATA(n)	(0x05100 + 4 * (n))	/* rw, n 0..63: message to the controller; writes are ignored while it is handed over */
#define EGRET_REG_MBX_D2H_DATA(n)	(0x05200 + 4 * (n))	/* ro, n 0..63: message from the controller */

#define EGRET_MBX_FULL			0x00000001	/* the buffer holds a message */
#define EGRET_MBX_BYTES			256	/* bytes of a buffer */

/* ---- Boot of the management controller ----------------------------------- */

#define EGRET_REG_BOOT_ADDR		0x06000	/* rw, u64: offset of the firmware image in device memory */
#define EGRET_REG_BOOT_SIZE		0x06008	/* rw: bytes of the image */
#define EGRET_REG_BOOT_CTRL		0x0600c	/* wo: bit 1 stops the controller, bit 0 starts the boot ROM, after stopping what runs */
#define EGRET_REG_BOOT_STATUS		0x06010	/* ro: what became of the boot (enum egret_boot_status) */
#define EGRET_REG_FW_VERSION		0x06014	/* ro: version of the running firmware: major << 24 | minor << 16 | patch */
#define EGRET_REG_FW_ABI		0x06018	/* ro: version of its mailbox protocol: major << 16 | minor */
#define EGRET_REG_FW_HEARTBEAT		0x0601c	/* ro: counts up while the firmware is alive */

#define EGRET_BOOT_START		0x00000001	/* start the boot ROM */
#define EGRET_BOOT_STOP			0x00000002	/* stop the controller */

/* ---- Telemetry, written by the management controller --------------------- */

#define EGRET_REG_TEMPERATURE		0x06100	/* ro: hottest sensor in units of 1/1000 degree Celsius */
#define EGRET_REG_POWER_DRAW		0x06104	/* ro: modelled power in mW, mean over the last 100 ms of modelled time */
#define EGRET_REG_ENERGY		0x06108	/* ro, u64: modelled energy since power-on in uJ */
#define EGRET_REG_VOLTAGE		0x06110	/* ro, reset 900: core voltage in mV */
#define EGRET_REG_PSTATE		0x06114	/* ro: present performance state, 0 is the fastest of 4 */
#define EGRET_REG_THROTTLE		0x06118	/* ro: why the clock is below the asked one */
#define EGRET_REG_ECC_CORRECTED		0x06120	/* ro, u64: corrected errors since power-on */
#define EGRET_REG_ECC_UNCORRECTED	0x06128	/* ro, u64: uncorrected errors since power-on */
#define EGRET_REG_ECC_ADDR		0x06130	/* ro, u64: device memory offset of the last uncorrected error */

#define EGRET_THROTTLE_THERMAL		0x00000001	/* temperature */
#define EGRET_THROTTLE_POWER		0x00000002	/* power cap */
#define EGRET_THROTTLE_IDLE		0x00000004	/* no work */

/* ---- Counters, since the last chip reset --------------------------------- */
/* Cycles are modelled core clock cycles; see Documentation/hardware/performance.rst. */

#define EGRET_REG_CNT_CYCLES		0x07000	/* ro, u64: modelled cycles in which some engine was busy */
#define EGRET_REG_CNT_PACKETS		0x07008	/* ro, u64: packets completed */
#define EGRET_REG_CNT_DISPATCHES	0x07010	/* ro, u64: DISPATCH packets completed */
#define EGRET_REG_CNT_WORKGROUPS	0x07018	/* ro, u64: workgroups completed */
#define EGRET_REG_CNT_VRAM_READ		0x07020	/* ro, u64: bytes read from device memory by engines */
#define EGRET_REG_CNT_VRAM_WRITE	0x07028	/* ro, u64: bytes written to device memory by engines */
#define EGRET_REG_CNT_HOST_READ		0x07030	/* ro, u64: bytes read from system memory over PCIe */
#define EGRET_REG_CNT_HOST_WRITE	0x07038	/* ro, u64: bytes written to system memory over PCIe */
#define EGRET_REG_CNT_MACS		0x07040	/* ro, u64: multiply-accumulates of matrix operations */
#define EGRET_REG_CNT_INSTRUCTIONS	0x07048	/* ro, u64: instructions retired by the compute harts */
#define EGRET_REG_CNT_INTERRUPTS	0x07050	/* ro, u64: MSI-X messages asked for */
#define EGRET_REG_CNT_FAULTS		0x07058	/* ro, u64: queue faults */

/* ---- Clusters, for debugging ---------------------------------------------- */

#define EGRET_REG_CLUSTER(c, r)		(0x12000 + 0x100 * (c) + (r))	/* base of cluster c's block */
#define EGRET_CL_STATUS			0x00	/* ro: state of the cluster */
#define EGRET_CL_QUEUE			0x04	/* ro: queue whose workgroup runs, or ran last */
#define EGRET_CL_PC			0x08	/* ro, u64: program counter when last sampled */
#define EGRET_CL_BUSY			0x10	/* ro, u64: modelled cycles spent on workgroups */
#define EGRET_CL_INSTRUCTIONS		0x18	/* ro, u64: instructions retired */
#define EGRET_CL_TILE_BUSY		0x20	/* ro, u64: modelled cycles of the tile engine */
#define EGRET_CL_DMA_BUSY		0x28	/* ro, u64: modelled cycles of the DMA unit */
#define EGRET_CL_STATUS_BUSY		0x00000001	/* runs a workgroup */
#define EGRET_CL_STATUS_HUNG		0x00000002	/* no instruction retired for a whole time slice */

/* ---- Queues ------------------------------------------------------------------ */

#define EGRET_REG_QUEUE(q, r)		(0x40000 + 0x80 * (q) + (r))	/* base of queue q's block */
#define EGRET_Q_RING			0x00	/* rw, u64: virtual address of the ring, a multiple of 4096; writable while disabled */
#define EGRET_Q_RING_SIZE		0x08	/* rw: log2 of the ring's size in packets, 3..16; writable while disabled */
#define EGRET_Q_CONFIG			0x0c	/* rw: context, priority, type, vector; writable while disabled */
#define EGRET_Q_CTRL			0x10	/* wo: command to the queue (EGRET_Q_CTRL_*) */
#define EGRET_Q_STATUS			0x14	/* ro: state of the queue (EGRET_Q_STATE_*) */
#define EGRET_Q_HEAD			0x18	/* ro, u64: packets consumed since it was enabled */
#define EGRET_Q_TAIL			0x20	/* rw, u64: packets produced; the same word as the doorbell's */
#define EGRET_Q_FAULT_ADDR		0x28	/* ro, u64: address of the faulting access, or offset of the offending word in the packet or descriptor */
#define EGRET_Q_FAULT_PC		0x30	/* ro, u64: program counter, when a hart faulted; otherwise virtual address of the packet */
#define EGRET_Q_FAULT_CODE		0x38	/* ro: what went wrong (enum egret_fault_code) */
#define EGRET_Q_FAULT_INFO		0x3c	/* ro: unit, access and level of the fault */
#define EGRET_Q_FAULT_PACKET		0x40	/* ro, u64: index in the ring of the packet that faulted (its CALL, if it was called) */
#define EGRET_Q_FAULT_COOKIE		0x48	/* ro, u64: cookie of the DISPATCH packet that faulted */
#define EGRET_Q_FAULT_GROUP_X		0x50	/* ro: workgroup that faulted, x */
#define EGRET_Q_FAULT_GROUP_Y		0x54	/* ro: workgroup that faulted, y */
#define EGRET_Q_FAULT_GROUP_Z		0x58	/* ro: workgroup that faulted, z */
#define EGRET_Q_FAULT_VALUE		0x5c	/* ro: operand of the fault: abort code, instruction word, or the bad value */
#define EGRET_Q_BUSY_CYCLES		0x60	/* ro, u64: modelled cycles of this queue's packets since it was enabled */
#define EGRET_Q_PROGRESS		0x68	/* ro, u64: counts up with every packet, workgroup and hart quantum done */

#define EGRET_QUEUE_STRIDE		0x80	/* bytes from a queue's block to the next */
#define EGRET_Q_RING_SIZE_MIN		3	/* smallest ring: 8 packets */
#define EGRET_Q_RING_SIZE_MAX		16	/* largest ring: 65536 packets */

#define EGRET_Q_CONFIG_CONTEXT_MASK	0x000003ff	/* number of the context */
#define EGRET_Q_CONFIG_PRIORITY_MASK	0x00030000	/* 0 low, 1 normal, 2 high, 3 realtime */
#define EGRET_Q_CONFIG_COPY		0x00100000	/* takes no DISPATCH; runs on a copy engine */
#define EGRET_Q_CONFIG_SUPERVISOR	0x00200000	/* packets of the ring itself may access supervisor pages */
#define EGRET_Q_CONFIG_VECTOR_MASK	0x1f000000	/* MSI-X vector of FENCE interrupts */
#define EGRET_Q_CONFIG_VALID_MASK	0x1f3303ff

#define EGRET_Q_CTRL_ENABLE		1	/* disabled -> idle: head and tail become 0, fault record cleared */
#define EGRET_Q_CTRL_STOP		2	/* stops at the next packet boundary; state becomes stopped */
#define EGRET_Q_CTRL_RESUME		3	/* stopped -> idle, goes on where it stopped */
#define EGRET_Q_CTRL_KILL		4	/* stops at once, inside a workgroup too; state becomes disabled */

#define EGRET_Q_STATE_DISABLED		0	/* takes nothing; registers may be written */
#define EGRET_Q_STATE_IDLE		1	/* head equals tail */
#define EGRET_Q_STATE_ACTIVE		2	/* has packets, running or waiting for its turn */
#define EGRET_Q_STATE_WAITING		3	/* at a WAIT packet that is not satisfied */
#define EGRET_Q_STATE_STOPPED		4	/* stopped by software, can go on */
#define EGRET_Q_STATE_FAULTED		5	/* until killed */

#endif /* EGRET_REGS_H */
