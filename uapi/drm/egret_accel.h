/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef _UAPI_EGRET_ACCEL_H_
#define _UAPI_EGRET_ACCEL_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: userspace interface of the Egret driver
 *
 * A client opens /dev/accel/accelN, makes an address space (VM), buffers and
 * queues, binds buffers into the address space, writes packets (egret/packet.h)
 * into a bound buffer, and executes them on a queue. Synchronisation is explicit,
 * with DRM sync objects.
 *
 * Rules for every ioctl:
 *
 * - Padding and reserved fields must be zero, and flags that this header does not
 *   define must not be set: otherwise -EINVAL.
 * - Arrays are described by &struct drm_egret_array with the size of one element,
 *   so that an element may grow: a kernel that knows a shorter element refuses
 *   with -E2BIG if the bytes that it does not know are not zero; a kernel that
 *   knows a longer one takes the missing bytes as zero.
 * - A failed ioctl has no effect, unless its description says otherwise.
 * - -ENODEV: the card is gone, or so broken that it is not used any more. It stays so
 *   for this file; every call that needs the card returns it from then on.
 * - -EFAULT: a pointer is not accessible.
 * - -ENOENT: a handle or an ID is not one of this file.
 * - -ENOMEM: the host is out of memory.
 * - -ENOSPC: the card is out of the thing asked for (device memory, contexts, queues).
 * - -EINTR: a signal came. The call had no effect, and may be made again.
 *
 * How the interface grows, so that old programs run on new kernels, and new programs
 * find out what an old kernel lacks:
 *
 * - Nothing that is defined here changes its meaning, its number or its place.
 * - An ioctl's structure grows at its end. The size is a part of the ioctl's number,
 *   but the kernel does not compare it: what a program does not have is zero for the
 *   kernel, and what a kernel does not have is ignored by it. Therefore zero in a new
 *   member means what was done before there was one, and using one that must not be
 *   ignored needs a new flag, which an old kernel refuses.
 * - An element of an array grows at its end, too; see above. So does the answer of a query.
 * - Padding and reserved fields can get a meaning, because they must be zero.
 * - New values of an enumeration, and new flags, are refused with -EINVAL by kernels
 *   that do not know them. There is no other way to ask for a feature.
 * - All structures are the same for 32-bit and 64-bit programs.
 */

enum drm_egret_ioctl_id {
	/** @DRM_EGRET_DEV_QUERY: Query a fact about the card. */
	DRM_EGRET_DEV_QUERY = 0,
	/** @DRM_EGRET_BO_CREATE: Create a buffer. Close with DRM_IOCTL_GEM_CLOSE. */
	DRM_EGRET_BO_CREATE,
	/** @DRM_EGRET_BO_MMAP_OFFSET: Get the offset at which mmap() maps a buffer. */
	DRM_EGRET_BO_MMAP_OFFSET,
	/** @DRM_EGRET_VM_CREATE: Create an address space. */
	DRM_EGRET_VM_CREATE,
	/** @DRM_EGRET_VM_DESTROY: Destroy an address space. */
	DRM_EGRET_VM_DESTROY,
	/** @DRM_EGRET_VM_BIND: Change what is bound into an address space. */
	DRM_EGRET_VM_BIND,
	/** @DRM_EGRET_QUEUE_CREATE: Create a queue. */
	DRM_EGRET_QUEUE_CREATE,
	/** @DRM_EGRET_QUEUE_DESTROY: Destroy a queue. */
	DRM_EGRET_QUEUE_DESTROY,
	/** @DRM_EGRET_QUEUE_QUERY: Query a queue's state and what went wrong with it. */
	DRM_EGRET_QUEUE_QUERY,
	/** @DRM_EGRET_EXEC: Execute packets on a queue. */
	DRM_EGRET_EXEC,
	/** @DRM_EGRET_QUEUE_WAIT: Wait for a job of a queue. */
	DRM_EGRET_QUEUE_WAIT,
	/** @DRM_EGRET_QUEUE_EXPORT: Make a sync file for a job of a queue. */
	DRM_EGRET_QUEUE_EXPORT,
};

/**
 * struct drm_egret_array - an array in user memory
 */
struct drm_egret_array {
	/** @stride: Bytes of one element, as the caller knows it. */
	__u32 stride;
	/** @count: Number of elements. */
	__u32 count;
	/** @array: User pointer; zero if @count is zero. */
	__u64 array;
};

