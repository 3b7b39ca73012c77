#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""A guest that does anything in any order. The card has to survive it.

What is written is random but mostly plausible, so that it gets beyond the first
check: queues are really enabled, packets have valid opcodes. Each test has a seed
of its own and does the same each time; what the card's threads have reached
meanwhile varies. At the end the card is reset and has to work.
"""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import (BAR0, BAR2, BAR4, DATA, LARGE, PAGE, RINGS, RW, SYSTEM, TABLES, VA_SYSTEM,
                    VA_VRAM, Context, call, check_works, copy, dispatch, fence, fill, nop,
                    timestamp, wait)
from layout import egret

MIB = 1 << 20
QUEUES, CONTEXTS = 16, 4
STEPS = 1000


class Chaos:
    """A random guest."""

    def __init__(self, machine, seed):
        self.machine = machine
        self.card = machine.card()
        self.random = random.Random(seed)
        self.actions = (
            (30, self.submit), (20, self.queue_register), (10, self.doorbell),
            (10, self.any_register), (6, self.page_table), (6, self.invalidate),
            (6, self.garbage), (4, self.configuration), (2, self.set_up),
            (1, self.engine_reset), (1, self.function_reset), (1, self.sleep))

    def word(self):
        """A number of the kind that finds mistakes."""
        return self.random.choice((
            0, 1, (1 << 64) - 1, 1 << 63, 1 << self.random.randrange(64),
            self.random.getrandbits(64), self.random.getrandbits(12), self.address()))

    def address(self):
        """A virtual address, mostly one that is mapped, sometimes askew or nowhere."""
        base = self.random.choice((VA_VRAM + DATA, VA_VRAM + DATA, VA_SYSTEM + SYSTEM,
                                   VA_VRAM + RINGS, VA_VRAM + TABLES, 0, egret.VA_END - PAGE))
        return base + self.random.randrange(MIB) & -self.random.choice((1, 8, 64, 4096))

    def packet(self):
        size = self.random.choice((1, 64, 4096, 100000, MIB, 1 << 40))
        packet = bytearray(self.random.choice((
            nop, lambda: fence(self.address(), self.word(), self.random.random() < 0.5),
            lambda: wait(self.address(), self.random.getrandbits(4)),
            lambda: copy(self.address(), self.address(), size),
            lambda: fill(self.address(), size, self.random.getrandbits(8),
                         self.random.choice((1, 2, 4, 8))),
            lambda: dispatch(self.address(), [self.random.choice((1, 3, 1 << 20))] * 3),
            lambda: call(self.address() & -64, self.random.choice((1, 5, 1 << 30))),
            lambda: timestamp(self.address())))())
        if self.random.random() < 0.1:
            packet[self.random.randrange(64)] ^= 1 << self.random.randrange(8)
        return bytes(packet)

    def queue(self):
        return self.random.randrange(QUEUES)

    def ring(self, queue):
        return RINGS + PAGE * queue

    def set_up(self):
        """A working address space and working queues, so that something happens."""
        card = self.card
        card.set_power_state(0)
        card.assign_bars()
        card.enable_msix()
        context = Context(card, self.random.randrange(CONTEXTS))
        context.map_vram(RINGS, LARGE)
        context.map_vram(DATA, LARGE, self.random.choice((RW, RW | egret.PTE_EXEC)))
        context.map_system(SYSTEM, LARGE)
        for queue in range(QUEUES):
            base = egret.REG_QUEUE(queue, 0)
            card.writel(BAR0, base + egret.Q_CTRL, egret.Q_CTRL_KILL)
            card.writeq(BAR0, base + egret.Q_RING, VA_VRAM + self.ring(queue))
            card.writel(BAR0, base + egret.Q_RING_SIZE, 4)
            card.writel(BAR0, base + egret.Q_CONFIG,
                        egret.field('Q_CONFIG_CONTEXT_MASK', context.number)
                        | egret.field('Q_CONFIG_PRIORITY_MASK', self.random.randrange(4))
                        | egret.field('Q_CONFIG_VECTOR_MASK', 2 + queue))
            card.writel(BAR0, base + egret.Q_CTRL, egret.Q_CTRL_ENABLE)

    def submit(self):
        queue = self.queue()
        self.card.memwrite(BAR2, self.ring(queue), b''.join(self.packet() for _ in range(16)))
        head = self.card.readq(BAR4, egret.DOORBELL_STRIDE * queue + egret.DOORBELL_HEAD)
        self.card.writeq(BAR4, egret.DOORBELL_STRIDE * queue,
                         head + self.random.randrange(17) & (1 << 64) - 1)

    def queue_register(self):
        register = egret.REG_QUEUE(self.queue(), self.random.randrange(0, 0x80, 4))
        if self.random.random() < 0.5:
            register = egret.REG_QUEUE(self.queue(), egret.Q_CTRL)
            self.card.writel(BAR0, register, self.random.randrange(6))
        else:
            self.card.writel(BAR0, register, self.word() & 0xffffffff)

    def doorbell(self):
        offset = egret.DOORBELL_STRIDE * self.queue() + self.random.choice((0, 0, 4, 8, 12, 1))
        write = self.random.choice((self.card.writel, self.card.writeq))
        write(BAR4, offset, self.word() & (1 << (32 if write == self.card.writel else 64)) - 1)

    def any_register(self):
        offset = self.random.choice((0, 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000,
                                     0x8000, 0x10000, 0x11000, 0x12000))
        offset += self.random.randrange(0x200) & -self.random.choice((1, 4, 4, 8))
        if self.random.random() < 0.5:
            self.card.readq(BAR0, offset)
        else:
            self.card.writel(BAR0, offset, self.word() & 0xffffffff)

    def page_table(self):
        """Break a page table, or mend it."""
        self.card.writeq(BAR2, TABLES + self.random.randrange(0, 0x80000, 8), self.word())
        self.card.writeq(BAR0, egret.REG_CONTEXT(self.random.randrange(CONTEXTS)), self.word())

    def invalidate(self):
        self.card.writeq(BAR0, egret.REG_INV_ADDR, self.word())
        self.card.writeq(BAR0, egret.REG_INV_SIZE, self.word())
        self.card.writel(BAR0, egret.REG_INV_CMD,
                         egret.INV_CMD_START | self.random.getrandbits(17))

    def garbage(self):
        """Data, which kernels and called buffers may be made of."""
        self.card.memwrite(BAR2, DATA + self.random.randrange(0, MIB - 4096, 64),
                           b''.join(self.packet() for _ in range(16)) +
                           self.random.randbytes(1024))

    def configuration(self):
        offset = self.random.choice((0x04, 0x10, 0x18, 0x20, 0x40, 0x44, 0x64, 0x68, 0xb0, 0x104,
                                     0x110, 0x200, 0xffc))
        self.card.config_writew(offset, self.random.getrandbits(16))
        self.card.set_power_state(0)
        self.card.assign_bars()

    def engine_reset(self):
        self.card.writel(BAR0, egret.REG_RESET,
                         self.random.choice((egret.RESET_ENGINES, egret.RESET_CHIP)))

    def function_reset(self):
        self.card.function_level_reset()
        self.set_up()

    def sleep(self):
        self.card.set_power_state(3)
        self.submit()
        self.card.set_power_state(0)
        self.set_up()

    def run(self, steps):
        weights = [weight for weight, _ in self.actions]
        self.set_up()
        for _ in range(steps):
            self.random.choices(self.actions, weights)[0][1]()


def survive(seed):
    with qtest.Machine(card_opts=f'vram=64M,queues={QUEUES},contexts={CONTEXTS}') as machine:
        chaos = Chaos(machine, seed)
        chaos.run(STEPS)
        chaos.card.function_level_reset()
        chaos.card.assign_bars()
        check_works(chaos.card)


def test_seed_1():
    survive(1)


def test_seed_2():
    survive(2)


def test_seed_3():
    survive(3)


def test_seed_4():
    survive(4)


if __name__ == '__main__':
    qtest.main()
