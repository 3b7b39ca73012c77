/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

/**
 * DOC: libaccel, compute on Egret cards
 *
 * A program opens a *device*, makes a *context* (an address space on the card), puts
 * data in *buffers*, loads a *module* of *kernels*, and launches them on a *stream*.
 * Work of a stream is done in order; streams run beside each other and are ordered
 * with *events*.
 *
 * Errors. A function that can fail returns 0 or a negative errno, and accel_last_error()
 * then tells what failed, why, and what to do about it. A function that failed has had
 * no effect, unless it says otherwise. Codes that any function may return: -EINVAL (bad
 * argument), -ENOMEM (the host is out of memory), -ENODEV (the card is gone, or so broken
 * that it is not used any more; it stays so), -ECHILD (the device was opened by the process
 * that this one was forked from). Functions that queue or wait for work also
 * return -ECANCELED, when the card has stopped the stream: accel_last_error() then holds
 * the device fault. Other streams, also of the same context, are not affected.
 *
 * Lifetime. An object keeps alive what it was made from: a context may be released
 * before its buffers. Releasing NULL does nothing.
 *
 * Threads. All functions may be called from any thread at any time, on the same object
 * too, with one exception: nobody may use an object while or after it is released. Calls
 * on one stream take effect one after the other. accel_last_error() is thread-local. There
 * is no other global state than the log, see accel_set_log().
 *
 * Processes. What a process has made is of no use to a child that it forks: functions return
 * -ECHILD there. The child may release the objects, which frees its memory and does nothing
 * else, and open devices of its own. Signals interrupt nothing: what waits goes on waiting.
 *
 * Growing structures. Structures that the caller fills begin with their size, which the
 * macro ACCEL_OPTIONS() sets; NULL stands for the defaults. Structures that the library
 * fills also begin with their size, as the caller knows it: set it before the call.
 *
 * Times are nanoseconds. A deadline is a time of CLOCK_MONOTONIC; see accel_deadline().
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct accel_device;
struct accel_context;
struct accel_buffer;
struct accel_stream;
struct accel_event;
struct accel_module;
struct accel_kernel;
struct accel_profile;
struct accel_graph;
struct accel_pool;
struct accel_trace;

/* For example: accel_stream_create(ctx, ACCEL_OPTIONS(accel_stream_options,
 *	.type = ACCEL_STREAM_COPY), &stream) */
#ifndef __cplusplus
#define ACCEL_OPTIONS(type, ...) \
	(&(struct type){ .size = sizeof(struct type), __VA_ARGS__ })
#endif

#define ACCEL_VERSION_MAJOR	0
#define ACCEL_VERSION_MINOR	1
#define ACCEL_VERSION_PATCH	0

/** accel_version() - version of the library at run time, such as "0.1.0" */
const char *accel_version(void);

/* ---- Errors ---------------------------------------------------------------- */

/**
 * struct accel_fault - what a card reported when it stopped a stream
 *
 * Filled by the library; fields may be added at the end. Strings are never NULL, but
 * empty when not known.
 */
struct accel_fault {
	/** @code: enum egret_fault_code, or 0 when the card reported no fault. */
	uint32_t code;
	/** @name: The code's name, such as "MMU_UNMAPPED". */
	const char *name;
	/** @description: What the code means, in a sentence. */
	const char *description;
	/** @unit: What faulted: "command processor", "copy engine", "hart", "DMA unit" or "tile engine". */
	const char *unit;
	/** @unit_index: Which one: the number of the cluster or of the copy engine. */
	uint32_t unit_index;
	/** @access: "read", "write" or "execute" for faults of memory accesses. */
	const char *access;
	/** @addr: Device address of the access, or what the code's description says. */
	uint64_t addr;
	/** @value: Operand of the fault; for an abort the kernel's code. */
	uint32_t value;
	/** @pc: Device address of the instruction, or of the packet. */
	uint64_t pc;
	/** @kernel: Name of the kernel that ran. */
	const char *kernel;
	/** @function: Function that @pc lies in. */
	const char *function;
	/** @function_offset: Bytes from its beginning to @pc. */
	uint64_t function_offset;
	/** @group: Coordinates of the workgroup. */
	uint32_t group[3];
	/** @nearby: What lies at or next to @addr, in words. */
	const char *nearby;
	/** @file: Source file of @pc, if the module has debug information (accel-cc -g). */
	const char *file;
	/** @line: Line in it, from 1; 0 if not known. */
	uint32_t line;
};

/**
 * struct accel_error - the last error of this thread
 *
 * Filled by the library; fields may be added at the end. Strings are never NULL.
 */
struct accel_error {
	/** @error: Negative errno, as the function returned it; 0 if none has failed yet. */
	int error;
	/** @message: @what and @cause, in one line. */
	const char *message;
	/** @what: What failed. */
	const char *what;
	/** @cause: Why. */
	const char *cause;
	/** @advice: What to do about it; empty if there is nothing to say. */
	const char *advice;
	/** @fault: The device fault behind it, or NULL. */
	const struct accel_fault *fault;
};

/**
 * accel_last_error() - what went wrong in this thread
 *
 * Meaningful after a function of the library has returned an error; successful calls
 * leave it alone.
 *
 * Return: the record. It belongs to the library and changes with the next error in the
 * same thread.
 */
const struct accel_error *accel_last_error(void);

/* ---- Logs -------------------------------------------------------------------- */

/** enum accel_log_level - how much a line of the log matters */
enum accel_log_level {
	/** @ACCEL_LOG_ERROR: A function failed, with what accel_last_error() tells. */
	ACCEL_LOG_ERROR = 0,
	/** @ACCEL_LOG_WARNING: Something goes on, but not as it should. */
	ACCEL_LOG_WARNING = 1,
	/** @ACCEL_LOG_INFO: Devices are opened and closed, modules are loaded. */
	ACCEL_LOG_INFO = 2,
	/** @ACCEL_LOG_DEBUG: What only helps to find mistakes: time-outs, the simulator's log. */
	ACCEL_LOG_DEBUG = 3,
};

/**
 * typedef accel_log_function - takes a line of the log
 *
 * It may be called from any thread, and in the middle of a call to the library: it must not
 * call the library itself. The text has no newline, and is only valid during the call.
 */
typedef void (*accel_log_function)(void *opaque, int level, const char *text);

