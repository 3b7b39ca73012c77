# SPDX-License-Identifier: MIT
#
# The only devices that the emulated machine has beside the card. Everything
# that QEMU builds by default and that no test of ours touches is left out,
# because it would double the build time.

CONFIG_Q35=y
CONFIG_VTD=y
CONFIG_PCIE_PORT=y
CONFIG_XIO3130=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_9P=y
CONFIG_NVME_PCI=y
CONFIG_SERIAL_ISA=y
CONFIG_ISA_DEBUG=y
CONFIG_PVPANIC_PCI=y
CONFIG_EDU=y
CONFIG_PCI_TESTDEV=y
