#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Whole jobs without a driver: page tables, rings and packets through BAR2.

Specification: Documentation/hardware/queues.rst, packets.rst, mmu.rst
"""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import (BAR0, BAR2, BAR4, DATA, LARGE, PAGE, RETURN, SYSTEM, VA_SYSTEM, VA_VRAM,
                    Context, Queue, copy, dispatch, fence, fill, nop, timestamp, wait)
from layout import egret
from qtest import equal

MIB = 1 << 20


def new_machine(cards=1):
    return qtest.Machine(cards=cards, card_opts='vram=64M')


def pattern(size, seed=1):
    return random.Random(seed).randbytes(size)


def test_fence_and_interrupt():
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        context = Context(card, 1)
        for vector in (egret.VECTOR_QUEUE_FIRST, 17, egret.VECTOR_QUEUE_FIRST + 29):
            queue = Queue(card, context, vector, vector=vector)
            queue.submit(fence(queue.fence_va, 7, interrupt=True))
            card.wait_msix(vector)
            # The value was written before the interrupt was sent.
            equal(queue.fence_value(), 7, 'fence')
            qtest.wait_until(lambda q=queue: q.head() == 1, 'the head')
            equal(queue.state(), egret.Q_STATE_IDLE, 'state')


def test_fence_without_interrupt():
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        queue = Queue(card, Context(card, 1), 0)
        queue.submit(fence(queue.fence_va, 1), fence(queue.fence_va, 2, interrupt=True))
        card.wait_msix(egret.VECTOR_QUEUE_FIRST)
        queue.submit(fence(queue.fence_va, 3))
        queue.wait(3)
        equal(card.take_msix(egret.VECTOR_QUEUE_FIRST), False, 'a second interrupt')


def test_fill_vram():
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        data = context.map_vram(DATA, MIB)
        queue = Queue(card, context, 0)
        queue.submit(fill(data, MIB, 0x1122334455667788),
                     fill(data + 0x101, 3, 0xab, width=1),
                     fill(data + 0x1002, 6, 0xcdef, width=2),
                     fence(queue.fence_va, 1))
        queue.wait(1)
        expected = bytearray(0x1122334455667788.to_bytes(8, 'little') * (MIB // 8))
        expected[0x101:0x104] = b'\xab' * 3
        expected[0x1002:0x1008] = b'\xef\xcd' * 3
        equal(card.memread(BAR2, DATA, MIB) == expected, True, 'memory as expected')
        equal(card.memread(BAR2, DATA + MIB, 64), bytes(64), 'memory behind it')


def test_copy_between_memories():
    """Device to device, to system memory, and back, in odd sizes and alignments."""
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        vram = context.map_vram(DATA, 4 * MIB)
        system = context.map_system(SYSTEM, 4 * MIB)
        queue = Queue(card, context, 0)
        data = pattern(MIB + 12345)
        size = len(data)
        card.memwrite(BAR2, DATA + 3, data)
        queue.submit(copy(vram + 2 * MIB + 5, vram + 3, size),
                     copy(system + 77, vram + 2 * MIB + 5, size),
                     copy(system + 2 * MIB + 1, system + 77, size),
                     copy(vram + 0x100, system + 2 * MIB + 1, size),
                     fence(queue.fence_va, 1))
        queue.wait(1)
        for place, got in (('device memory', card.memread(BAR2, DATA + 2 * MIB + 5, size)),
                           ('system memory', machine.memread(SYSTEM + 77, size)),
                           ('system memory', machine.memread(SYSTEM + 2 * MIB + 1, size)),
                           ('device memory', card.memread(BAR2, DATA + 0x100, size))):
            equal(got == data, True, f'{place} as copied')
        equal(machine.memread(SYSTEM + 77 + size, 64), bytes(64), 'memory behind it')


def test_scattered_pages():
    """What is contiguous for the card is not in memory, and pages differ in size."""
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        pages = random.Random(2).sample(range(256), 32)
        va = VA_SYSTEM + (1 << 36)
        for index, page in enumerate(pages):
            context.map(va + PAGE * index, SYSTEM + PAGE * page, PAGE,
                        egret.PTE_SYSTEM | egret.PTE_READ | egret.PTE_WRITE)
        context.map(VA_VRAM + (1 << 36), 4 * LARGE, 2 * LARGE)
        queue = Queue(card, context, 0)
        data = pattern(32 * PAGE)
        card.memwrite(BAR2, 4 * LARGE + 0x1fff0, data)
        queue.submit(copy(va, VA_VRAM + (1 << 36) + 0x1fff0, len(data)),
                     fence(queue.fence_va, 1))
        queue.wait(1)
        for index, page in enumerate(pages):
            equal(machine.memread(SYSTEM + PAGE * page, PAGE) == data[PAGE * index:][:PAGE],
                  True, f'page {index} as copied')


def test_everything_in_system_memory():
    """Ring, fence and page tables may all be there; the host's word orders hold."""
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        tables, ring, word = SYSTEM, SYSTEM + 0x10000, SYSTEM + 0x20000
        va = VA_SYSTEM
        machine.memset(tables, 0, 4 * PAGE)
        system = egret.PTE_VALID | egret.PTE_SYSTEM
        for level in (3, 2, 1):
            index = va + SYSTEM >> egret.MMU_LEVEL_SHIFT(level) & 511
            table = tables + PAGE * (3 - level)
            machine.writeq(table + 8 * index, table + PAGE | system if level > 1 else
                           SYSTEM & -LARGE | system | egret.PTE_READ | egret.PTE_WRITE)
        card.writeq(BAR0, egret.REG_CONTEXT(2), tables | system)
        card.writel(BAR0, egret.REG_INV_CMD, egret.INV_CMD_START | 2)
        queue = egret.REG_QUEUE(0, 0)
        card.writeq(BAR0, queue + egret.Q_RING, va + ring)
        card.writel(BAR0, queue + egret.Q_RING_SIZE, 4)
        card.writel(BAR0, queue + egret.Q_CONFIG, egret.field('Q_CONFIG_CONTEXT_MASK', 2)
                    | egret.field('Q_CONFIG_VECTOR_MASK', 2))
        card.writel(BAR0, queue + egret.Q_CTRL, egret.Q_CTRL_ENABLE)
        for number in range(1, 101):
            machine.memwrite(ring + 64 * ((number - 1) % 16), fence(va + word, number, True))
            card.writeq(BAR4, egret.DOORBELL_TAIL, number)
            card.wait_msix(2)
            equal(machine.readq(word), number, 'fence')