/**
 * accel_set_log() - choose where the library's log goes
 * @function: is called for each line; NULL for standard error
 * @opaque: passed to the function
 * @level: the last of &enum accel_log_level that is logged; -1 for nothing
 *
 * This is for the whole process. At first, nothing is logged, unless the environment
 * variable ACCEL_LOG is set to error, warning, info or debug: then lines go to standard
 * error. When the function returns, no thread is in the former function any more.
 *
 * Return: 0, or -EINVAL (unknown level).
 */
int accel_set_log(accel_log_function function, void *opaque, int level);

/* ---- Devices ----------------------------------------------------------------- */

/** enum accel_device_state - whether a device can be opened */
enum accel_device_state {
	/** @ACCEL_DEVICE_READY: It can. */
	ACCEL_DEVICE_READY = 0,
	/** @ACCEL_DEVICE_NO_DRIVER: A card is there, but no driver has taken it. */
	ACCEL_DEVICE_NO_DRIVER = 1,
	/** @ACCEL_DEVICE_NO_NODE: The driver has it, but there is no file in /dev for it. */
	ACCEL_DEVICE_NO_NODE = 2,
	/** @ACCEL_DEVICE_NO_PERMISSION: This user may not open it. */
	ACCEL_DEVICE_NO_PERMISSION = 3,
};

/**
 * struct accel_device_entry - one device of a list
 *
 * Filled by the library; fields may be added at the end.
 */
struct accel_device_entry {
	/** @name: Name to open it by: "accel0", or "sim"; the PCI address without a driver. */
	const char *name;
	/** @path: Its file, such as "/dev/accel/accel0"; empty if it has none. */
	const char *path;
	/** @pci_address: Such as "0000:01:00.0"; empty for a simulated one. */
	const char *pci_address;
	/** @driver: Kernel driver that has it; empty if none has. */
	const char *driver;
	/** @index: Number of the device node (N of accelN), or -1. */
	int index;
	/** @state: One of &enum accel_device_state. */
	int state;
};

struct accel_device_list;

/**
 * accel_device_list_create() - find the Egret cards of this machine
 * @list: the list on success, to be freed with accel_device_list_free()
 *
 * Cards that cannot be used at present are in the list too, and say why in their state.
 * Nothing is opened, and no card wakes up. With ACCEL_DEVICE=sim in the environment, the
 * list holds the simulated card only; another value does not change the list.
 *
 * Return: 0 (also for an empty list); -ENOENT (ACCEL_DEVICE names no device; the error tells
 * which there are); -ENOMEM.
 */
int accel_device_list_create(struct accel_device_list **list);

/** accel_device_list_count() - number of entries */
size_t accel_device_list_count(const struct accel_device_list *list);

/** accel_device_list_get() - an entry, which belongs to the list; NULL if there is none */
const struct accel_device_entry *
accel_device_list_get(const struct accel_device_list *list, size_t i);

/** accel_device_list_free() - free a list and its entries */
void accel_device_list_free(struct accel_device_list *list);

/**
 * accel_device_open() - open a device
 * @name: "accel0" or "0" (the node's number), "0000:01:00.0" (a PCI address),
 *	"/dev/accel/accel0" (a path), a UUID (see &struct accel_device_info), or "sim" (a
 *	simulated card in this process, of its own for each opening; with options as
 *	"sim:vram=2G,clusters=2": device memory, in MiB if there is no K, M or G, and number
 *	of clusters); NULL for what the environment variable ACCEL_DEVICE names, or else the
 *	first that can be used
 * @device: the device on success
 *
 * Return: 0; -ENOENT (no such device, or none at all); -EACCES (no permission); -ENODEV
 * (the card does not work); -EPROTONOSUPPORT (not an Egret, or a driver that this
 * library does not know); -ENOMEM.
 */
int accel_device_open(const char *name, struct accel_device **device);

/** accel_device_close() - release a device */
void accel_device_close(struct accel_device *device);

/** struct accel_device_info - what a card is; never changes */
struct accel_device_info {
	/** @size: sizeof(struct accel_device_info) */
	size_t size;
	/** @name: As in &struct accel_device_entry. */
	char name[32];
	/** @pci_address: As in &struct accel_device_entry. */
	char pci_address[32];
	/** @backend: "drm" for a card behind the kernel driver, "sim" for a simulated one. */
	char backend[16];
	/** @driver_version: Of the kernel driver, or of the simulator. */
	char driver_version[32];
	/** @chip_revision: Revision of the hardware specification, major << 16 | minor. */
	uint32_t chip_revision;
	/** @firmware_version: Major << 24 | minor << 16 | patch; zero without firmware. */
	uint32_t firmware_version;
	/** @serial: Serial number. */
	uint64_t serial;
	/** @clusters: Number of compute clusters. */
	uint32_t clusters;
	/** @scratch_size: Bytes of scratchpad in each. */
	uint32_t scratch_size;
	/** @core_clock_khz: Highest clock of the clusters. */
	uint32_t core_clock_khz;
	/** @copy_engines: Number of copy engines. */
	uint32_t copy_engines;
	/** @memory_size: Bytes of device memory. */
	uint64_t memory_size;
	/** @memory_bandwidth_mbs: Its peak bandwidth in MB/s. */
	uint32_t memory_bandwidth_mbs;
	/** @page_size: Granularity of buffers in bytes. */
	uint32_t page_size;
	/** @uuid: Tells the card from every other one, as accel_device_open() takes it. */
	char uuid[40];
	/** @contexts: Most contexts at once, of all processes. */
	uint32_t contexts;
	/** @queues: Most streams at once, of all processes. */
	uint32_t queues;
	/** @args_size_max: Most bytes of a kernel's arguments. */
	uint32_t args_size_max;
	/** @grid_max: Most workgroups in each dimension. */
	uint32_t grid_max;
	/** @large_page_size: Buffers of this size and more are reached with less effort. */
	uint32_t large_page_size;
	/** @reserved: Zero. */
	uint32_t reserved;
	/** @address_space: Bytes of addresses that the buffers of a context share. */
	uint64_t address_space;
};

/** accel_device_get_info() - what a card is; @info->size must be set */
int accel_device_get_info(struct accel_device *device, struct accel_device_info *info);

/** struct accel_memory_info - use of the device memory at this moment, in bytes */
struct accel_memory_info {
	/** @size: sizeof(struct accel_memory_info) */
	size_t size;
	/** @total: What buffers may use. */
	uint64_t total;
	/** @used: In use, by all processes and the driver. */
	uint64_t used;
	/** @used_by_driver: Part of @used that is page tables and the driver's own. */
	uint64_t used_by_driver;
};

