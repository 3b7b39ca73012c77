// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <egret/mmu.h>
#include <egret/pci.h>
#include <egret/regs.h>

#include "log.h"

/* ---- Tables of numbers ---- */

uint32_t sim_table_add(struct sim_table *table, void *object)
{
	void **slots;
	uint32_t i;

	for (i = 0; i < table->count; i++) {
		if (!table->slots[i]) {
			table->slots[i] = object;
			return i + 1;
		}
	}
	slots = realloc(table->slots, (table->count + 1) * sizeof(*slots));
	if (!slots)
		return 0;
	table->slots = slots;
	slots[table->count++] = object;
	return table->count;
}

void *sim_table_get(const struct sim_table *table, uint32_t number)
{
	return number && number <= table->count ? table->slots[number - 1] : NULL;
}

void *sim_table_take(struct sim_table *table, uint32_t number)
{
	void *object = sim_table_get(table, number);

	if (object)
		table->slots[number - 1] = NULL;
	return object;
}

/* ---- Registers ---- */

uint32_t sim_read(struct backend_device *dev, uint32_t reg)
{
	return egret_model_reg_read(dev->model, reg, 4);
}

uint64_t sim_read64(struct backend_device *dev, uint32_t reg)
{
	return egret_model_reg_read(dev->model, reg, 8);
}

void sim_write(struct backend_device *dev, uint32_t reg, uint32_t value)
{
	egret_model_reg_write(dev->model, reg, value, 4);
}

void sim_write64(struct backend_device *dev, uint32_t reg, uint64_t value)
{
	egret_model_reg_write(dev->model, reg, value, 8);
}

/* ---- What the model calls ---- */

/*
 * The PCIe address of system memory is its address in this process. Page tables name only
 * buffers, and those live as long as they are bound, so there is nothing to check here.
 */
static int read_system(void *opaque, uint64_t addr, void *buf, size_t size)
{
	const void *from = (const void *)(uintptr_t)addr;
	uint64_t word;
	uint32_t half;

	(void)opaque;
	/* Words that the program and the card share must not be seen half written. The
	 * model's side of it may lie anywhere. */
	if (size == 8 && addr % 8 == 0) {
		word = __atomic_load_n((const uint64_t *)from, __ATOMIC_ACQUIRE);
		memcpy(buf, &word, sizeof(word));
	} else if (size == 4 && addr % 4 == 0) {
		half = __atomic_load_n((const uint32_t *)from, __ATOMIC_ACQUIRE);
		memcpy(buf, &half, sizeof(half));
	} else {
		memcpy(buf, from, size);
	}
	return 0;
}

static int write_system(void *opaque, uint64_t addr, const void *buf, size_t size)
{
	void *to = (void *)(uintptr_t)addr;
	uint64_t word;
	uint32_t half;

	(void)opaque;
	if (size == 8 && addr % 8 == 0) {
		memcpy(&word, buf, sizeof(word));
		__atomic_store_n((uint64_t *)to, word, __ATOMIC_RELEASE);
	} else if (size == 4 && addr % 4 == 0) {
		memcpy(&half, buf, sizeof(half));
		__atomic_store_n((uint32_t *)to, half, __ATOMIC_RELEASE);
	} else {
		memcpy(to, buf, size);
	}
	return 0;
}

/* Repeated messages need no care: the handler looks at all that may have come. */
static void come_interrupt(void *opaque, unsigned int vector, unsigned int times)
{
	struct backend_device *dev = opaque;

	(void)times;
	if (vector != EGRET_VECTOR_FAULT && !pthread_mutex_trylock(&dev->lock)) {
		sim_advance(dev);
		sim_unlock(dev);
		return;
	}
	pthread_mutex_lock(&dev->irq_lock);
	dev->irqs |= 1u << vector;
	pthread_cond_signal(&dev->irq_come);
	pthread_mutex_unlock(&dev->irq_lock);
}