/** enum drm_egret_sync_flags - what to do with a sync object */
enum drm_egret_sync_flags {
	/** @DRM_EGRET_SYNC_WAIT: Start after it is signalled. */
	DRM_EGRET_SYNC_WAIT = 1 << 0,
	/** @DRM_EGRET_SYNC_SIGNAL: Signal it at the end. */
	DRM_EGRET_SYNC_SIGNAL = 1 << 1,
	/** @DRM_EGRET_SYNC_TIMELINE: It is a timeline; use @point. */
	DRM_EGRET_SYNC_TIMELINE = 1 << 2,
	/**
	 * @DRM_EGRET_SYNC_JOB: To be waited for is no sync object, but a job of a queue of
	 * this file; see &struct drm_egret_exec. Not with SIGNAL or TIMELINE.
	 */
	DRM_EGRET_SYNC_JOB = 1 << 3,
};

/**
 * struct drm_egret_sync - one synchronisation of a VM_BIND or an EXEC
 */
struct drm_egret_sync {
	/** @flags: Combination of &enum drm_egret_sync_flags; exactly one of WAIT and SIGNAL. */
	__u32 flags;
	/** @handle: Handle of the sync object, or ID of the queue. */
	__u32 handle;
	/**
	 * @point: Point of a timeline, not zero, or number of a job that was accepted; must be
	 * zero for a binary sync object.
	 */
	__u64 point;
};

/** DRM_EGRET_SYNCS_MAX - most elements of an array of syncs; more is -E2BIG */
#define DRM_EGRET_SYNCS_MAX 1024

/** enum drm_egret_query - what DRM_EGRET_DEV_QUERY can tell */
enum drm_egret_query {
	/** @DRM_EGRET_QUERY_DEVICE: &struct drm_egret_device_info */
	DRM_EGRET_QUERY_DEVICE = 0,
	/** @DRM_EGRET_QUERY_MEMORY: &struct drm_egret_memory_info */
	DRM_EGRET_QUERY_MEMORY = 1,
	/** @DRM_EGRET_QUERY_COUNTERS: &struct drm_egret_counters */
	DRM_EGRET_QUERY_COUNTERS = 2,
	/** @DRM_EGRET_QUERY_SENSORS: &struct drm_egret_sensors */
	DRM_EGRET_QUERY_SENSORS = 3,
};

/**
 * struct drm_egret_dev_query - arguments of DRM_EGRET_DEV_QUERY
 *
 * With @pointer zero, only @size is written. Otherwise as many bytes are written as
 * both sides know, and @size becomes that number.
 *
 * Errors: -EINVAL (unknown query).
 */
struct drm_egret_dev_query {
	/** @query: One of &enum drm_egret_query. */
	__u32 query;
	/** @size: In: bytes at @pointer. Out: bytes of the answer. */
	__u32 size;
	/** @pointer: User pointer to the answer's structure, or zero. */
	__u64 pointer;
};

/**
 * struct drm_egret_device_info - what the card is; never changes
 */
struct drm_egret_device_info {
	/** @chip_revision: Revision of the hardware specification, major << 16 | minor. */
	__u32 chip_revision;
	/** @clusters: Number of compute clusters. */
	__u32 clusters;
	/** @copy_engines: Number of copy engines. */
	__u32 copy_engines;
	/** @queues: Number of hardware queues. */
	__u32 queues;
	/** @contexts: Number of hardware contexts. */
	__u32 contexts;
	/** @scratch_size: Bytes of scratchpad in a cluster. */
	__u32 scratch_size;
	/** @core_clock_khz: Highest clock of the clusters. */
	__u32 core_clock_khz;
	/** @mem_bandwidth_mbs: Peak bandwidth of the device memory in MB/s. */
	__u32 mem_bandwidth_mbs;
	/** @vram_size: Bytes of device memory. */
	__u64 vram_size;
	/** @vram_visible: Bytes of device memory that the host can map. */
	__u64 vram_visible;
	/** @va_start: First virtual address that may be bound. */
	__u64 va_start;
	/** @va_end: First virtual address above those that may be bound. */
	__u64 va_end;
	/** @page_size: Addresses, offsets and sizes of bindings are multiples of it. */
	__u32 page_size;
	/** @large_page_size: Bindings aligned to it are translated with fewer entries. */
	__u32 large_page_size;
	/** @serial: Serial number of the card. */
	__u64 serial;
	/** @firmware_version: Major << 24 | minor << 16 | patch; zero without firmware. */
	__u32 firmware_version;
	/** @pad: Zero. */
	__u32 pad;
};