/** accel_device_get_memory() - use of the device memory; @info->size must be set */
int accel_device_get_memory(struct accel_device *device, struct accel_memory_info *info);

/**
 * struct accel_counters - what the card did since its last reset, for all processes
 *
 * Cycles are those of the chip's performance model as long as the card is emulated.
 */
struct accel_counters {
	/** @size: sizeof(struct accel_counters) */
	size_t size;
	/** @cycles: Modelled cycles of the core clock in which some engine was busy. */
	uint64_t cycles;
	/** @packets: Packets completed. */
	uint64_t packets;
	/** @dispatches: Kernel launches completed. */
	uint64_t dispatches;
	/** @workgroups: Workgroups completed. */
	uint64_t workgroups;
	/** @memory_read: Bytes that the card read from its own memory. */
	uint64_t memory_read;
	/** @memory_written: Bytes that the card wrote to its own memory. */
	uint64_t memory_written;
	/** @host_read: Bytes that the card read from host memory. */
	uint64_t host_read;
	/** @host_written: Bytes that the card wrote to host memory. */
	uint64_t host_written;
	/** @macs: Multiply-accumulates of matrix operations. */
	uint64_t macs;
	/** @instructions: Instructions retired by the compute harts. */
	uint64_t instructions;
	/** @interrupts: Interrupts sent. */
	uint64_t interrupts;
	/** @faults: Queues stopped by a fault. */
	uint64_t faults;
};

/** accel_device_get_counters() - what the card did; @counters->size must be set */
int accel_device_get_counters(struct accel_device *device, struct accel_counters *counters);

/** ACCEL_SENSORS_FIRMWARE - the card's firmware runs, so everything is known */
#define ACCEL_SENSORS_FIRMWARE	0x1u

/* Why the clock is below the highest. */
#define ACCEL_THROTTLE_THERMAL	0x1u	/* too hot */
#define ACCEL_THROTTLE_POWER	0x2u	/* the power cap */
#define ACCEL_THROTTLE_IDLE	0x4u	/* no work */

/** struct accel_sensors - power, temperature and memory errors at this moment */
struct accel_sensors {
	/** @size: sizeof(struct accel_sensors) */
	size_t size;
	/** @flags: 0 or ACCEL_SENSORS_FIRMWARE: without it, what needs firmware is 0. */
	uint32_t flags;
	/** @temperature_mc: Hottest sensor in 1/1000 degree Celsius; needs firmware. */
	int32_t temperature_mc;
	/** @throttle_mc: Temperature at which the clock is lowered; needs firmware. */
	int32_t throttle_mc;
	/** @critical_mc: Temperature at which the card stops; needs firmware. */
	int32_t critical_mc;
	/** @power_mw: Mean power of the last 100 ms in mW; needs firmware. */
	uint32_t power_mw;
	/** @power_cap_mw: Power that is not exceeded, in mW; needs firmware. */
	uint32_t power_cap_mw;
	/** @power_cap_min_mw: Lowest power cap in mW; needs firmware. */
	uint32_t power_cap_min_mw;
	/** @power_cap_max_mw: Highest power cap in mW; needs firmware. */
	uint32_t power_cap_max_mw;
	/** @throttle: ACCEL_THROTTLE_*: why the clock is below the highest; needs firmware. */
	uint32_t throttle;
	/** @voltage_mv: Core voltage in mV. */
	uint32_t voltage_mv;
	/** @core_clock_khz: Core clock in kHz. */
	uint32_t core_clock_khz;
	/** @performance_state: 0 is the fastest. */
	uint32_t performance_state;
	/** @time_ns: When this was read: since power-on. */
	uint64_t time_ns;
	/** @energy_uj: Energy since power-on in uJ. */
	uint64_t energy_uj;
	/** @ecc_corrected: Corrected errors of the device memory since power-on. */
	uint64_t ecc_corrected;
	/** @ecc_uncorrected: Errors that could not be corrected, likewise. */
	uint64_t ecc_uncorrected;
};

/**
 * accel_device_get_sensors() - read a card's sensors
 * @device: card, which wakes up if it sleeps
 * @sensors: filled; @sensors->size must be set
 *
 * Power and temperature are those of the chip's model as long as the card is emulated.
 *
 * Return: 0, or -EOPNOTSUPP (the driver is too old to know).
 */
int accel_device_get_sensors(struct accel_device *device, struct accel_sensors *sensors);

/* ---- Contexts ------------------------------------------------------------------ */

/**
 * accel_context_create() - make an address space on a card
 * @device: card
 * @context: the context on success
 *
 * Return: 0, or -ENOSPC (the card has no context or no memory left).
 */
int accel_context_create(struct accel_device *device, struct accel_context **context);

/** accel_context_destroy() - release a context */
void accel_context_destroy(struct accel_context *context);

/* ---- Buffers --------------------------------------------------------------------- */

/** enum accel_memory - where a buffer lives */
enum accel_memory {
	/** @ACCEL_MEMORY_DEVICE: On the card: fast for it, slow to read for the host. */
	ACCEL_MEMORY_DEVICE = 0,
	/** @ACCEL_MEMORY_HOST: In the host's memory: the card reaches it over PCIe. */
	ACCEL_MEMORY_HOST = 1,
};

/** ACCEL_BUFFER_SHARED - the buffer may be given to others with accel_buffer_export() */
#define ACCEL_BUFFER_SHARED	0x1u

/** struct accel_buffer_options - how a buffer is made */
struct accel_buffer_options {
	/** @size: sizeof(struct accel_buffer_options) */
	size_t size;
	/** @memory: One of &enum accel_memory. */
	uint32_t memory;
	/** @flags: 0 or ACCEL_BUFFER_SHARED, which costs a little with each submission. */
	uint32_t flags;
	/** @name: For reports of faults; copied, NULL for none. */
	const char *name;
};

/**
 * accel_buffer_create() - make a buffer, which reads as zero
 * @context: its context
 * @bytes: size, not zero
 * @options: NULL for a nameless buffer in device memory
 * @buffer: the buffer on success
 *
 * The address after a buffer's last page is never another buffer's, so that an access
 * beyond it faults.
 *
 * Return: 0, or -ENOSPC (no room on the card).
 */
