import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateInventory1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE inventory.stock (
        sku text PRIMARY KEY,
        available integer NOT NULL CHECK (available >= 0)
      );
      INSERT INTO inventory.stock VALUES ('sold-out', 0);
      CREATE TABLE inventory.reservation (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        effect_key text NOT NULL UNIQUE,
        saga_id uuid NOT NULL,
        step text NOT NULL,
        order_id text NOT NULL,
        items jsonb NOT NULL,
        done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        released_at timestamptz
      );
      CREATE INDEX reservation_saga ON inventory.reservation (saga_id);
      CREATE TABLE inventory.release (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        effect_key text NOT NULL UNIQUE,
        saga_id uuid NOT NULL,
        step text NOT NULL,
        reservations bigint[] NOT NULL,
        done_at timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      CREATE INDEX release_saga ON inventory.release (saga_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE inventory.release, inventory.reservation, inventory.stock`);
  }
}
