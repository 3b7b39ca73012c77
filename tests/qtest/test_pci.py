#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The PCI Express function: identity, BARs, capabilities, MSI-X, power states.

Specification: Documentation/hardware/pci.rst
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import check_works
from layout import egret
from qtest import equal

MIB = 1 << 20
BAR0, BAR2, BAR4 = egret.BAR_REGS, egret.BAR_VRAM, egret.BAR_DOORBELL
COMMAND, STATUS = 0x04, 0x06
ALL_ONES = (1 << 64) - 1

EXT_CAP_SERIAL = 0x0003


def raise_test_interrupt(card):
    """Raise the management vector, by the cause that exists for that."""
    card.writel(BAR0, egret.REG_IRQ_STATUS, egret.IRQ_TEST)
    card.writel(BAR0, egret.REG_IRQ_ENABLE, egret.IRQ_TEST)
    card.writel(BAR0, egret.REG_IRQ_TEST, egret.IRQ_TEST)


def pending(card, vector):
    return card.readq(BAR0, egret.MSIX_PBA_OFFSET) >> vector & 1


def test_identity():
    with qtest.Machine() as machine:
        card = machine.card()
        equal(card.config_readw(0x00), egret.PCI_VENDOR_ID, 'vendor')
        equal(card.config_readw(0x02), egret.PCI_DEVICE_ID, 'device')
        equal(card.config_readb(0x08), egret.PCI_REVISION, 'revision')
        equal(card.config_readl(0x08) >> 16, egret.PCI_CLASS, 'class')
        equal(card.config_readb(0x0e), 0, 'header type')
        equal(card.config_readw(0x2c), egret.PCI_VENDOR_ID, 'subsystem vendor')
        equal(card.config_readw(0x2e), egret.PCI_SUBSYSTEM_ID, 'subsystem')
        equal(card.config_readb(0x3d), 0, 'interrupt pin')


def test_bar_sizes():
    with qtest.Machine(card_opts='vram=64M') as machine:
        card = machine.card()
        equal({bar: size for bar, (_, size) in card.bars.items()},
              {BAR0: egret.BAR_REGS_SIZE, BAR2: 64 * MIB, BAR4: egret.BAR_DOORBELL_SIZE},
              'sizes of the BARs')
        kinds = [card.config_readl(0x10 + 4 * bar) & 0xf for bar in (BAR0, BAR2, BAR4)]
        equal(kinds, [0x4, 0xc, 0x4], 'kinds of the BARs')


def test_capabilities():
    with qtest.Machine(card_opts='serial=0x1122334455667788') as machine:
        card = machine.card()
        pm = card.find_capability(qtest.CAP_PM)
        # Version 3; no PME, no D1, D2.
        equal(card.config_readw(pm + 2), 3, 'power management capabilities')
        equal(card.config_readw(pm + 4), 0, 'power management status')

        express = card.find_capability(qtest.CAP_EXPRESS)
        equal(card.config_readw(express + 2), 2, 'version and type')
        equal(card.config_readl(express + 4) >> 28 & 1, 1, 'FLR capability')
        equal(card.config_readl(express + 0x0c) & 0x3ff, 16 << 4 | 4, 'link: 4.0 x16')
        equal(card.config_readw(express + 0x12) & 0x3ff, 16 << 4 | 4, 'present link')

        msix = card.find_capability(qtest.CAP_MSIX)
        equal(card.config_readw(msix + 2), egret.MSIX_VECTORS - 1, 'MSI-X control')
        equal(card.config_readl(msix + 4), egret.MSIX_TABLE_OFFSET | BAR0, 'MSI-X table')
        equal(card.config_readl(msix + 8), egret.MSIX_PBA_OFFSET | BAR0, 'MSI-X PBA')

        equal(card.find_extended_capability(qtest.EXT_CAP_AER) >= 0x100, True, 'AER')
        serial = card.find_extended_capability(EXT_CAP_SERIAL)
        equal(card.config_readl(serial + 4) | card.config_readl(serial + 8) << 32,
              0x1122334455667788, 'serial number')
        equal(card.readq(BAR0, egret.REG_SERIAL), 0x1122334455667788, 'serial register')