int accel_buffer_create(struct accel_context *context, size_t bytes,
			const struct accel_buffer_options *options,
			struct accel_buffer **buffer);

/**
 * accel_buffer_destroy() - release a buffer
 *
 * Work that still uses it faults: wait for it first.
 */
void accel_buffer_destroy(struct accel_buffer *buffer);

/** accel_buffer_address() - the buffer's device address, for kernel arguments */
uint64_t accel_buffer_address(const struct accel_buffer *buffer);

/** accel_buffer_size() - the buffer's size in bytes, as asked for */
size_t accel_buffer_size(const struct accel_buffer *buffer);

/**
 * accel_buffer_map() - let the host access a buffer directly
 * @buffer: buffer
 * @pointer: where it is mapped, on success; valid until the buffer is released
 *
 * The host sees what work wrote after it has waited for it. Device memory is mapped
 * write-combined: writing is fast, reading very slow.
 */
int accel_buffer_map(struct accel_buffer *buffer, void **pointer);

/**
 * accel_buffer_wrap() - let the card use memory of the program
 * @context: context
 * @pointer: memory that the program can read and write; any alignment
 * @bytes: size, not zero
 * @name: for reports of faults; copied, NULL for none
 * @buffer: the buffer on success
 *
 * The card reaches it over PCIe, as memory of the kind ACCEL_MEMORY_HOST, and may reach all
 * of the pages that it begins and ends in. The memory stays the program's, which must not
 * give it back before the buffer is released: what is queued later fails with -EFAULT then.
 * A buffer that is created is reached faster and costs less with each submission.
 *
 * Return: 0; -EFAULT (no memory that can be written is there); -EOPNOTSUPP (the host cannot
 * do this for the card).
 */
int accel_buffer_wrap(struct accel_context *context, void *pointer, size_t bytes,
		      const char *name, struct accel_buffer **buffer);

/**
 * accel_buffer_export() - get a file descriptor that stands for a buffer's memory
 * @buffer: buffer, created with ACCEL_BUFFER_SHARED or imported
 *
 * It is a dma-buf, for accel_buffer_import() in this process or another one that it is sent
 * to, and for other drivers; on the simulator, it is a memfd. The memory lives until the
 * buffers and descriptors that stand for it are gone. Who works on it when is for the
 * programs to agree on; other drivers wait for the work of its contexts, and that for them.
 *
 * Return: the descriptor, which the caller closes, or a negative errno: -EPERM if the
 * buffer was not made to be shared.
 */
int accel_buffer_export(struct accel_buffer *buffer);

/**
 * accel_buffer_import() - make a buffer of the memory behind a file descriptor
 * @context: its context
 * @fd: descriptor that accel_buffer_export() gave, in any process, or a dma-buf of another
 *	driver or card; not needed any more afterwards
 * @name: for reports of faults; copied, NULL for none
 * @buffer: the buffer on success; its size is that of the memory, in whole pages
 *
 * The memory of a dma-buf of another driver stays where that driver has it. Work in this
 * context waits for what that driver does with it, and that driver for the work.
 *
 * Return: 0; -EINVAL (it stands for no memory that the card can use); -EBADF; -ENOMEM.
 */
int accel_buffer_import(struct accel_context *context, int fd, const char *name,
			struct accel_buffer **buffer);

/* ---- Pools -------------------------------------------------------------------------- */

/** struct accel_pool_options - how a pool is made */
struct accel_pool_options {
	/** @size: sizeof(struct accel_pool_options) */
	size_t size;
	/** @memory: One of &enum accel_memory. */
	uint32_t memory;
	/** @reserved: Zero. */
	uint32_t reserved;
	/** @chunk_bytes: How much it asks the card for at once; 0 for 16 MiB. */
	size_t chunk_bytes;
	/** @name: For reports of faults, name of its buffers; copied, NULL for none. */
	const char *name;
};

/**
 * accel_pool_create() - make a pool, which gives out many small buffers cheaply
 * @context: its context
 * @options: NULL for one in device memory
 * @pool: the pool on success
 *
 * Nothing is asked of the card until the first buffer is taken.
 */
int accel_pool_create(struct accel_context *context, const struct accel_pool_options *options,
		      struct accel_pool **pool);

/**
 * accel_pool_destroy() - release a pool
 *
 * Its buffers keep it, and their memory, until they are released.
 */
void accel_pool_destroy(struct accel_pool *pool);

/**
 * accel_pool_alloc() - take a buffer from a pool
 * @pool: pool
 * @bytes: size, not zero
 * @align: what its address is a multiple of, a power of two up to the page size; 0 for 256,
 *	which is also the least
 * @buffer: the buffer on success, to be released with accel_buffer_destroy()
 *
 * Unlike one of accel_buffer_create(), its contents are undefined, and an access beyond its
 * end may reach another buffer of the pool. Releasing it gives its memory to the pool at
 * once: wait first for work that uses it.
 *
 * Return: 0, or -ENOSPC (no room on the card).
 */
int accel_pool_alloc(struct accel_pool *pool, size_t bytes, size_t align,
		     struct accel_buffer **buffer);

/** accel_pool_trim() - give memory that no buffer uses back to the card */
int accel_pool_trim(struct accel_pool *pool);

/** struct accel_pool_info - what a pool has at this moment */
struct accel_pool_info {
	/** @size: sizeof(struct accel_pool_info) */
	size_t size;
	/** @total: Bytes that it took from the card. */
	uint64_t total;
	/** @used: Bytes of them that are in buffers. */
	uint64_t used;
	/** @chunks: Number of pieces that @total is in. */
	uint64_t chunks;
	/** @buffers: Number of buffers. */
	uint64_t buffers;
};

/** accel_pool_get_info() - what a pool has; @info->size must be set */
int accel_pool_get_info(struct accel_pool *pool, struct accel_pool_info *info);

/* ---- Streams ----------------------------------------------------------------------- */

/** enum accel_stream_type - what a stream does */
enum accel_stream_type {
	/** @ACCEL_STREAM_COMPUTE: Everything. */
	ACCEL_STREAM_COMPUTE = 0,
	/** @ACCEL_STREAM_COPY: All but launches, on the copy engines beside compute. */
	ACCEL_STREAM_COPY = 1,
};