def test_ring_wraps():
    with new_machine() as machine:
        card = machine.card()
        queue = Queue(card, Context(card, 1), 0, log2_size=3)
        for number in range(1, 101):
            queue.submit(nop(), fence(queue.fence_va, number))
            queue.wait(number)
        equal(card.readq(BAR0, egret.REG_CNT_PACKETS), 200, 'packets')
        qtest.wait_until(lambda: queue.head() == 200, 'the head')


def test_wait_orders_queues():
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        first, second = Queue(card, context, 0), Queue(card, context, 1)
        second.submit(wait(first.fence_va, 5), fence(second.fence_va, 1))
        second.wait_state(egret.Q_STATE_WAITING)
        first.submit(fence(first.fence_va, 4))
        first.wait(4)
        equal(second.fence_value(), 0, 'fence behind the WAIT')
        first.submit(fence(first.fence_va, 5))
        second.wait(1)


def test_wait_for_the_host():
    """A processor's write to system memory ends a WAIT."""
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        word = context.map_system(SYSTEM, PAGE)
        queue = Queue(card, context, 0)
        queue.submit(wait(word + 8, 1 << 40), fence(queue.fence_va, 1))
        queue.wait_state(egret.Q_STATE_WAITING)
        machine.writeq(SYSTEM + 8, 1 << 40)
        queue.wait(1)


def test_timestamp():
    with new_machine() as machine:
        card = machine.card()
        machine.clock_step(12345678)
        queue = Queue(card, Context(card, 1), 0)
        queue.submit(timestamp(queue.fence_va + 64), fence(queue.fence_va, 1))
        queue.wait(1)
        stamp = egret.unpack('egret_timestamp', card.memread(BAR2, queue.fence + 64, 16))
        equal(stamp['time'], card.readq(BAR0, egret.REG_TIME), 'time')


def test_dispatch():
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        code = context.map_vram(DATA, PAGE, egret.PTE_READ | egret.PTE_EXEC)
        card.memwrite(BAR2, DATA, RETURN)
        queue = Queue(card, context, 0)
        queue.submit(dispatch(code, grid=(5, 3, 2)), fence(queue.fence_va, 1))
        queue.wait(1)
        equal(card.readq(BAR0, egret.REG_CNT_WORKGROUPS), 30, 'workgroups')
        equal(card.readq(BAR0, egret.REG_CNT_DISPATCHES), 1, 'dispatches')


def expect_fault(queue, code, addr, access, packet=0):
    fault = queue.wait_fault()
    equal(fault['code'], code, 'fault code')
    equal(fault['addr'], addr, 'fault address')
    equal(fault['access'], access, 'access')
    equal(fault['packet'], packet, 'packet')