def test_advanced_errors():
    """Injected PCI Express errors are recorded, cleared by writing, and harm no work."""
    with qtest.Machine() as machine:
        card = machine.card()
        aer = card.find_extended_capability(qtest.EXT_CAP_AER)

        def inject(name):
            return machine.qmp('human-monitor-command',
                               **{'command-line': f'pcie_aer_inject_error egret0 {name}'})

        equal((card.config_readl(aer + 4), card.config_readl(aer + 0x10)), (0, 0), 'no errors')
        # All errors are to be recorded: advisory ones are masked at reset.
        card.config_writel(aer + 8, 0)
        card.config_writel(aer + 0x14, 0)
        for name, offset, bit in (('BAD_TLP', 0x10, 6), ('RCVR', 0x10, 0), ('COMP_TIME', 4, 14),
                                  ('POISON_TLP', 4, 12), ('MALF_TLP', 4, 18)):
            text = inject(name)
            equal(text.startswith('OK'), True, text)
            equal(card.config_readl(aer + offset) >> bit & 1, 1, name)
            card.config_writel(aer + offset, 1 << bit)
            equal(card.config_readl(aer + offset) >> bit & 1, 0, f'{name} is cleared')
        check_works(card)
        inject('COMP_TIME')
        card.function_level_reset()
        card.assign_bars()
        equal(card.config_readl(aer + 4) >> 14 & 1, 1, 'what was recorded survives an FLR')


def test_read_only_config():
    with qtest.Machine() as machine:
        card = machine.card()
        for offset in (0x00, 0x08, 0x2c, 0x34):
            before = card.config_readl(offset)
            card.config_writel(offset, before ^ 0xffffffff)
            equal(card.config_readl(offset), before, f'configuration word {offset:#x}')


def test_bars_move():
    """Contents go with the BAR, and nothing is left at the old address."""
    with qtest.Machine(card_opts='vram=64M') as machine:
        card = machine.card()
        card.writel(BAR0, egret.REG_TEST, 0x12345678)
        card.writeq(BAR2, 0x1000, 0x1122334455667788)
        old = dict(card.bars)
        new = {BAR0: qtest.LOW_WINDOW + 0x2000000, BAR2: qtest.HIGH_WINDOW + (8 << 30),
               BAR4: qtest.LOW_WINDOW + 0x3000000}
        for bar, address in new.items():
            card.config_writel(0x10 + 4 * bar, address & 0xffffffff)
            card.config_writel(0x14 + 4 * bar, address >> 32)
            card.bars[bar] = (address, old[bar][1])
        equal(card.readl(BAR0, egret.REG_TEST), 0x12345678, 'register')
        equal(card.readq(BAR2, 0x1000), 0x1122334455667788, 'device memory')
        machine.writel(old[BAR0][0] + egret.REG_TEST, 0xdeadbeef)
        machine.writeq(old[BAR2][0] + 0x1000, 0)
        equal(card.readl(BAR0, egret.REG_TEST), 0x12345678, 'register')
        equal(card.readq(BAR2, 0x1000), 0x1122334455667788, 'device memory')


def test_memory_space_off():
    with qtest.Machine() as machine:
        card = machine.card()
        card.writel(BAR0, egret.REG_TEST, 1)
        card.writel(BAR2, 0, 1)
        card.config_writew(COMMAND, 0x4)
        card.writel(BAR0, egret.REG_TEST, 2)
        card.writel(BAR2, 0, 2)
        card.config_writew(COMMAND, 0x6)
        equal(card.readl(BAR0, egret.REG_TEST), 1, 'register')
        equal(card.readl(BAR2, 0), 1, 'device memory')


def test_vram():
    """All of it is there, and what the BAR has beyond it is not."""
    size = 6 * MIB
    with qtest.Machine(card_opts='vram=6M') as machine:
        card = machine.card()
        equal(card.bars[BAR2][1], 8 * MIB, 'size of the BAR')
        equal(card.readq(BAR0, egret.REG_VRAM_SIZE), size, 'size register')
        equal(card.memread(BAR2, 0, size), bytes(size), 'new device memory')
        pattern = bytes(range(256)) * 16
        for offset in (0, 0x12340, size - len(pattern)):
            card.memwrite(BAR2, offset, pattern)
            equal(card.memread(BAR2, offset, len(pattern)), pattern, 'device memory')
        card.writeq(BAR2, size, 0)
        equal(card.readq(BAR2, size), ALL_ONES, 'above the end')
        equal(card.readq(BAR2, 0), int.from_bytes(pattern[:8], 'little'), 'beginning')