/** enum accel_priority - which stream goes first */
enum accel_priority {
	/** @ACCEL_PRIORITY_DEFAULT: Normal. */
	ACCEL_PRIORITY_DEFAULT = 0,
	/** @ACCEL_PRIORITY_LOW: Background work. */
	ACCEL_PRIORITY_LOW = 1,
	/** @ACCEL_PRIORITY_NORMAL: The default, by name. */
	ACCEL_PRIORITY_NORMAL = 2,
	/** @ACCEL_PRIORITY_HIGH: Needs the capability CAP_SYS_NICE. */
	ACCEL_PRIORITY_HIGH = 3,
	/** @ACCEL_PRIORITY_REALTIME: Needs the capability CAP_SYS_NICE. */
	ACCEL_PRIORITY_REALTIME = 4,
};

/** struct accel_stream_options - how a stream is made */
struct accel_stream_options {
	/** @size: sizeof(struct accel_stream_options) */
	size_t size;
	/** @type: One of &enum accel_stream_type. */
	uint32_t type;
	/** @priority: One of &enum accel_priority. */
	uint32_t priority;
};

/**
 * accel_stream_create() - make a stream
 * @context: its context
 * @options: NULL for a compute stream of normal priority
 * @stream: the stream on success
 *
 * Return: 0; -EACCES (no permission for the priority); -ENOSPC (no hardware queue left);
 * -EPERM (too many streams of this device have faulted or hung: it must be opened again).
 */
int accel_stream_create(struct accel_context *context,
			const struct accel_stream_options *options,
			struct accel_stream **stream);

/**
 * accel_stream_destroy() - release a stream
 *
 * Work that has not completed is cancelled: wait first for what is wanted.
 */
void accel_stream_destroy(struct accel_stream *stream);

/**
 * ACCEL_OVERLAP - may run beside the work before it
 *
 * Without this flag, work of a stream starts when all earlier work of the stream has
 * completed. With it, a launch, copy or fill may overlap with what came right before.
 */
#define ACCEL_OVERLAP		0x1u

/**
 * accel_copy() - queue a copy between buffers
 * @stream: stream
 * @dst: where to
 * @dst_offset: in bytes
 * @src: where from; may be @dst if the two ranges do not overlap
 * @src_offset: in bytes
 * @bytes: how much; nothing is done for zero
 * @flags: 0 or ACCEL_OVERLAP
 *
 * Buffers may be in device or host memory. Return: 0, or an error.
 */
int accel_copy(struct accel_stream *stream, struct accel_buffer *dst, size_t dst_offset,
	       struct accel_buffer *src, size_t src_offset, size_t bytes, uint32_t flags);

/**
 * struct accel_rect - a block of rows and slices in two buffers
 *
 * A block is @slices slices of @rows rows of @width bytes. A pitch is the number of bytes
 * from the beginning of a row to that of the next, a slice pitch the same for slices. 0
 * stands for rows that follow each other without gaps, likewise slices.
 */
struct accel_rect {
	/** @size: sizeof(struct accel_rect) */
	size_t size;
	/** @width: Bytes of a row, 1 to 4294967295. */
	size_t width;
	/** @rows: Rows of a slice; 0 stands for 1. */
	size_t rows;
	/** @slices: Slices; 0 stands for 1. */
	size_t slices;
	/** @dst_offset: Where the block begins in the buffer that is written, in bytes. */
	size_t dst_offset;
	/** @dst_pitch: Its pitch there. */
	size_t dst_pitch;
	/** @dst_slice_pitch: Its slice pitch there. */
	size_t dst_slice_pitch;
	/** @src_offset: Where the block begins in the buffer that is read, in bytes. */
	size_t src_offset;
	/** @src_pitch: Its pitch there. */
	size_t src_pitch;
	/** @src_slice_pitch: Its slice pitch there. */
	size_t src_slice_pitch;
};

/**
 * accel_copy_rect() - queue a copy of a block of rows and slices
 * @stream: stream
 * @dst: where to
 * @src: where from; may be @dst if the two blocks do not overlap, which is not checked:
 *	bytes that are both read and written are unspecified
 * @rect: the block
 * @flags: 0 or ACCEL_OVERLAP
 */
int accel_copy_rect(struct accel_stream *stream, struct accel_buffer *dst,
		    struct accel_buffer *src, const struct accel_rect *rect, uint32_t flags);

/**
 * accel_transfer() - copy between buffers of different contexts or devices
 * @dst_stream: stream of @dst, on which the data are queued to be written
 * @dst: where to
 * @dst_offset: in bytes
 * @src_stream: stream of @src, whose earlier work is waited for
 * @src: where from
 * @src_offset: in bytes
 * @bytes: how much; nothing is done for zero
 *
 * Both in one context, it is a copy that @dst_stream does after what is queued on
 * @src_stream. Otherwise the data go through the host: the function returns when all have
 * been read and queued to be written. On an error, a part may have been queued.
 */
int accel_transfer(struct accel_stream *dst_stream, struct accel_buffer *dst, size_t dst_offset,
		   struct accel_stream *src_stream, struct accel_buffer *src, size_t src_offset,
		   size_t bytes);

/**
 * accel_fill() - queue filling a buffer with a pattern
 * @stream: stream
 * @buffer: buffer
 * @offset: first byte, a multiple of @width
 * @bytes: how much, a multiple of @width; nothing is done for zero
 * @pattern: its low @width bytes are repeated
 * @width: 1, 2, 4 or 8
 * @flags: 0 or ACCEL_OVERLAP
 */
int accel_fill(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
	       size_t bytes, uint64_t pattern, unsigned int width, uint32_t flags);

/**
 * accel_upload() - queue a copy from the program's memory to a buffer
 * @stream: stream
 * @buffer: where to
 * @offset: in bytes
 * @data: where from; copied before the function returns
 * @bytes: how much
 *
 * May wait for earlier work of the stream when there is much to copy. On an error, a part
 * may have been queued.
 */
int accel_upload(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
		 const void *data, size_t bytes);

/**
 * accel_download() - copy from a buffer to the program's memory, and wait for it
 * @stream: stream, whose earlier work is waited for too
 * @buffer: where from
 * @offset: in bytes
 * @data: where to; undefined after an error
 * @bytes: how much
 *
 * Other threads can use the stream meanwhile. More than 256 KiB come in pieces, and work
 * that they queue may be done between two of them.
 */
int accel_download(struct accel_stream *stream, struct accel_buffer *buffer, size_t offset,
		   void *data, size_t bytes);