/**
 * struct drm_egret_memory_info - use of the device memory at this moment
 */
struct drm_egret_memory_info {
	/** @vram_total: Bytes of device memory. Buffers leave a 64th of it to page tables. */
	__u64 vram_total;
	/** @vram_used: Bytes in use, by all clients and the driver. */
	__u64 vram_used;
	/** @vram_used_by_driver: Bytes of @vram_used for page tables and the driver itself. */
	__u64 vram_used_by_driver;
};

/**
 * struct drm_egret_counters - what the card did since the driver was bound
 *
 * The counters count the work of all clients. Cycles are those of the chip's
 * performance model as long as the card is emulated.
 */
struct drm_egret_counters {
	/** @cycles: Modelled core clock cycles in which some engine was busy. */
	__u64 cycles;
	/** @packets: Packets completed. */
	__u64 packets;
	/** @dispatches: DISPATCH packets completed. */
	__u64 dispatches;
	/** @workgroups: Workgroups completed. */
	__u64 workgroups;
	/** @vram_read: Bytes that engines read from device memory. */
	__u64 vram_read;
	/** @vram_write: Bytes that engines wrote to device memory. */
	__u64 vram_write;
	/** @host_read: Bytes that engines read from system memory. */
	__u64 host_read;
	/** @host_write: Bytes that engines wrote to system memory. */
	__u64 host_write;
	/** @macs: Multiply-accumulates of matrix operations. */
	__u64 macs;
	/** @instructions: Instructions retired by the compute harts. */
	__u64 instructions;
	/** @interrupts: Interrupt messages sent. */
	__u64 interrupts;
	/** @faults: Queue faults. */
	__u64 faults;
};

/** enum drm_egret_sensors_flags - what of &struct drm_egret_sensors is known */
enum drm_egret_sensors_flags {
	/** @DRM_EGRET_SENSORS_FIRMWARE: What only the management firmware knows. */
	DRM_EGRET_SENSORS_FIRMWARE = 1 << 0,
};

/**
 * struct drm_egret_sensors - power, temperature and memory errors at this moment
 *
 * Asking wakes the card, but does not keep it awake.
 */
struct drm_egret_sensors {
	/** @flags: Combination of &enum drm_egret_sensors_flags. */
	__u32 flags;
	/** @temperature: Hottest sensor in 1/1000 degree Celsius; needs firmware. */
	__s32 temperature;
	/** @temperature_throttle: Where throttling begins; needs firmware. */
	__s32 temperature_throttle;
	/** @temperature_critical: Where the card shuts itself down; needs firmware. */
	__s32 temperature_critical;
	/** @power: Mean power of the last 100 ms in mW; needs firmware. */
	__u32 power;
	/** @power_cap: Power that is not exceeded, in mW; needs firmware. */
	__u32 power_cap;
	/** @power_cap_min: Lowest power cap in mW; needs firmware. */
	__u32 power_cap_min;
	/** @power_cap_max: Highest power cap in mW; needs firmware. */
	__u32 power_cap_max;
	/** @power_cap_default: Power cap that the card begins with, in mW; needs firmware. */
	__u32 power_cap_default;
	/** @throttle: Why the clock is below the highest, EGRET_THROTTLE_*; needs firmware. */
	__u32 throttle;
	/** @voltage: Core voltage in mV. */
	__u32 voltage;
	/** @clock: Core clock in kHz. */
	__u32 clock;
	/** @pstate: Performance state, 0 is the fastest. */
	__u32 pstate;
	/** @pad: Zero. */
	__u32 pad;
	/** @time: When this was read: ns since power-on. */
	__u64 time;
	/** @energy: Energy since power-on in uJ. */
	__u64 energy;
	/** @ecc_corrected: Corrected errors of device memory since power-on. */
	__u64 ecc_corrected;
	/** @ecc_uncorrected: Uncorrected errors of device memory since power-on. */
	__u64 ecc_uncorrected;
	/** @ecc_address: Device memory offset of the last uncorrected error. */
	__u64 ecc_address;
};