def test_msix_delivery():
    with qtest.Machine() as machine:
        card = machine.card()
        equal(card.enable_msix(), egret.MSIX_VECTORS, 'vectors')
        raise_test_interrupt(card)
        card.wait_msix(egret.VECTOR_MANAGEMENT)
        equal(card.readl(BAR0, egret.REG_IRQ_STATUS), egret.IRQ_TEST, 'cause')
        equal(pending(card, egret.VECTOR_MANAGEMENT), 0, 'pending bit')


def test_msix_table_reset_value():
    with qtest.Machine() as machine:
        card = machine.card()
        for vector in range(egret.MSIX_VECTORS):
            entry = egret.MSIX_TABLE_OFFSET + 16 * vector
            equal(card.readq(BAR0, entry), 0, 'message address')
            equal(card.readl(BAR0, entry + 12), 1, 'vector control')


def test_msix_masked_vector():
    """A masked vector becomes pending, and is sent when it is unmasked."""
    with qtest.Machine() as machine:
        card = machine.card()
        card.enable_msix()
        card.mask_msix(egret.VECTOR_MANAGEMENT)
        raise_test_interrupt(card)
        qtest.wait_until(lambda: pending(card, egret.VECTOR_MANAGEMENT), 'the pending bit')
        equal(card.take_msix(egret.VECTOR_MANAGEMENT), False, 'message while masked')
        card.mask_msix(egret.VECTOR_MANAGEMENT, False)
        equal(card.take_msix(egret.VECTOR_MANAGEMENT), True, 'message after unmasking')
        equal(pending(card, egret.VECTOR_MANAGEMENT), 0, 'pending bit')


def test_msix_masked_function():
    with qtest.Machine() as machine:
        card = machine.card()
        card.enable_msix()
        msix = card.find_capability(qtest.CAP_MSIX)
        card.config_writew(msix + 2, 0xc000)
        raise_test_interrupt(card)
        qtest.wait_until(lambda: pending(card, egret.VECTOR_MANAGEMENT), 'the pending bit')
        equal(card.take_msix(egret.VECTOR_MANAGEMENT), False, 'message while masked')
        card.config_writew(msix + 2, 0x8000)
        equal(card.take_msix(egret.VECTOR_MANAGEMENT), True, 'message after unmasking')


def test_msix_pba_is_read_only():
    with qtest.Machine() as machine:
        card = machine.card()
        card.enable_msix()
        card.writel(BAR0, egret.MSIX_PBA_OFFSET, 0xffffffff)
        equal(card.readq(BAR0, egret.MSIX_PBA_OFFSET), 0, 'pending bits')


def test_d3hot_does_not_answer():
    with qtest.Machine(card_opts='vram=64M') as machine:
        card = machine.card()
        card.writel(BAR0, egret.REG_TEST, 0x1234)
        card.set_power_state(3)
        equal(card.config_readw(0), egret.PCI_VENDOR_ID, 'configuration space')
        places = ((BAR0, egret.REG_ID), (BAR0, egret.REG_TEST),
                  (BAR0, egret.MSIX_TABLE_OFFSET), (BAR0, egret.MSIX_PBA_OFFSET),
                  (BAR2, 0), (BAR2, 32 * MIB), (BAR4, 0))
        for bar, offset in places:
            equal(card.readl(bar, offset), 0xffffffff, f'BAR {bar} offset {offset:#x}')
            equal(card.readq(bar, offset), ALL_ONES, f'BAR {bar} offset {offset:#x}')
            equal(card.readb(bar, offset), 0xff, f'BAR {bar} offset {offset:#x}')
        for bar, offset in places:
            card.writel(bar, offset, 0)
        equal(card.readl(BAR0, egret.REG_TEST), 0xffffffff, 'register')