/** struct accel_launch_options - how a kernel is launched */
struct accel_launch_options {
	/** @size: sizeof(struct accel_launch_options) */
	size_t size;
	/** @flags: 0 or ACCEL_OVERLAP */
	uint32_t flags;
	/** @reserved: Zero. */
	uint32_t reserved;
	/** @profile: Where to record what the launch did, or NULL. */
	struct accel_profile *profile;
};

/**
 * accel_launch() - queue a kernel over a grid of workgroups
 * @stream: a compute stream of the kernel's context
 * @kernel: kernel
 * @grid: workgroups in x, y and z, each 1 to 16777215, the product below 2^32
 * @args: arguments, copied before the function returns
 * @args_size: their size, which must be the kernel's
 * @options: NULL for the defaults
 *
 * Queued work starts at the latest with the next accel_stream_flush(),
 * accel_stream_wait(), accel_event_record() or accel_download() of the stream.
 */
int accel_launch(struct accel_stream *stream, const struct accel_kernel *kernel,
		 const uint32_t grid[3], const void *args, size_t args_size,
		 const struct accel_launch_options *options);

/**
 * accel_launch_each() - queue a kernel several times, each time with other arguments
 * @stream: as for accel_launch()
 * @kernel: kernel
 * @grid: workgroups of each launch
 * @args: array of the arguments: those of the first launch, then those of the next; copied
 *	before the function returns
 * @args_size: size of an element, which must be that of the kernel's arguments
 * @count: number of launches
 * @options: as for accel_launch(), but without a profile
 *
 * Does what as many calls of accel_launch() would do, and is cheaper by far. If an argument is
 * wrong, nothing is queued.
 */
int accel_launch_each(struct accel_stream *stream, const struct accel_kernel *kernel,
		      const uint32_t grid[3], const void *args, size_t args_size, size_t count,
		      const struct accel_launch_options *options);

/** accel_stream_flush() - start what has been queued; does not wait */
int accel_stream_flush(struct accel_stream *stream);

/* Deadlines that are not times. */
#define ACCEL_NO_WAIT		0
#define ACCEL_FOREVER		INT64_MAX

/** accel_deadline() - the deadline that is @timeout_ns from now; ACCEL_FOREVER stays so */
int64_t accel_deadline(int64_t timeout_ns);

/**
 * accel_stream_wait() - wait until all queued work has completed
 * @stream: stream
 * @deadline: time of CLOCK_MONOTONIC, ACCEL_NO_WAIT, or ACCEL_FOREVER
 *
 * Return: 0, -ETIMEDOUT (the work goes on), or -ECANCELED (the card has stopped the
 * stream; it takes no more work, and a new one is needed).
 */
int accel_stream_wait(struct accel_stream *stream, int64_t deadline);

/* ---- Events --------------------------------------------------------------------------- */

/** ACCEL_EVENT_TIMED - the card writes down when the event happens */
#define ACCEL_EVENT_TIMED	0x1u

/** struct accel_event_options - how an event is made */
struct accel_event_options {
	/** @size: sizeof(struct accel_event_options) */
	size_t size;
	/** @flags: 0 or ACCEL_EVENT_TIMED. */
	uint32_t flags;
	/** @reserved: Zero. */
	uint32_t reserved;
};

/**
 * accel_event_create() - make an event
 * @context: its context
 * @options: NULL for one without a time
 * @event: the event on success; it has no meaning until it is recorded
 */
int accel_event_create(struct accel_context *context, const struct accel_event_options *options,
		       struct accel_event **event);

/** accel_event_destroy() - release an event */
void accel_event_destroy(struct accel_event *event);

/**
 * accel_event_record() - let an event stand for the work queued so far on a stream
 * @event: event, which forgets what it stood for if there is no error
 * @stream: stream of the same context; its queued work is started
 */
int accel_event_record(struct accel_event *event, struct accel_stream *stream);

/**
 * accel_event_wait() - wait until the work that an event stands for has completed
 * @event: event, recorded
 * @deadline: as for accel_stream_wait(); ACCEL_NO_WAIT asks whether it has
 *
 * Return: as accel_stream_wait().
 */
int accel_event_wait(struct accel_event *event, int64_t deadline);

/**
 * accel_event_fd() - get a file descriptor that polls as readable when an event is over
 * @event: event, recorded
 *
 * It is readable when the work has completed or was cancelled; accel_event_wait() tells
 * which. Recording the event again does not affect it. It is a sync file, which other
 * drivers can wait for and accel_event_import() takes, in any process; on the simulator,
 * it is an eventfd (or a socket, where there are none), which must not be read.
 *
 * Take it out of an epoll set with EPOLL_CTL_DEL before closing it. The simulator keeps a
 * descriptor of the same eventfd until the work is over, and the kernel takes a closed
 * descriptor out of a set only when nobody has another one: until then the set would
 * report one that the program has no more.
 *
 * Return: the descriptor, which the caller closes, or a negative errno.
 */
int accel_event_fd(struct accel_event *event);

/**
 * accel_event_import() - let an event stand for a file descriptor
 * @event: event, which forgets what it stood for if there is no error; not a timed one
 * @fd: a sync file, or anything that polls as readable once for all; not needed any more
 *	afterwards
 *
 * A stream of a card can only wait for sync files, accel_event_wait() for all. If the work
 * behind a sync file failed, accel_event_wait() returns -ECANCELED.
 *
 * Return: 0; -EBADF (not open); -EINVAL (it cannot be polled).
 */
int accel_event_import(struct accel_event *event, int fd);

/**
 * accel_stream_wait_event() - let later work of a stream wait for an event
 * @stream: stream
 * @event: event, recorded on a stream of any context and device, or imported; for a recording
 *	stream, recorded on one of the same graph
 *
 * The host does not wait. This is about order only: if the event's work is cancelled, the
 * stream goes on, and accel_event_wait() tells of it.
 */
int accel_stream_wait_event(struct accel_stream *stream, struct accel_event *event);

/** struct accel_elapsed - what lies between two events */
struct accel_elapsed {
	/** @size: sizeof(struct accel_elapsed) */
	size_t size;
	/** @time_ns: Time of the card's clock; negative if the second event came first. */
	int64_t time_ns;
	/**
	 * @cycles: Modelled core clock cycles of the stream's work between them: a prediction
	 * of a chip, not a measurement. 0 for events of different streams.
	 */
	int64_t cycles;
};

