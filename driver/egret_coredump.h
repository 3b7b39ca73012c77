/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_COREDUMP_H
#define EGRET_COREDUMP_H

struct drm_printer;
struct egret_coredump;
struct egret_device;
struct egret_queue;

int egret_coredump_init(struct egret_device *edev);
void egret_coredump_fini(struct egret_device *edev);
void egret_coredump_queue(struct egret_queue *queue, const char *reason);
void egret_coredump_card(struct egret_device *edev, const char *reason);
void egret_coredump_print_registers(struct egret_device *edev, struct drm_printer *p);

#endif /* EGRET_COREDUMP_H */
