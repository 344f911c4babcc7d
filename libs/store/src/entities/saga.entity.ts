import type { SagaRow } from '@counterstep/core';
import { Column, Entity } from 'typeorm';
import { SagaColumns } from './saga-columns.js';

/** An unfinished saga. For reading: sagas are written by the lanes' statement and by nothing else. */
@Entity({ schema: 'counterstep', name: 'saga' })
export class SagaEntity extends SagaColumns {
  @Column('bigint', { name: 'due_at', nullable: true })
  dueAt!: string | null;

  @Column('bigint', { nullable: true })
  deadline!: string | null;

  @Column('int', { name: 'due_bucket', nullable: true })
  dueBucket!: number | null;

  @Column('boolean')
  held!: boolean;

  override toRow(): SagaRow {
    return {
      ...super.toRow(),
      ...(this.dueAt !== null && { dueAt: Number(this.dueAt) }),
      ...(this.deadline !== null && { deadline: Number(this.deadline) }),
    };
  }
}