/**
 * accel_event_elapsed() - how much time lies between two events
 * @start: first event, timed, recorded and over
 * @end: second event, likewise, of the same device
 * @elapsed: filled; @elapsed->size must be set
 *
 * Return: 0; -EBUSY (one of them is not over); -ECANCELED (its work was cancelled).
 */
int accel_event_elapsed(struct accel_event *start, struct accel_event *end,
			struct accel_elapsed *elapsed);

/* ---- Graphs --------------------------------------------------------------------------- */

/**
 * accel_graph_create() - make an empty graph: work that is recorded once and replayed
 * @context: its context
 * @graph: the graph on success
 *
 * Record work with accel_graph_record(), call accel_graph_instantiate(), then
 * accel_graph_launch() as often as wanted, and accel_graph_update() in between. A replay is
 * one packet for the host, however much the card does in it.
 *
 * A graph names buffers, kernels and profiles, and does not keep them: they must stay until
 * its last launch has completed.
 */
int accel_graph_create(struct accel_context *context, struct accel_graph **graph);

/**
 * accel_graph_destroy() - release a graph
 *
 * Launches of it that have not completed fault: wait for them first.
 */
void accel_graph_destroy(struct accel_graph *graph);

/**
 * accel_graph_record() - make a stream whose work goes into a graph
 * @graph: graph, not instantiated yet
 * @stream: the recording stream on success, to be released with accel_stream_destroy()
 *
 * What queues work takes it in place of an ordinary stream: accel_launch(), accel_copy(),
 * accel_copy_rect(), accel_fill() and accel_upload(), whose data are kept with the graph.
 * Work of several recording streams of a graph may run beside each other; order it with
 * accel_event_record() and accel_stream_wait_event(). Work that has no order runs together
 * with what has the same number of steps before it. accel_stream_flush() does nothing on a
 * recording stream, and what waits for work, such as accel_download(), fails with -EINVAL: let
 * the graph copy what the host is to see to a buffer in host memory.
 */
int accel_graph_record(struct accel_graph *graph, struct accel_stream **stream);

/**
 * accel_graph_launch_count() - number of kernel launches recorded so far
 *
 * Launches are numbered from 0 in the order of their recording: the count before recording
 * one is its number.
 */
size_t accel_graph_launch_count(struct accel_graph *graph);

/**
 * accel_graph_instantiate() - put what was recorded on the card
 * @graph: graph, which takes no more work afterwards
 *
 * Return: 0; -EINVAL (nothing recorded, or instantiated already); -ENOSPC (no room on the
 * card).
 */
int accel_graph_instantiate(struct accel_graph *graph);

/**
 * accel_graph_update() - change a kernel launch of a graph
 * @graph: graph, instantiated
 * @number: number of the launch; see accel_graph_launch_count()
 * @grid: workgroups in x, y and z; NULL leaves them as they are
 * @args: arguments, copied before the function returns; NULL leaves them as they are
 * @args_size: their size, which must be the kernel's
 *
 * Takes effect with the next accel_graph_launch(); earlier ones are not affected.
 */
int accel_graph_update(struct accel_graph *graph, size_t number, const uint32_t grid[3],
		       const void *args, size_t args_size);

/**
 * accel_graph_launch() - queue a replay of a graph
 * @graph: graph, instantiated
 * @stream: stream of the same context; a compute stream if the graph has launches
 *
 * Launches of one graph run one after the other, also those on different streams.
 */
int accel_graph_launch(struct accel_graph *graph, struct accel_stream *stream);

/* ---- Modules and kernels ------------------------------------------------------------------ */

/**
 * accel_module_load() - load kernels from memory
 * @context: context to load into
 * @image: contents of a file made by accel-cc; not needed any more afterwards
 * @bytes: its size
 * @module: the module on success
 *
 * Everything in the image is checked, and nothing in it can harm the host.
 *
 * Return: 0; -ENOEXEC (not a module, or a damaged one); -ENOSPC (no room on the card).
 */
int accel_module_load(struct accel_context *context, const void *image, size_t bytes,
		      struct accel_module **module);

/**
 * accel_module_load_file() - load kernels from a file
 * @context: context to load into
 * @path: file; without a slash, it is looked for in the folders of the environment variable
 *	ACCEL_KERNEL_PATH (separated by colons), then among the library's own kernels
 * @module: the module on success
 *
 * Return: as accel_module_load(), and the errors of opening and reading a file.
 */
int accel_module_load_file(struct accel_context *context, const char *path,
			   struct accel_module **module);

/** accel_module_unload() - release a module; work that still uses it faults */
void accel_module_unload(struct accel_module *module);

/** accel_module_kernel_count() - number of kernels in a module */
size_t accel_module_kernel_count(const struct accel_module *module);

/** accel_module_kernel() - a kernel by number, in the order of names; NULL if there is none */
const struct accel_kernel *accel_module_kernel(const struct accel_module *module, size_t i);

/**
 * accel_module_find() - get a kernel by name
 * @module: module
 * @name: name
 * @kernel: the kernel on success; it belongs to the module
 *
 * Return: 0, or -ENOENT.
 */
int accel_module_find(const struct accel_module *module, const char *name,
		      const struct accel_kernel **kernel);

/** accel_kernel_name() - name of a kernel */
const char *accel_kernel_name(const struct accel_kernel *kernel);

/** accel_kernel_args_size() - bytes of a kernel's arguments */
size_t accel_kernel_args_size(const struct accel_kernel *kernel);

/* ---- Profiling --------------------------------------------------------------------------------- */

/**
 * accel_profile_create() - make a record of what a launch did
 * @context: its context
 * @profile: the record on success
 *
 * Give it to accel_launch() in its options, wait for the launch, then read it.
 */
int accel_profile_create(struct accel_context *context, struct accel_profile **profile);

/** accel_profile_destroy() - release a record; a launch that still writes to it faults */
void accel_profile_destroy(struct accel_profile *profile);

/**
 * struct accel_profile_data - what a launch did
 *
 * Cycles are those of the core clock in the chip's performance model: predictions of a
 * chip, not measurements. For each workgroup, hart_cycles + tile_wait + dma_wait are its
 * elapsed cycles; sums are over the workgroups.
 */
