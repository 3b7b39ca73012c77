/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_PCI_ERROR_H
#define EGRET_PCI_ERROR_H

struct pci_error_handlers;

extern const struct pci_error_handlers egret_pci_errors;

#endif /* EGRET_PCI_ERROR_H */