/** enum drm_egret_bo_placement - where a buffer may live */
enum drm_egret_bo_placement {
	/** @DRM_EGRET_BO_VRAM: Device memory. The host maps it write-combined. */
	DRM_EGRET_BO_VRAM = 1 << 0,
	/** @DRM_EGRET_BO_SYSTEM: Host memory. The host maps it cached. */
	DRM_EGRET_BO_SYSTEM = 1 << 1,
};

/**
 * struct drm_egret_bo_create - arguments of DRM_EGRET_BO_CREATE
 *
 * The buffer reads as zero. It keeps its contents when it has to make room for others in
 * device memory: it lives in system memory then, until it is needed by an execution.
 *
 * Errors: -EINVAL (size zero, no or unknown placement, flags, padding), -ENOSPC
 * (larger than the device memory, or than what is free and can be freed, for a buffer
 * that may only live there), -ENOMEM (also: there is no system memory for those that would
 * have to make room), -ENOENT (@vm_id).
 */
struct drm_egret_bo_create {
	/** @size: In: bytes. Out: the same, rounded up to the page size. */
	__u64 size;
	/** @placement: One or both of &enum drm_egret_bo_placement; device memory is preferred. */
	__u32 placement;
	/** @flags: Zero. */
	__u32 flags;
	/**
	 * @vm_id: If not zero, the buffer can only be bound in this address space, and
	 * not be exported, which makes executing cheaper.
	 */
	__u32 vm_id;
	/** @handle: Out: handle of the buffer. */
	__u32 handle;
};

/**
 * struct drm_egret_bo_mmap_offset - arguments of DRM_EGRET_BO_MMAP_OFFSET
 *
 * Errors: -EINVAL (padding), -ENOENT (@handle).
 */
struct drm_egret_bo_mmap_offset {
	/** @handle: Handle of the buffer. */
	__u32 handle;
	/** @pad: Zero. */
	__u32 pad;
	/** @offset: Out: offset to give to mmap(). */
	__u64 offset;
};

/**
 * struct drm_egret_vm_create - arguments of DRM_EGRET_VM_CREATE
 *
 * Errors: -EINVAL (flags), -ENOSPC (no hardware context left, or no device memory for
 * the page tables), -ENOMEM.
 */
struct drm_egret_vm_create {
	/** @flags: Zero. */
	__u32 flags;
	/** @vm_id: Out: ID of the address space, not zero. */
	__u32 vm_id;
};

/**
 * struct drm_egret_vm_destroy - arguments of DRM_EGRET_VM_DESTROY
 *
 * Queues of the address space keep it alive, but nothing new can use the ID.
 *
 * Errors: -EINVAL (padding), -ENOENT (@vm_id).
 */
struct drm_egret_vm_destroy {
	/** @vm_id: ID of the address space. */
	__u32 vm_id;
	/** @pad: Zero. */
	__u32 pad;
};

/** enum drm_egret_bind_op_type - what a bind operation does */
enum drm_egret_bind_op_type {
	/** @DRM_EGRET_BIND_MAP: Bind a range of a buffer, in place of what is bound there. */
	DRM_EGRET_BIND_MAP = 0,
	/** @DRM_EGRET_BIND_UNMAP: Unbind what is bound in a range; nothing bound is no error. */
	DRM_EGRET_BIND_UNMAP = 1,
	/** @DRM_EGRET_BIND_UNMAP_ALL: Unbind everything; all other fields are zero. */
	DRM_EGRET_BIND_UNMAP_ALL = 2,
	/**
	 * @DRM_EGRET_BIND_MAP_USERPTR: Bind memory of the calling process: whatever is in
	 * the range of addresses, also when that changes later.
	 */
	DRM_EGRET_BIND_MAP_USERPTR = 3,
};

/** enum drm_egret_bind_flags - what the card may do with a binding */
enum drm_egret_bind_flags {
	/** @DRM_EGRET_BIND_READ: Read. */
	DRM_EGRET_BIND_READ = 1 << 0,
	/** @DRM_EGRET_BIND_WRITE: Write. */
	DRM_EGRET_BIND_WRITE = 1 << 1,
	/** @DRM_EGRET_BIND_EXEC: Fetch instructions. */
	DRM_EGRET_BIND_EXEC = 1 << 2,
};

