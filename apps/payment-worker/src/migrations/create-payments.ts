import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreatePayments1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE payments.payment (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        effect_key text NOT NULL UNIQUE,
        saga_id uuid NOT NULL,
        step text NOT NULL,
        order_id text NOT NULL,
        customer_id text,
        amount numeric(14, 2) NOT NULL CHECK (amount >= 0),
        done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        refunded_at timestamptz
      );
      CREATE INDEX payment_saga ON payments.payment (saga_id);
      CREATE TABLE payments.refund (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        effect_key text NOT NULL UNIQUE,
        saga_id uuid NOT NULL,
        step text NOT NULL,
        amount numeric(14, 2) NOT NULL CHECK (amount >= 0),
        done_at timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      CREATE INDEX refund_saga ON payments.refund (saga_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE payments.refund, payments.payment`);
  }
}
