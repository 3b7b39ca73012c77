# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
# The driver for the machine itself: sources for DKMS, and the card's firmware.

srcdir ?= /usr/src
firmwaredir ?= /lib/firmware

DRIVER_VERSION = $(shell awk '$$1 ~ /^\.(major|minor)$$/ { v = v (v == "" ? "" : ".") $$3 + 0 } \
	END { print v }' driver/egret_drv.c)
DRIVER_SOURCES = Kbuild $(shell \
	find driver uapi -name '*.[ch]' -o -name Kbuild -o -name Kconfig -o -name '*.sh')
DRIVER_FOLDER = $(DESTDIR)$(srcdir)/egret-$(DRIVER_VERSION)

.PHONY: install-driver
install-driver: firmware
	$(Q)for file in $(DRIVER_SOURCES); do \
		$(INSTALL) -D -m 644 $$file $(DRIVER_FOLDER)/$$file || exit; done
	sed 's/@version@/$(DRIVER_VERSION)/' packaging/dkms.conf.in >$(DRIVER_FOLDER)/dkms.conf
	$(INSTALL) -D -m 644 $(FW_IMAGE) $(DESTDIR)$(firmwaredir)/egret/$(notdir $(FW_IMAGE))