/**
 * struct drm_egret_bind_op - one operation of DRM_EGRET_VM_BIND
 */
struct drm_egret_bind_op {
	/** @op: One of &enum drm_egret_bind_op_type. */
	__u32 op;
	/** @flags: For a map, one or more of &enum drm_egret_bind_flags; otherwise zero. */
	__u32 flags;
	/** @handle: For a map of a buffer, its handle; otherwise zero. */
	__u32 handle;
	/** @pad: Zero. */
	__u32 pad;
	/**
	 * @offset: For a map, first byte of the buffer to bind, or first address of the
	 * process; otherwise zero.
	 */
	__u64 offset;
	/** @va: First virtual address; zero for an unmap of everything. */
	__u64 va;
	/** @size: Bytes, not zero; zero for an unmap of everything. */
	__u64 size;
};

/** DRM_EGRET_BIND_OPS_MAX - most operations of one DRM_EGRET_VM_BIND; more is -E2BIG */
#define DRM_EGRET_BIND_OPS_MAX 4096

/** enum drm_egret_vm_bind_flags - how the operations are done */
enum drm_egret_vm_bind_flags {
	/**
	 * @DRM_EGRET_VM_BIND_ASYNC: Return at once; the operations are done after the syncs to
	 * wait for, and then the syncs to signal are signalled. Without it, the ioctl returns
	 * when they are done, and takes no syncs.
	 */
	DRM_EGRET_VM_BIND_ASYNC = 1 << 0,
};

/**
 * struct drm_egret_vm_bind - arguments of DRM_EGRET_VM_BIND
 *
 * All operations are done, in order, or none. An access by the card that overlaps the change
 * in time sees the old or the new binding.
 *
 * The calls for one address space, asynchronous or not, take effect in the order in which
 * they are made; one that waits holds back those after it. An EXEC is not ordered with them:
 * it waits for a sync that a bind signals, and a bind for one that it signals.
 *
 * What can fail has failed when the ioctl returns. An asynchronous bind ends with an error
 * (-ECANCELED, in its syncs) only if the card is gone.
 *
 * Errors: -EINVAL (unknown operation or flags; address, offset or size not a multiple of
 * the page size, zero, or outside the address space or the buffer; syncs without ASYNC; a
 * sync; a buffer that is private to another address space), -ENOENT (@vm_id, a handle, a sync
 * object), -E2BIG, -ENOSPC, -ENOMEM. -EFAULT also: the process has no such memory, or none
 * that the card may use so: read-only memory for writing, memory of a device, for writing a
 * shared mapping of a file on a disk. -EOPNOTSUPP: the host cannot give user pointers to
 * this card.
 */
struct drm_egret_vm_bind {
	/** @vm_id: ID of the address space. */
	__u32 vm_id;
	/** @flags: Combination of &enum drm_egret_vm_bind_flags. */
	__u32 flags;
	/** @ops: Array of &struct drm_egret_bind_op. */
	struct drm_egret_array ops;
	/** @syncs: Array of &struct drm_egret_sync. */
	struct drm_egret_array syncs;
};

/** enum drm_egret_queue_type - what a queue takes */
enum drm_egret_queue_type {
	/** @DRM_EGRET_QUEUE_COMPUTE: All packets. */
	DRM_EGRET_QUEUE_COMPUTE = 0,
	/** @DRM_EGRET_QUEUE_COPY: All but DISPATCH; runs beside compute. */
	DRM_EGRET_QUEUE_COPY = 1,
};

/** enum drm_egret_queue_priority - which queue goes first */
enum drm_egret_queue_priority {
	/** @DRM_EGRET_PRIORITY_LOW: Background work. */
	DRM_EGRET_PRIORITY_LOW = 0,
	/** @DRM_EGRET_PRIORITY_NORMAL: The default. */
	DRM_EGRET_PRIORITY_NORMAL = 1,
	/** @DRM_EGRET_PRIORITY_HIGH: Needs CAP_SYS_NICE. */
	DRM_EGRET_PRIORITY_HIGH = 2,
	/** @DRM_EGRET_PRIORITY_REALTIME: Needs CAP_SYS_NICE. */
	DRM_EGRET_PRIORITY_REALTIME = 3,
};

