#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""How registers and doorbells are accessed: sizes, alignment, rights.

Specification: Documentation/hardware/registers.rst
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from layout import egret
from qtest import equal

BAR0, BAR4 = egret.BAR_REGS, egret.BAR_DOORBELL
VALUE = 0x1122334455667788

# A register of each kind that holds what is written, with no effect at once.
HOLDS_32 = egret.REG_TEST
HOLDS_64 = egret.REG_INV_ADDR


def test_reset_values():
    with qtest.Machine() as machine:
        card = machine.card()
        for name, value in (('ID', egret.ID), ('REVISION', 0x00010000), ('TEST', 0),
                            ('SCRATCH_SIZE', 1 << 20), ('POWER', egret.POWER_KEEP_VRAM),
                            ('IRQ_STATUS', 0), ('IRQ_ENABLE', 0), ('CP_SLICE', 1500000),
                            ('RESET_COUNT', 0)):
            equal(card.readl(BAR0, getattr(egret, 'REG_' + name)), value, name)
        equal(card.readl(BAR0, egret.REG_STATE) & egret.STATE_READY, egret.STATE_READY, 'ready')
        equal(card.readl(BAR0, egret.REG_STATE) & egret.STATE_VRAM_KEPT, 0, 'memory kept')


def test_read_only_registers():
    with qtest.Machine() as machine:
        card = machine.card()
        for name in ('ID', 'REVISION', 'UNITS', 'LIMITS', 'SCRATCH_SIZE', 'FEATURES',
                     'RESET_COUNT'):
            register = getattr(egret, 'REG_' + name)
            before = card.readl(BAR0, register)
            card.writel(BAR0, register, before ^ 0xffffffff)
            equal(card.readl(BAR0, register), before, name)
        for name in ('VRAM_SIZE', 'SERIAL'):
            register = getattr(egret, 'REG_' + name)
            before = card.readq(BAR0, register)
            card.writeq(BAR0, register, before ^ (1 << 64) - 1)
            equal(card.readq(BAR0, register), before, name)


def test_write_only_registers():
    with qtest.Machine() as machine:
        card = machine.card()
        for name in ('RESET', 'IRQ_TEST', 'INV_CMD', 'BOOT_CTRL'):
            register = getattr(egret, 'REG_' + name)
            card.writel(BAR0, register, 0)
            equal(card.readl(BAR0, register), 0, name)


def test_write_one_to_clear():
    with qtest.Machine() as machine:
        card = machine.card()
        causes = egret.IRQ_TEST | egret.IRQ_POWER | egret.IRQ_THERMAL
        card.writel(BAR0, egret.REG_IRQ_TEST, causes)
        equal(card.readl(BAR0, egret.REG_IRQ_STATUS), causes, 'causes')
        card.writel(BAR0, egret.REG_IRQ_STATUS, egret.IRQ_POWER)
        equal(card.readl(BAR0, egret.REG_IRQ_STATUS), causes & ~egret.IRQ_POWER, 'causes')
        card.writel(BAR0, egret.REG_IRQ_STATUS, 0)
        equal(card.readl(BAR0, egret.REG_IRQ_STATUS), causes & ~egret.IRQ_POWER, 'causes')


def test_undefined_causes_do_not_stick():
    with qtest.Machine() as machine:
        card = machine.card()
        card.writel(BAR0, egret.REG_IRQ_TEST, 0xffffffff)
        equal(card.readl(BAR0, egret.REG_IRQ_STATUS), egret.IRQ_ALL, 'causes')


def test_64_bit_at_once():
    with qtest.Machine() as machine:
        card = machine.card()
        card.writeq(BAR0, HOLDS_64, VALUE)
        equal(card.readq(BAR0, HOLDS_64), VALUE, 'register')


def test_64_bit_in_halves():
    """The write of the high half commits both; a read of the low half latches."""
    with qtest.Machine() as machine:
        card = machine.card()
        card.writel(BAR0, HOLDS_64, VALUE & 0xffffffff)
        equal(card.readq(BAR0, HOLDS_64), 0, 'register after half a write')
        card.writel(BAR0, HOLDS_64 + 4, VALUE >> 32)
        equal(card.readq(BAR0, HOLDS_64), VALUE, 'register')
        low = card.readl(BAR0, HOLDS_64)
        high = card.readl(BAR0, HOLDS_64 + 4)
        equal(high << 32 | low, VALUE, 'two halves')


