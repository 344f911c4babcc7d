import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

export interface ReservedItem {
  sku: string;
  quantity: number;
}

@Entity('reservation')
export class Reservation {
  /** A bigint, as text. */
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' })
  id!: string;

  @Column('text', { name: 'effect_key', unique: true })
  effectKey!: string;

  @Column('uuid', { name: 'saga_id' })
  sagaId!: string;

  @Column('text')
  step!: string;

  @Column('text', { name: 'order_id' })
  orderId!: string;

  @Column('jsonb')
  items!: ReservedItem[];

  /** By the wall clock, not the transaction's start: so the order of effects can be read across services. */
  @Column('timestamptz', { name: 'done_at', default: () => 'clock_timestamp()' })
  doneAt!: Date;

  @Column('timestamptz', { name: 'released_at', nullable: true })
  releasedAt!: Date | null;
}