/** enum drm_egret_queue_flags - properties of a queue */
enum drm_egret_queue_flags {
	/**
	 * @DRM_EGRET_QUEUE_END_ON_RESET: A reset of the card that cancels a job of the queue
	 * ends the queue: nothing runs behind what was not done. Without it, the jobs behind
	 * run.
	 */
	DRM_EGRET_QUEUE_END_ON_RESET = 1 << 0,
};

/**
 * struct drm_egret_queue_create - arguments of DRM_EGRET_QUEUE_CREATE
 *
 * Errors: -EINVAL (type, priority, flags, padding), -EACCES (priority above normal without
 * CAP_SYS_NICE), -EPERM (too many queues of this file have faulted or hung: it is banned, and
 * gets no more queues), -ENOENT (@vm_id), -ENOSPC (no hardware queue left), -ENOMEM.
 */
struct drm_egret_queue_create {
	/** @vm_id: ID of the address space that its packets use. */
	__u32 vm_id;
	/** @type: One of &enum drm_egret_queue_type. */
	__u32 type;
	/** @priority: One of &enum drm_egret_queue_priority. */
	__u32 priority;
	/** @flags: Combination of &enum drm_egret_queue_flags. */
	__u32 flags;
	/** @queue_id: Out: ID of the queue, not zero. */
	__u32 queue_id;
	/** @pad: Zero. */
	__u32 pad;
};

/**
 * struct drm_egret_queue_destroy - arguments of DRM_EGRET_QUEUE_DESTROY
 *
 * Jobs that have not completed are cancelled; their sync objects are signalled with
 * -ECANCELED.
 *
 * Errors: -EINVAL (padding), -ENOENT (@queue_id).
 */
struct drm_egret_queue_destroy {
	/** @queue_id: ID of the queue. */
	__u32 queue_id;
	/** @pad: Zero. */
	__u32 pad;
};

/** enum drm_egret_queue_state - whether a queue can be used */
enum drm_egret_queue_state {
	/** @DRM_EGRET_QUEUE_OK: It can. */
	DRM_EGRET_QUEUE_OK = 0,
	/** @DRM_EGRET_QUEUE_DEAD_FAULT: It faulted, see the fault; EXEC returns -ECANCELED. */
	DRM_EGRET_QUEUE_DEAD_FAULT = 1,
	/** @DRM_EGRET_QUEUE_DEAD_HUNG: It made no progress; EXEC returns -ECANCELED. */
	DRM_EGRET_QUEUE_DEAD_HUNG = 2,
	/** @DRM_EGRET_QUEUE_DEAD_RESET: A reset of the card ended it; EXEC returns -ECANCELED. */
	DRM_EGRET_QUEUE_DEAD_RESET = 3,
	/** @DRM_EGRET_QUEUE_DEAD_BANNED: Its file is banned; EXEC returns -ECANCELED. */
	DRM_EGRET_QUEUE_DEAD_BANNED = 4,
};

/**
 * struct drm_egret_queue_query - arguments of DRM_EGRET_QUEUE_QUERY
 *
 * The fault fields mean what the fault registers of the hardware specification mean;
 * they are zero if the queue did not fault.
 *
 * Errors: -EINVAL (padding), -ENOENT (@queue_id).
 */
struct drm_egret_queue_query {
	/** @queue_id: ID of the queue. */
	__u32 queue_id;
	/** @pad: Zero. */
	__u32 pad;
	/** @state: Out: one of &enum drm_egret_queue_state. */
	__u32 state;
	/** @fault_code: Out: enum egret_fault_code. */
	__u32 fault_code;
	/** @fault_info: Out: unit, access and level; EGRET_FAULT_INFO_*. */
	__u32 fault_info;
	/** @fault_value: Out: operand of the fault. */
	__u32 fault_value;
	/** @fault_addr: Out: address of the access. */
	__u64 fault_addr;
	/** @fault_pc: Out: program counter of the hart, or address of the packet. */
	__u64 fault_pc;
	/** @fault_cookie: Out: cookie of the DISPATCH packet. */
	__u64 fault_cookie;
	/** @fault_group: Out: coordinates of the workgroup. */
	__u32 fault_group[3];
	/** @pad2: Out: zero. */
	__u32 pad2;
	/** @jobs_submitted: Out: EXECs accepted since the queue was created. */
	__u64 jobs_submitted;
	/** @jobs_completed: Out: EXECs completed, cancelled ones included. */
	__u64 jobs_completed;
	/** @busy_cycles: Out: modelled cycles of its packets. */
	__u64 busy_cycles;
};

