import assert from 'node:assert/strict';
import test from 'node:test';
import { WorkflowBuilder } from '@counterstep/core';
import { barrierConformance, given, simulateAll } from '@counterstep/testing';

// Run by test/unit/other-test-runners.spec.ts.
const payment = new WorkflowBuilder('payment')
  .addStep('reserve', 'inventory.reserve', 'inventory.release')
  .addStep('charge', 'payments.charge', 'payments.refund')
  .build();

void test('a scenario', () => {
  given(payment)
    .started({})
    .expectsCommand('charge')
    .repliesRejected('NO_FUNDS')
    .expectsCompensated(['release']);
});

void test('a scenario that fails throws a plain error', () => {
  assert.throws(() => given(payment).started({}).expectsCompensated(), /expected the saga to be compensated/);
});

void test('a simulation', () => {
  simulateAll(payment).assertClean();
});

void test('a conformance suite says what it needs', () => {
  assert.throws(
    () => barrierConformance('mine', () => Promise.reject(new Error('unused'))),
    /under Jest only/,
  );
});