struct accel_profile_data {
	/** @size: sizeof(struct accel_profile_data) */
	size_t size;
	/** @cycles: From the start of the first workgroup to the end of the last. */
	uint64_t cycles;
	/** @start: Busy cycles of the stream's queue when it began. */
	uint64_t start;
	/** @hart_cycles: Sum: executing instructions. */
	uint64_t hart_cycles;
	/** @tile_wait: Sum: waiting for the tile engine. */
	uint64_t tile_wait;
	/** @dma_wait: Sum: waiting for the DMA unit. */
	uint64_t dma_wait;
	/** @tile_busy: Sum: cycles of tile operations. */
	uint64_t tile_busy;
	/** @dma_busy: Sum: cycles of DMA operations. */
	uint64_t dma_busy;
	/** @instructions: Sum: instructions retired. */
	uint64_t instructions;
	/** @macs: Multiply-accumulates. */
	uint64_t macs;
	/** @memory_read: Bytes of device memory read. */
	uint64_t memory_read;
	/** @memory_written: Bytes of device memory written. */
	uint64_t memory_written;
	/** @host_read: Bytes of host memory read. */
	uint64_t host_read;
	/** @host_written: Bytes of host memory written. */
	uint64_t host_written;
	/** @workgroups: Workgroups run. */
	uint64_t workgroups;
};

/**
 * accel_profile_read() - read a record
 * @profile: record of a launch that has been waited for
 * @data: filled; @data->size must be set
 *
 * Return: 0, or -ENODATA if no launch has written the record.
 */
int accel_profile_read(struct accel_profile *profile, struct accel_profile_data *data);

/* ---- Traces ------------------------------------------------------------------------------------- */

/** enum accel_trace_kind - what a record of a trace is about */
enum accel_trace_kind {
	/** @ACCEL_TRACE_LAUNCH: A kernel, by its name. */
	ACCEL_TRACE_LAUNCH = 0,
	/** @ACCEL_TRACE_COPY: A copy between buffers. */
	ACCEL_TRACE_COPY = 1,
	/** @ACCEL_TRACE_FILL: A fill. */
	ACCEL_TRACE_FILL = 2,
	/** @ACCEL_TRACE_UPLOAD: An upload; one of much data has several records. */
	ACCEL_TRACE_UPLOAD = 3,
	/** @ACCEL_TRACE_DOWNLOAD: A download, likewise. */
	ACCEL_TRACE_DOWNLOAD = 4,
	/**
	 * @ACCEL_TRACE_GRAPH: A replay of a graph, as a whole. With ACCEL_TRACE_NODES, records of
	 * what it did follow.
	 */
	ACCEL_TRACE_GRAPH = 5,
};

/**
 * ACCEL_TRACE_NODES - record what replays of graphs do, one by one
 *
 * It is queued one by one for that, and does not overlap.
 */
#define ACCEL_TRACE_NODES	0x1u

/** struct accel_trace_options - how a trace is made */
struct accel_trace_options {
	/** @size: sizeof(struct accel_trace_options) */
	size_t size;
	/** @records: How many there can be at most; 0 for 16384. */
	uint64_t records;
	/** @flags: 0 or ACCEL_TRACE_NODES. */
	uint32_t flags;
	/** @reserved: Zero. */
	uint32_t reserved;
};

/**
 * accel_trace_create() - begin to record what all streams of a context do
 * @context: context, which is not traced already
 * @options: NULL for the defaults
 * @trace: the trace on success
 *
 * Each piece of work that is queued from now on gets a record with the times at which it
 * began and ended, launches with a profile too. Work that is traced does not overlap with
 * other work of its stream, and a launch that has a profile of its own has none in the trace.
 * When all records are used, further work is not recorded.
 *
 * Return: 0, or -EBUSY (the context has a trace that was not stopped).
 */
int accel_trace_create(struct accel_context *context, const struct accel_trace_options *options,
		       struct accel_trace **trace);

/** accel_trace_stop() - record no more work; what has been recorded stays */
int accel_trace_stop(struct accel_trace *trace);

/**
 * accel_trace_destroy() - release a trace, and stop it
 *
 * Work that was recorded and has not completed faults: wait for it first.
 */
void accel_trace_destroy(struct accel_trace *trace);

/** accel_trace_count() - number of records so far, in the order of queueing */
size_t accel_trace_count(const struct accel_trace *trace);

/** struct accel_trace_record - a piece of work in a trace */
struct accel_trace_record {
	/** @size: sizeof(struct accel_trace_record) */
	size_t size;
	/** @kind: One of &enum accel_trace_kind. */
	uint32_t kind;
	/** @stream: Number of the stream, from 1 in the order of creation in the context. */
	uint32_t stream;
	/** @name: Of the kernel, or of the buffer that was written; belongs to the trace. */
	const char *name;
	/** @grid: Workgroups of a launch in x, y and z. */
	uint32_t grid[3];
	/** @reserved: Zero. */
	uint32_t reserved;
	/** @bytes: Bytes of a copy, fill, upload or download. */
	uint64_t bytes;
	/** @start_ns: When it began, on the card's clock. */
	uint64_t start_ns;
	/** @end_ns: When it had ended. */
	uint64_t end_ns;
	/** @start_cycles: Modelled cycles of the stream's work before it. */
	uint64_t start_cycles;
	/** @end_cycles: The same with it. */
	uint64_t end_cycles;
};

/**
 * accel_trace_get() - read a record
 * @trace: trace
 * @i: number of the record, from 0
 * @record: filled; @record->size must be set
 *
 * Return: 0; -ENODATA (its work has not completed); -ENOENT (there is no such record).
 */
int accel_trace_get(struct accel_trace *trace, size_t i, struct accel_trace_record *record);

/**
 * accel_trace_get_profile() - read the profile of a launch in a trace
 * @trace: trace
 * @i: number of the record, from 0
 * @data: filled; @data->size must be set
 *
 * Return: as accel_trace_get(); -ENODATA also if it has none.
 */
int accel_trace_get_profile(struct accel_trace *trace, size_t i,
			    struct accel_profile_data *data);

/**
 * accel_trace_write() - write a trace as JSON
 * @trace: trace
 * @fd: where to
 *
 * The form is the "Trace Event Format", which ui.perfetto.dev and chrome://tracing show: the
 * work of each stream by the card's clock, and once more by the chip's performance model.
 * Work that has not completed is left out. On an error, a part may have been written.
 */
int accel_trace_write(struct accel_trace *trace, int fd);

#ifdef __cplusplus
}
#endif

#endif /* ACCEL_ACCEL_H */
