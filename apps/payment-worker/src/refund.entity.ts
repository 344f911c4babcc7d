import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('refund')
export class Refund {
  /** A bigint, as text. */
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' })
  id!: string;

  @Column('text', { name: 'effect_key', unique: true })
  effectKey!: string;

  @Column('uuid', { name: 'saga_id' })
  sagaId!: string;

  @Column('text')
  step!: string;

  /** A numeric, as text. */
  @Column('numeric', { precision: 14, scale: 2 })
  amount!: string;

  /** By the wall clock, not the transaction's start: so the order of effects can be read across services. */
  @Column('timestamptz', { name: 'done_at', default: () => 'clock_timestamp()' })
  doneAt!: Date;
}