def test_small_and_misaligned_accesses():
    """They read as zero and write nothing."""
    with qtest.Machine() as machine:
        card = machine.card()
        card.writel(BAR0, HOLDS_32, 0xaabbccdd)
        card.writeq(BAR0, HOLDS_64, VALUE)
        for register in (HOLDS_32, HOLDS_64):
            for offset in range(4):
                card.writeb(BAR0, register + offset, 0)
                equal(card.readb(BAR0, register + offset), 0, 'byte')
            for offset in (0, 1, 2):
                card.writew(BAR0, register + offset, 0)
                equal(card.readw(BAR0, register + offset), 0, 'half word')
            for offset in (1, 2, 3):
                card.writel(BAR0, register + offset, 0)
                equal(card.readl(BAR0, register + offset), 0, 'misaligned word')
            for offset in (1, 4, 6):
                card.writeq(BAR0, register + offset, 0)
        equal(card.readl(BAR0, HOLDS_32), 0xaabbccdd, '32-bit register')
        equal(card.readq(BAR0, HOLDS_64), VALUE, '64-bit register')


def test_unlisted_offsets():
    with qtest.Machine() as machine:
        card = machine.card()
        for offset in (0x00f00, 0x00ffc, 0x02ffc, 0x0f000, 0x13f00, egret.BAR_REGS_SIZE - 8,
                       egret.REG_CLUSTER(egret.MAX_CLUSTERS, 0)):
            card.writel(BAR0, offset, 0xffffffff)
            equal(card.readl(BAR0, offset), 0, f'offset {offset:#x}')
            card.writeq(BAR0, offset & ~7, (1 << 64) - 1)
            equal(card.readq(BAR0, offset & ~7), 0, f'offset {offset:#x}')


def test_every_offset_survives():
    """No access of any size to any offset of BAR0 or BAR4's first pages is fatal."""
    with qtest.Machine(card_opts='vram=64M,queues=4') as machine:
        card = machine.card()
        card.config_writew(0x04, 0x2)  # no bus mastering: nobody knows what this starts
        for offset in list(range(0, 0x8000, 4)) + list(range(0x3fff0, 0x40400, 4)):
            card.writel(BAR0, offset, 0xa5a5a5a5)
            card.readl(BAR0, offset)
        for offset in list(range(0, 0x40)) + list(range(0x4000, 0x4040)):
            card.writeq(BAR0, offset, (1 << 64) - 1)
            card.readq(BAR0, offset)
            card.writew(BAR4, offset, 0xffff)
            card.writeq(BAR4, offset, (1 << 64) - 1)
            card.readq(BAR4, offset)
        card.writeq(BAR4, egret.BAR_DOORBELL_SIZE - 8, 1)
        card.function_level_reset()
        card.assign_bars()
        equal(card.readl(BAR0, egret.REG_ID), egret.ID, 'identity')


def test_queue_registers():
    with qtest.Machine(card_opts='vram=64M,queues=8') as machine:
        card = machine.card()

        def register(name, queue=3):
            return egret.REG_QUEUE(queue, getattr(egret, 'Q_' + name))
        card.writeq(BAR0, register('RING'), 0x123456000)
        card.writel(BAR0, register('RING_SIZE'), 4)
        card.writel(BAR0, register('CONFIG'), egret.field('Q_CONFIG_VECTOR_MASK', 5))
        equal(card.readq(BAR0, register('RING')), 0x123456000, 'ring')
        equal(card.readl(BAR0, register('RING_SIZE')), 4, 'ring size')
        equal(card.readl(BAR0, register('STATUS')), egret.Q_STATE_DISABLED, 'state')
        card.writel(BAR0, register('CTRL'), egret.Q_CTRL_ENABLE)
        equal(card.readl(BAR0, register('STATUS')), egret.Q_STATE_IDLE, 'state')
        # Enabled, it does not let itself be moved.
        card.writeq(BAR0, register('RING'), 0x200000000)
        equal(card.readq(BAR0, register('RING')), 0x123456000, 'ring')
        # There is no queue 8.
        card.writeq(BAR0, register('RING', 8), 0x123456000)
        equal(card.readq(BAR0, register('RING', 8)), 0, 'ring of no queue')


def test_doorbells():
    """Head and tail are seen in the doorbell's page; a disabled queue ignores it."""
    with qtest.Machine(card_opts='vram=64M,queues=8') as machine:
        card = machine.card()
        page = 3 * egret.DOORBELL_STRIDE
        card.writeq(BAR4, page + egret.DOORBELL_TAIL, 5)
        equal(card.readq(BAR4, page + egret.DOORBELL_TAIL), 0, 'tail of a disabled queue')
        equal(card.readq(BAR4, page + egret.DOORBELL_HEAD), 0, 'head')
        card.writeq(BAR4, page + egret.DOORBELL_HEAD, 5)
        equal(card.readq(BAR4, page + egret.DOORBELL_HEAD), 0, 'head')
        for offset in (0x10, 0x100, 0xff8):
            card.writeq(BAR4, page + offset, 1)
            equal(card.readq(BAR4, page + offset), 0, f'word {offset:#x} of the page')


def test_time_is_the_machines():
    with qtest.Machine() as machine:
        card = machine.card()
        before = card.readq(BAR0, egret.REG_TIME)
        machine.clock_step(1000000)
        equal(card.readq(BAR0, egret.REG_TIME) - before, 1000000, 'time')


if __name__ == '__main__':
    qtest.main()