static uint64_t time_ns(void *opaque)
{
	struct timespec now;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void log_line(void *opaque, enum egret_log_level level, const char *text)
{
	(void)opaque;
	accel_log(level == EGRET_LOG_ERROR ? ACCEL_LOG_WARNING : ACCEL_LOG_DEBUG, "simulator: %s",
		  text);
}

static const struct egret_model_ops model_ops = {
	.read = read_system,
	.write = write_system,
	.interrupt = come_interrupt,
	.time_ns = time_ns,
	.log = log_line,
};

/* ---- The device's thread: interrupts ---- */

static void *serve_interrupts(void *opaque)
{
	struct backend_device *dev = opaque;
	uint32_t irqs;

	for (;;) {
		pthread_mutex_lock(&dev->irq_lock);
		while (!dev->irqs && !dev->stopping)
			pthread_cond_wait(&dev->irq_come, &dev->irq_lock);
		irqs = dev->irqs;
		dev->irqs = 0;
		pthread_mutex_unlock(&dev->irq_lock);
		if (!irqs)
			return NULL;
		pthread_mutex_lock(&dev->lock);
		if (irqs & 1u << EGRET_VECTOR_FAULT)
			sim_handle_faults(dev);
		sim_advance(dev);
		sim_unlock(dev);
	}
}

static void stop_thread(struct backend_device *dev)
{
	pthread_mutex_lock(&dev->irq_lock);
	dev->stopping = true;
	pthread_cond_signal(&dev->irq_come);
	pthread_mutex_unlock(&dev->irq_lock);
	pthread_join(dev->thread, NULL);
}

/* ---- Opening ---- */

/* A number, with a unit if it is a size in MiB: "64", "2G". */
static int parse_number(const char **text, bool size, uint64_t *value)
{
	char *end;

	if (**text < '0' || **text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoull(*text, &end, 10);
	/* Zero would stand for the default. */
	if (errno || !*value || *value > 1 << 20)
		return -EINVAL;
	if (size) {
		bool unit = *end && strchr("KMG", *end);

		*value <<= !unit || *end == 'M' ? 20 : *end == 'K' ? 10 : 30;
		end += unit;
	}
	*text = end;
	return *end && *end != ',' ? -EINVAL : 0;
}

/* ":vram=2G,clusters=2": device memory in MiB if there is no unit, number of clusters. */
static int parse_options(const char *text, struct egret_model_config *config)
{
	uint64_t value = 0;
	int ret = 0;

	while (!ret && *text) {
		text++;		/* the colon, or a comma */
		if (!strncmp(text, "vram=", 5)) {
			text += 5;
			ret = parse_number(&text, true, &config->vram_size);
		} else if (!strncmp(text, "clusters=", 9)) {
			text += 9;
			ret = parse_number(&text, false, &value);
			config->clusters = value;
		} else {
			ret = -EINVAL;
		}
	}
	return ret;
}

static int make_state(struct backend_device *dev)
{
	pthread_condattr_t monotonic;
	uint32_t limits = sim_read(dev, EGRET_REG_LIMITS);
	uint32_t revision = sim_read(dev, EGRET_REG_REVISION);

	dev->vram = egret_model_vram(dev->model);
	dev->vram_size = egret_model_vram_size(dev->model);
	dev->queue_count = limits & EGRET_LIMITS_QUEUES_MASK;
	dev->context_count = (limits & EGRET_LIMITS_CONTEXTS_MASK) >> 16;
	snprintf(dev->version, sizeof(dev->version), "%u.%u", revision >> 16, revision & 0xffff);
	pthread_mutex_init(&dev->irq_lock, NULL);
	pthread_cond_init(&dev->irq_come, NULL);
	pthread_mutex_init(&dev->lock, NULL);
	dev->fences_woken = -1;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&dev->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	dev->contexts = calloc(dev->context_count, sizeof(*dev->contexts));
	dev->hw_queues = calloc(dev->queue_count, sizeof(*dev->hw_queues));
	if (!dev->contexts || !dev->hw_queues)
		return -ENOMEM;
	return accel_ranges_init(&dev->vram_free, 0, dev->vram_size);
}

static void free_device(struct backend_device *dev)
{
	egret_model_destroy(dev->model);
	sim_free_jobs(dev);
	accel_ranges_fini(&dev->vram_free);
	free(dev->contexts);
	free(dev->hw_queues);
	free(dev->bos.slots);
	free(dev->vms.slots);
	free(dev->fences_by_handle.slots);
	free(dev);
}

static int sim_open(const char *options, struct backend_device **out)
{
	struct egret_model_config config = { .size = sizeof(config), .serial = 1 };
	struct backend_device *dev;
	int ret;

	ret = parse_options(options, &config);
	if (ret)
		return ret;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	ret = egret_model_create(&config, &model_ops, dev, &dev->model);
	if (ret == 0)
		ret = make_state(dev);
	if (ret == 0)
		ret = -pthread_create(&dev->thread, NULL, serve_interrupts, dev);
	if (ret) {
		free_device(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

static void sim_close(struct backend_device *dev)
{
	uint32_t i;

	/* Whatever is left, as the kernel does when a file is closed. */
	sim_fences_stop(dev);
	sim_queues_destroy(dev);
	for (i = 1; i <= dev->vms.count; i++)
		sim_vm_destroy(dev, i);
	for (i = 1; i <= dev->bos.count; i++)
		sim_bo_destroy(dev, i);
	for (i = 1; i <= dev->fences_by_handle.count; i++)
		sim_fence_destroy(dev, i);
	stop_thread(dev);
	free_device(dev);
}

/*
 * The child's copy of the simulator has no threads, and locks that nobody will unlock. Its
 * memory stays until the child ends; most of it is shared with the parent.
 */
static void sim_abandon(struct backend_device *dev)
{
	(void)dev;
}

static const char *sim_version(struct backend_device *dev)
{
	return dev->version;
}

/* ---- Facts ---- */

static void fill_device(struct backend_device *dev, struct drm_egret_device_info *info)
{
	uint32_t units = sim_read(dev, EGRET_REG_UNITS);

	info->chip_revision = sim_read(dev, EGRET_REG_REVISION);
	info->clusters = units & EGRET_UNITS_CLUSTERS_MASK;
	info->copy_engines = (units & EGRET_UNITS_COPY_ENGINES_MASK) >> 8;
	info->queues = dev->queue_count;
	info->contexts = dev->context_count;
	info->scratch_size = sim_read(dev, EGRET_REG_SCRATCH_SIZE);
	info->core_clock_khz = sim_read(dev, EGRET_REG_CORE_CLOCK);
	info->mem_bandwidth_mbs = sim_read(dev, EGRET_REG_MEM_BANDWIDTH);
	info->vram_size = dev->vram_size;
	info->vram_visible = dev->vram_size;
	info->va_start = EGRET_VA_MIN;
	info->va_end = SIM_VA_USER_END;
	info->page_size = SIM_PAGE;
	info->large_page_size = 1u << EGRET_MMU_LARGE_SHIFT;
	info->serial = sim_read64(dev, EGRET_REG_SERIAL);
	info->firmware_version = sim_read(dev, EGRET_REG_FW_VERSION);
}

static void fill_memory(struct backend_device *dev, struct drm_egret_memory_info *info)
{
	pthread_mutex_lock(&dev->lock);
	info->vram_total = dev->vram_size;
	info->vram_used = dev->vram_size - accel_ranges_free(&dev->vram_free);
	info->vram_used_by_driver = dev->table_bytes;
	sim_unlock(dev);
}

static void fill_counters(struct backend_device *dev, struct drm_egret_counters *counters)
{
	counters->cycles = sim_read64(dev, EGRET_REG_CNT_CYCLES);
	counters->packets = sim_read64(dev, EGRET_REG_CNT_PACKETS);
	counters->dispatches = sim_read64(dev, EGRET_REG_CNT_DISPATCHES);
	counters->workgroups = sim_read64(dev, EGRET_REG_CNT_WORKGROUPS);
	counters->vram_read = sim_read64(dev, EGRET_REG_CNT_VRAM_READ);
	counters->vram_write = sim_read64(dev, EGRET_REG_CNT_VRAM_WRITE);
	counters->host_read = sim_read64(dev, EGRET_REG_CNT_HOST_READ);
	counters->host_write = sim_read64(dev, EGRET_REG_CNT_HOST_WRITE);
	counters->macs = sim_read64(dev, EGRET_REG_CNT_MACS);
	counters->instructions = sim_read64(dev, EGRET_REG_CNT_INSTRUCTIONS);
	counters->interrupts = sim_read64(dev, EGRET_REG_CNT_INTERRUPTS);
	counters->faults = sim_read64(dev, EGRET_REG_CNT_FAULTS);
}

/* No firmware runs on the simulated card. */
static void fill_sensors(struct backend_device *dev, struct drm_egret_sensors *sensors)
{
	sensors->voltage = sim_read(dev, EGRET_REG_VOLTAGE);
	sensors->clock = sim_read(dev, EGRET_REG_CORE_CLOCK);
	sensors->pstate = sim_read(dev, EGRET_REG_PSTATE);
	sensors->time = sim_read64(dev, EGRET_REG_TIME);
	sensors->energy = sim_read64(dev, EGRET_REG_ENERGY);
	sensors->ecc_corrected = sim_read64(dev, EGRET_REG_ECC_CORRECTED);
	sensors->ecc_uncorrected = sim_read64(dev, EGRET_REG_ECC_UNCORRECTED);
	sensors->ecc_address = sim_read64(dev, EGRET_REG_ECC_ADDR);
}

static int sim_query(struct backend_device *dev, uint32_t query, void *answer, uint32_t size)
{
	union {
		struct drm_egret_device_info device;
		struct drm_egret_memory_info memory;
		struct drm_egret_counters counters;
		struct drm_egret_sensors sensors;
	} full;

	memset(&full, 0, sizeof(full));
	switch (query) {
	case DRM_EGRET_QUERY_DEVICE:
		fill_device(dev, &full.device);
		break;
	case DRM_EGRET_QUERY_MEMORY:
		fill_memory(dev, &full.memory);
		break;
	case DRM_EGRET_QUERY_COUNTERS:
		fill_counters(dev, &full.counters);
		break;
	case DRM_EGRET_QUERY_SENSORS:
		fill_sensors(dev, &full.sensors);
		break;
	default:
		return -EINVAL;
	}
	memset(answer, 0, size);
	memcpy(answer, &full, size < sizeof(full) ? size : sizeof(full));
	return 0;
}

const struct backend accel_backend_sim = {
	.name = "sim",
	.open = sim_open,
	.close = sim_close,
	.abandon = sim_abandon,
	.version = sim_version,
	.query = sim_query,
	.bo_create = sim_bo_create,
	.bo_destroy = sim_bo_destroy,
	.bo_map = sim_bo_map,
	.bo_unmap = sim_bo_unmap,
	.bo_export = sim_bo_export,
	.bo_import = sim_bo_import,
	.vm_create = sim_vm_create,
	.vm_destroy = sim_vm_destroy,
	.vm_bind = sim_vm_bind,
	.queue_create = sim_queue_create,
	.queue_destroy = sim_queue_destroy,
	.queue_query = sim_queue_query,
	.exec = sim_exec,
	.queue_wait = sim_queue_wait,
	.queue_fd = sim_queue_fd,
	.fence_import = sim_fence_import,
	.fence_destroy = sim_fence_destroy,
};
