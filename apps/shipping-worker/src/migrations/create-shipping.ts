import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateShipping1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE shipping.shipment (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        effect_key text NOT NULL UNIQUE,
        saga_id uuid NOT NULL,
        step text NOT NULL,
        order_id text NOT NULL,
        address text NOT NULL,
        done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        cancelled_at timestamptz
      );
      CREATE INDEX shipment_saga ON shipping.shipment (saga_id);
      CREATE TABLE shipping.cancellation (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        effect_key text NOT NULL UNIQUE,
        saga_id uuid NOT NULL,
        step text NOT NULL,
        shipments bigint[] NOT NULL,
        done_at timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      CREATE INDEX cancellation_saga ON shipping.cancellation (saga_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE shipping.cancellation, shipping.shipment`);
  }
}