/**
 * struct drm_egret_call - one indirect buffer of packets
 */
struct drm_egret_call {
	/** @va: Virtual address of the first packet, a multiple of 64. */
	__u64 va;
	/** @count: Number of packets, not zero. */
	__u32 count;
	/** @pad: Zero. */
	__u32 pad;
};

/** DRM_EGRET_CALLS_MAX - most elements of @calls of one DRM_EGRET_EXEC; more is -E2BIG */
#define DRM_EGRET_CALLS_MAX 64

/**
 * struct drm_egret_exec - arguments of DRM_EGRET_EXEC
 *
 * The calls run in order, each after the one before has completed. The packets are read
 * when they run; the driver does not look at them. With no calls, only the
 * synchronisation is done.
 *
 * Each EXEC that is accepted is a job of its queue. Jobs are numbered from 1, in the order in
 * which they are accepted, and end in this order, done or cancelled. A program that only wants
 * to know when they do, by their numbers (DRM_EGRET_QUEUE_WAIT, DRM_EGRET_QUEUE_EXPORT,
 * DRM_EGRET_SYNC_JOB), needs no sync object to signal, and pays for none.
 *
 * Errors: -EINVAL (flags, padding, a call's address or count, a sync), -ENOENT (@queue_id,
 * a sync object), -E2BIG, -ECANCELED (the queue is dead, see DRM_EGRET_QUEUE_QUERY),
 * -ENOSPC (what is bound in the address space and may live in device memory only does not
 * fit there all at once), -ENOMEM. -EFAULT also: memory is bound as a user pointer that the
 * process does not have any more; it must be unbound.
 */
struct drm_egret_exec {
	/** @queue_id: ID of the queue. */
	__u32 queue_id;
	/** @flags: Zero. */
	__u32 flags;
	/** @calls: Array of &struct drm_egret_call. */
	struct drm_egret_array calls;
	/** @syncs: Array of &struct drm_egret_sync. */
	struct drm_egret_array syncs;
};

/**
 * struct drm_egret_queue_wait - arguments of DRM_EGRET_QUEUE_WAIT
 *
 * Returns when the job is over, done or cancelled. Which of them, a sync file can tell
 * (DRM_EGRET_QUEUE_EXPORT), or what its packets have written.
 *
 * Errors: -EINVAL (flags; no job of this number was accepted), -ENOENT (@queue_id), -ETIME
 * (it was not over at the deadline), -ENOMEM.
 */
struct drm_egret_queue_wait {
	/** @queue_id: ID of the queue. */
	__u32 queue_id;
	/** @flags: Zero. */
	__u32 flags;
	/** @job: Number of the job. */
	__u64 job;
	/** @deadline: CLOCK_MONOTONIC in ns; in the past, to look only. */
	__s64 deadline;
};

/**
 * struct drm_egret_queue_export - arguments of DRM_EGRET_QUEUE_EXPORT
 *
 * The sync file is signalled when the job is over, with the error -ECANCELED if it was
 * cancelled. On a queue without DRM_EGRET_QUEUE_END_ON_RESET jobs can be done behind one that
 * was cancelled; a sync file that is made after that does not tell of it any more.
 *
 * Errors: -EINVAL (flags, padding; no job of this number was accepted), -ENOENT (@queue_id),
 * -EMFILE (too many open files), -ENOMEM.
 */
struct drm_egret_queue_export {
	/** @queue_id: ID of the queue. */
	__u32 queue_id;
	/** @flags: Zero. */
	__u32 flags;
	/** @job: Number of the job. */
	__u64 job;
	/** @fd: Out: file descriptor, which is closed on exec. */
	__s32 fd;
	/** @pad: Zero. */
	__u32 pad;
};

/*
 * Types of &struct drm_egret_event. They are no enum, since the values that DRM leaves to
 * drivers do not fit into an int.
 */

/**
 * DRM_EGRET_EVENT_QUEUE_DEAD - a queue of this file is dead, for another reason than that
 * it was destroyed
 */