def test_d3hot_resets():
    """Coming back, the function is as after a reset: chip and configuration."""
    with qtest.Machine(card_opts='vram=64M') as machine:
        card = machine.card()
        card.enable_msix()
        card.writel(BAR0, egret.REG_TEST, 0x1234)
        count = card.readl(BAR0, egret.REG_RESET_COUNT)
        card.set_power_state(3)
        card.set_power_state(0)
        equal(card.config_readw(COMMAND), 0, 'command')
        equal([card.config_readl(0x10 + 4 * bar) & ~0xf for bar in range(6)], [0] * 6, 'BARs')
        equal(card.config_readw(card.find_capability(qtest.CAP_MSIX) + 2) & 0xc000, 0, 'MSI-X')
        card.assign_bars()
        equal(card.readl(BAR0, egret.REG_TEST), 0, 'register')
        equal(card.readl(BAR0, egret.REG_RESET_COUNT), count + 1, 'reset count')
        equal(card.readl(BAR0, egret.MSIX_TABLE_OFFSET + 12), 1, 'MSI-X vector control')


def sleep_and_wake(machine, keep):
    card = machine.card()
    card.writel(BAR0, egret.REG_POWER, egret.POWER_KEEP_VRAM if keep else 0)
    card.memwrite(BAR2, 0x5000, b'here' * 1024)
    card.set_power_state(3)
    card.set_power_state(0)
    card.assign_bars()
    kept = card.readl(BAR0, egret.REG_STATE) & egret.STATE_VRAM_KEPT
    return bool(kept), card.memread(BAR2, 0x5000, 4096)


def test_d3hot_keeps_vram():
    with qtest.Machine(card_opts='vram=64M') as machine:
        equal(sleep_and_wake(machine, True), (True, b'here' * 1024), 'state and memory')


def test_d3hot_loses_vram():
    with qtest.Machine(card_opts='vram=64M') as machine:
        equal(sleep_and_wake(machine, False), (False, bytes(4096)), 'state and memory')


def test_d1_and_d2_do_not_exist():
    with qtest.Machine() as machine:
        card = machine.card()
        pm = card.find_capability(qtest.CAP_PM)
        card.writel(BAR0, egret.REG_TEST, 0x1234)
        for state in (1, 2):
            card.config_writew(pm + 4, state)
            equal(card.config_readw(pm + 4) & 3, 0, 'power state')
            equal(card.readl(BAR0, egret.REG_TEST), 0x1234, 'register')
        card.set_power_state(3)
        for state in (1, 2):
            card.config_writew(pm + 4, state)
            equal(card.config_readw(pm + 4) & 3, 3, 'power state')


def test_flr_leaves_d3hot():
    with qtest.Machine() as machine:
        card = machine.card()
        card.set_power_state(3)
        card.function_level_reset()
        equal(card.config_readw(card.find_capability(qtest.CAP_PM) + 4) & 3, 0, 'power state')
        card.assign_bars()
        equal(card.readl(BAR0, egret.REG_ID), egret.ID, 'identity')


def test_two_cards():
    """Nothing that is done to one shows in the other."""
    with qtest.Machine(cards=2, card_opts='vram=64M') as machine:
        first, second = machine.card(0), machine.card(1)
        first.enable_msix()
        second.enable_msix()
        first.writel(BAR0, egret.REG_TEST, 1)
        second.writel(BAR0, egret.REG_TEST, 2)
        first.memwrite(BAR2, 0, b'first')
        second.memwrite(BAR2, 0, b'other')
        raise_test_interrupt(second)
        second.wait_msix(egret.VECTOR_MANAGEMENT)
        equal(first.take_msix(egret.VECTOR_MANAGEMENT), False, "the first card's interrupt")
        equal(first.readl(BAR0, egret.REG_IRQ_STATUS), 0, "the first card's causes")
        second.set_power_state(3)
        equal(first.readl(BAR0, egret.REG_TEST), 1, 'register')
        equal(first.memread(BAR2, 0, 5), b'first', 'device memory')
        second.function_level_reset()
        second.assign_bars()
        equal(second.memread(BAR2, 0, 5), b'other', 'device memory')


if __name__ == '__main__':
    qtest.main()
