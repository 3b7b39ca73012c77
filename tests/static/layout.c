/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The layouts that hardware, driver, model, kernels and libraries share, pinned:
 * sizes and the offsets that a change would be likely to move. It is compiled, never
 * run, by tests/static/layout: as C and C++, for 64 and 32 bits, for the host and for
 * the chip's harts. A number here may only change together with a revision of the
 * interface.
 */
#include <stddef.h>

#include <egret/fault.h>
#include <egret/firmware.h>
#include <egret/isa.h>
#include <egret/mc.h>
#include <egret/mmu.h>
#include <egret/module.h>
#include <egret/packet.h>
#include <egret/pci.h>
#include <egret/regs.h>
#include <egret/tile.h>

#ifdef LAYOUT_DRM
#include <drm/egret_accel.h>
#endif

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

#define SIZE(tag, bytes) \
	_Static_assert(sizeof(struct tag) == (bytes), "size of struct " #tag)
#define OFFSET(tag, member, bytes) \
	_Static_assert(offsetof(struct tag, member) == (bytes), "offset of " #tag "." #member)
#define VALUE(name, number) _Static_assert((name) == (number), "value of " #name)

/* Types: what every layout stands on. */
_Static_assert(sizeof(__u8) == 1 && sizeof(__le16) == 2 && sizeof(__le32) == 4 &&
	       sizeof(__le64) == 8, "types");

/* Packets: 64 bytes each, whatever the machine. */
_Static_assert(sizeof(union egret_packet) == EGRET_PACKET_SIZE, "size of a packet");
SIZE(egret_pkt_header, 4);
SIZE(egret_pkt_nop, 64);
SIZE(egret_pkt_fence, 64);
OFFSET(egret_pkt_fence, addr, 8);
OFFSET(egret_pkt_fence, value, 16);
SIZE(egret_pkt_wait, 64);
OFFSET(egret_pkt_wait, addr, 8);
OFFSET(egret_pkt_wait, value, 16);
SIZE(egret_pkt_copy, 64);
OFFSET(egret_pkt_copy, src, 8);
OFFSET(egret_pkt_copy, dst, 16);
OFFSET(egret_pkt_copy, size, 24);
SIZE(egret_pkt_copy_rect, 64);
OFFSET(egret_pkt_copy_rect, width, 4);
OFFSET(egret_pkt_copy_rect, rows, 24);
OFFSET(egret_pkt_copy_rect, slices, 28);
OFFSET(egret_pkt_copy_rect, src_pitch, 32);
OFFSET(egret_pkt_copy_rect, dst_slice, 56);
SIZE(egret_pkt_fill, 64);
OFFSET(egret_pkt_fill, width, 4);
OFFSET(egret_pkt_fill, pattern, 24);
SIZE(egret_pkt_dispatch, 64);
OFFSET(egret_pkt_dispatch, args_size, 4);
OFFSET(egret_pkt_dispatch, entry, 8);
OFFSET(egret_pkt_dispatch, args, 16);
OFFSET(egret_pkt_dispatch, grid, 24);
OFFSET(egret_pkt_dispatch, profile, 40);
OFFSET(egret_pkt_dispatch, cookie, 48);
SIZE(egret_pkt_call, 64);
OFFSET(egret_pkt_call, count, 4);
OFFSET(egret_pkt_call, addr, 8);
SIZE(egret_pkt_timestamp, 64);
OFFSET(egret_pkt_timestamp, addr, 8);
SIZE(egret_timestamp, 16);
SIZE(egret_profile, 128);
OFFSET(egret_profile, macs, 64);
OFFSET(egret_profile, workgroups, 104);

/* Descriptors. */
SIZE(egret_dma_loop, 24);
SIZE(egret_dma_axis, 8);
SIZE(egret_dma_desc, 192);
OFFSET(egret_dma_desc, fill, 16);
OFFSET(egret_dma_desc, flags, 24);
OFFSET(egret_dma_desc, loop, 32);
OFFSET(egret_dma_desc, axis, 152);
SIZE(egret_matmul_desc, 128);
OFFSET(egret_matmul_desc, m, 16);
OFFSET(egret_matmul_desc, a_type, 64);
OFFSET(egret_matmul_desc, flags, 68);
OFFSET(egret_matmul_desc, scale, 72);
OFFSET(egret_matmul_desc, a_scale, 92);
OFFSET(egret_matmul_desc, a_block, 108);
OFFSET(egret_matmul_desc, a_scale_type, 116);
OFFSET(egret_matmul_desc, steps, 118);
SIZE(egret_matmul_step, 16);
OFFSET(egret_matmul_step, value, 4);
OFFSET(egret_matmul_step, batch, 12);
SIZE(egret_map_desc, 144);
OFFSET(egret_map_desc, flags, 6);
OFFSET(egret_map_desc, dims, 8);
OFFSET(egret_map_desc, out, 28);
OFFSET(egret_map_desc, out_stride, 44);
OFFSET(egret_map_desc, index, 124);
SIZE(egret_reduce_desc, 80);
OFFSET(egret_reduce_desc, flags, 4);
OFFSET(egret_reduce_desc, dims, 8);
OFFSET(egret_reduce_desc, out_stride, 36);
SIZE(egret_quant_desc, 64);
OFFSET(egret_quant_desc, rows, 4);
OFFSET(egret_quant_desc, block_step, 36);

/* Firmware and mailbox. */
SIZE(egret_fw_header, 160);
OFFSET(egret_fw_header, digest, 32);
OFFSET(egret_fw_header, key_id, 84);
OFFSET(egret_fw_header, signature, 96);
SIZE(egret_mbx_header, 16);
SIZE(egret_mbx_hello, 76);
OFFSET(egret_mbx_hello, clock_khz, 44);
SIZE(egret_mbx_sensors, 48);
OFFSET(egret_mbx_sensors, energy, 24);
SIZE(egret_mbx_value, 24);
SIZE(egret_mbx_log_entry, 16);
SIZE(egret_mbx_log, EGRET_MBX_BYTES);
OFFSET(egret_mbx_log, entry, 32);
SIZE(egret_mbx_event, 32);

/* Modules. */
SIZE(egret_kernel_info, 96);
OFFSET(egret_kernel_info, entry, 8);
OFFSET(egret_kernel_info, name, 24);

/* Numbers that software has written down elsewhere: on paper, in compiled kernels. */
VALUE(EGRET_REG_ID, 0x0);
VALUE(EGRET_REG_STATE, 0x1004);
VALUE(EGRET_REG_FAULT_PENDING(31), 0x217c);
VALUE(EGRET_REG_CONTEXT(1023), 0x9ff8);
VALUE(EGRET_REG_CLUSTER(15, EGRET_CL_DMA_BUSY), 0x12f28);
VALUE(EGRET_REG_QUEUE(1023, EGRET_Q_PROGRESS), 0x5ffe8);
_Static_assert(EGRET_REG_QUEUE(EGRET_MAX_QUEUES, 0) <= EGRET_BAR_REGS_SIZE, "queues in BAR0");
_Static_assert(EGRET_MSIX_TABLE_OFFSET + 16 * EGRET_MSIX_VECTORS <= EGRET_MSIX_PBA_OFFSET,
	       "MSI-X table and PBA");
_Static_assert(EGRET_REG_CONTEXT(EGRET_MAX_CONTEXTS) <= EGRET_MSIX_TABLE_OFFSET, "contexts");
VALUE(EGRET_PTE_ACCESS_MASK, 0xe);
VALUE(EGRET_MMU_LEVEL_SHIFT(3), 39);
VALUE(EGRET_LOCAL_SCRATCH_END, EGRET_LOCAL_SCRATCH + EGRET_SCRATCH_SIZE);
VALUE(EGRET_LOCAL_ARGS, EGRET_LOCAL_SCRATCH_END - EGRET_ARGS_SIZE_MAX);
VALUE(EGRET_LOCAL_STACK_LIMIT, EGRET_LOCAL_ARGS - EGRET_STACK_SIZE);
VALUE(EGRET_MC_SRAM_KEPT + EGRET_MC_SRAM_KEPT_SIZE, EGRET_MC_SRAM + EGRET_MC_SRAM_SIZE);
VALUE(EGRET_MATMUL_FLAGS & (EGRET_MATMUL_FLAGS + 1), 0);
VALUE(EGRET_TYPE_COUNT, 15);

#ifdef LAYOUT_DRM
/* The driver's interface: the same for 32-bit programs on a 64-bit kernel. */
SIZE(drm_egret_array, 16);
SIZE(drm_egret_sync, 16);
SIZE(drm_egret_dev_query, 16);
SIZE(drm_egret_device_info, 88);
OFFSET(drm_egret_device_info, vram_size, 32);
SIZE(drm_egret_memory_info, 24);
SIZE(drm_egret_counters, 96);
SIZE(drm_egret_sensors, 96);
OFFSET(drm_egret_sensors, time, 56);
SIZE(drm_egret_bo_create, 24);
SIZE(drm_egret_bo_mmap_offset, 16);
SIZE(drm_egret_vm_create, 8);
SIZE(drm_egret_vm_destroy, 8);
SIZE(drm_egret_bind_op, 40);
SIZE(drm_egret_vm_bind, 40);
SIZE(drm_egret_queue_create, 24);
SIZE(drm_egret_queue_destroy, 8);
SIZE(drm_egret_queue_query, 88);
OFFSET(drm_egret_queue_query, fault_addr, 24);
OFFSET(drm_egret_queue_query, jobs_submitted, 64);
SIZE(drm_egret_call, 16);
SIZE(drm_egret_exec, 40);
SIZE(drm_egret_queue_wait, 24);
SIZE(drm_egret_queue_export, 24);
SIZE(drm_egret_event, 56);
OFFSET(drm_egret_event, addr, 32);
#endif