#define DRM_EGRET_EVENT_QUEUE_DEAD 0x80000000
/** DRM_EGRET_EVENT_RESET - the card was reset */
#define DRM_EGRET_EVENT_RESET 0x80000001
/** DRM_EGRET_EVENT_MEMORY_ERROR - device memory has an uncorrectable error */
#define DRM_EGRET_EVENT_MEMORY_ERROR 0x80000002
/** DRM_EGRET_EVENT_BANNED - this file gets no more queues, and those it had are dead */
#define DRM_EGRET_EVENT_BANNED 0x80000003

/** enum drm_egret_reset_level - what was reset */
enum drm_egret_reset_level {
	/** @DRM_EGRET_RESET_ENGINES: The engines. Jobs on the card were cancelled. */
	DRM_EGRET_RESET_ENGINES = 1,
	/** @DRM_EGRET_RESET_FUNCTION: The card, but its memory. Jobs on it were cancelled. */
	DRM_EGRET_RESET_FUNCTION = 2,
	/** @DRM_EGRET_RESET_CARD: The card with its memory; this file is of no use any more. */
	DRM_EGRET_RESET_CARD = 3,
	/** @DRM_EGRET_RESET_WEDGED: No reset helps; this file is of no use any more. */
	DRM_EGRET_RESET_WEDGED = 4,
};

/**
 * struct drm_egret_event - what read() of the card's file gives
 *
 * poll() reports POLLIN when there is one. A read() gives as many whole events as fit,
 * and waits for one unless the file is non-blocking. Take &drm_event.length bytes for
 * each, which may grow, and pass over types that are unknown. What is not read is
 * bounded: events beyond that are lost, and counted.
 *
 * Fields that a type does not name are zero.
 */
struct drm_egret_event {
	/** @base: Type, and bytes of the event with this header. */
	struct drm_event base;
	/** @time: When it happened, CLOCK_MONOTONIC in ns. */
	__u64 time;
	/** @lost: Events that were lost before this one. */
	__u32 lost;
	/** @queue_id: QUEUE_DEAD: ID of the queue. BANNED: of the one that was one too many. */
	__u32 queue_id;
	/**
	 * @state: QUEUE_DEAD, BANNED: one of &enum drm_egret_queue_state. RESET: one of &enum
	 * drm_egret_reset_level.
	 */
	__u32 state;
	/** @code: QUEUE_DEAD: enum egret_fault_code. */
	__u32 code;
	/** @addr: QUEUE_DEAD: address of the fault. MEMORY_ERROR: offset in device memory. */
	__u64 addr;
	/** @pc: QUEUE_DEAD: program counter of the fault. */
	__u64 pc;
	/** @cookie: QUEUE_DEAD: cookie of the DISPATCH packet that faulted. */
	__u64 cookie;
};

#define DRM_IOCTL_EGRET_DEV_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_DEV_QUERY, struct drm_egret_dev_query)
#define DRM_IOCTL_EGRET_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_BO_CREATE, struct drm_egret_bo_create)
#define DRM_IOCTL_EGRET_BO_MMAP_OFFSET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_BO_MMAP_OFFSET, struct drm_egret_bo_mmap_offset)
#define DRM_IOCTL_EGRET_VM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_VM_CREATE, struct drm_egret_vm_create)
#define DRM_IOCTL_EGRET_VM_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_EGRET_VM_DESTROY, struct drm_egret_vm_destroy)
#define DRM_IOCTL_EGRET_VM_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_EGRET_VM_BIND, struct drm_egret_vm_bind)
#define DRM_IOCTL_EGRET_QUEUE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_QUEUE_CREATE, struct drm_egret_queue_create)
#define DRM_IOCTL_EGRET_QUEUE_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_EGRET_QUEUE_DESTROY, struct drm_egret_queue_destroy)
#define DRM_IOCTL_EGRET_QUEUE_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_QUEUE_QUERY, struct drm_egret_queue_query)
#define DRM_IOCTL_EGRET_EXEC \
	DRM_IOW(DRM_COMMAND_BASE + DRM_EGRET_EXEC, struct drm_egret_exec)
#define DRM_IOCTL_EGRET_QUEUE_WAIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_EGRET_QUEUE_WAIT, struct drm_egret_queue_wait)
#define DRM_IOCTL_EGRET_QUEUE_EXPORT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_QUEUE_EXPORT, struct drm_egret_queue_export)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_EGRET_ACCEL_H_ */
