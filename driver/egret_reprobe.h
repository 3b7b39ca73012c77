/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_REPROBE_H
#define EGRET_REPROBE_H

#include <linux/types.h>

struct pci_dev;

int egret_reprobe_module_init(void);
void egret_reprobe_module_exit(void);
int egret_reprobe_prepare(struct pci_dev *pdev);
bool egret_reprobe_allowed(struct pci_dev *pdev);
void egret_reprobe_start(struct pci_dev *pdev);

#endif /* EGRET_REPROBE_H */