def test_fault_is_reported():
    """Vector, pending bit and record; other queues go on; a kill makes it usable."""
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        context = Context(card, 1)
        bad, good = Queue(card, context, 40), Queue(card, context, 3)
        nowhere = VA_VRAM + (1 << 38)
        bad.submit(nop(), fence(nowhere, 1), fence(bad.fence_va, 1))
        card.wait_msix(egret.VECTOR_FAULT)
        expect_fault(bad, egret.FAULT_MMU_UNMAPPED, nowhere, egret.ACCESS_WRITE, packet=1)
        equal(card.readl(BAR0, egret.REG_FAULT_PENDING(40 // 32)), 1 << 40 % 32, 'pending')
        card.writel(BAR0, egret.REG_FAULT_PENDING(40 // 32), 1 << 40 % 32)
        equal(card.readl(BAR0, egret.REG_FAULT_PENDING(40 // 32)), 0, 'pending')
        equal(bad.fence_value(), 0, 'fence behind the fault')
        good.submit(fence(good.fence_va, 1))
        good.wait(1)
        bad.kill()
        again = Queue(card, context, 40)
        again.submit(fence(again.fence_va, 1))
        again.wait(1)


def test_read_only_page():
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        page = context.map_system(SYSTEM, PAGE, egret.PTE_READ)
        queue = Queue(card, context, 0)
        queue.submit(fence(page, 1))
        expect_fault(queue, egret.FAULT_MMU_PERMISSION, page, egret.ACCESS_WRITE)
        equal(machine.readq(SYSTEM), 0, 'memory')


def test_nobody_answers():
    """Holes, registers of devices, the card's own registers: none is memory."""
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        for number, (what, address) in enumerate((
                ('a hole', 0x90000000), ('the top', 0xffffffffff000),
                ("the card's registers", card.address(BAR0)),
                ('configuration space', qtest.ECAM), ('an interrupt', 0xfee00000),
                ('doorbells', card.address(BAR4)))):
            for write in (False, True):
                queue = Queue(card, context, 2 * number + write)
                va = VA_SYSTEM + (number + 1 << 32)
                context.map(va, address, PAGE, egret.PTE_SYSTEM | egret.PTE_READ
                            | egret.PTE_WRITE)
                queue.submit(fence(va, 1) if write else wait(va, 1))
                fault = queue.wait_fault()
                equal(fault['code'], egret.FAULT_BUS, f'fault code at {what}')
                equal(fault['addr'], va, f'fault address at {what}')
                # Reads come back with an error, of writes nobody hears again.
                equal(card.config_readw(0x06) >> 13 & 1, int(not write),
                      f'Received Master Abort at {what}')
                card.config_writew(0x06, 1 << 13)
        equal(card.readl(BAR0, egret.REG_ID), egret.ID, 'identity')


def test_bus_master_off():
    """System memory is out of reach, device memory is not; no interrupt is sent."""
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        context = Context(card, 1)
        word = context.map_system(SYSTEM, PAGE)
        outside, inside = Queue(card, context, 0), Queue(card, context, 1)
        card.config_writew(0x04, 0x2)
        outside.submit(fence(word, 1, interrupt=True))
        expect_fault(outside, egret.FAULT_BUS, word, egret.ACCESS_WRITE)
        inside.submit(fence(inside.fence_va, 1, interrupt=True))
        inside.wait(1)
        equal(machine.readq(SYSTEM), 0, 'system memory')
        for vector in range(egret.MSIX_VECTORS):
            equal(card.take_msix(vector), False, f'interrupt {vector}')
        card.config_writew(0x04, 0x6)
        again = Queue(card, context, 2)
        again.submit(fence(word, 2, interrupt=True))
        card.wait_msix(egret.VECTOR_QUEUE_FIRST)
        equal(machine.readq(SYSTEM), 2, 'system memory')


def test_two_cards_at_work():
    with new_machine(2) as machine:
        cards = [machine.card(0), machine.card(1)]
        queues = []
        for index, card in enumerate(cards):
            card.enable_msix()
            context = Context(card, 1)
            system = context.map_system(SYSTEM + MIB * index, MIB)
            queue = Queue(card, context, 0)
            queue.submit(fill(system, MIB, index + 1), fence(queue.fence_va, 1, interrupt=True))
            queues.append(queue)
        for index, card in enumerate(cards):
            card.wait_msix(egret.VECTOR_QUEUE_FIRST)
            equal(queues[index].fence_value(), 1, 'fence')
            word = (index + 1).to_bytes(8, 'little')
            equal(machine.memread(SYSTEM + MIB * index, MIB) == word * (MIB // 8), True,
                  'memory as filled')


def test_peer_to_peer():
    """A card reads and writes another one's device memory through its BAR2."""
    with new_machine(2) as machine:
        first, second = machine.card(0), machine.card(1)
        context = Context(first, 1)
        local = context.map_vram(DATA, MIB)
        peer = context.map_system(second.address(BAR2, DATA), MIB)
        data = pattern(MIB // 2)
        first.memwrite(BAR2, DATA, data)
        queue = Queue(first, context, 0)
        queue.submit(copy(peer + 1, local, len(data)),
                     copy(local + MIB // 2, peer + 1, len(data)), fence(queue.fence_va, 1))
        queue.wait(1)
        equal(second.memread(BAR2, DATA + 1, len(data)) == data, True, "peer's memory as copied")
        equal(first.memread(BAR2, DATA + MIB // 2, len(data)) == data, True, 'memory as copied')
        # A peer that sleeps does not answer.
        second.set_power_state(3)
        sleeper = Queue(first, context, 1)
        sleeper.submit(fence(peer, 1))
        expect_fault(sleeper, egret.FAULT_BUS, peer, egret.ACCESS_WRITE)


if __name__ == '__main__':
    qtest.main()
