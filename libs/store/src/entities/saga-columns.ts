import type { AttentionItem, Cause, Saga, SagaRow } from '@counterstep/core';
import { Column, PrimaryColumn } from 'typeorm';
import { positionFrom, positionText } from '../short-forms.js';

/** Milliseconds fit a number; the driver gives 64-bit integers as text. */
const milliseconds = { from: (value: string | null) => (value === null ? null : Number(value)), to: Number };

/** What finished and unfinished sagas have in common. */
export abstract class SagaColumns {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  workflow!: string;

  @Column('int', { name: 'workflow_version' })
  workflowVersion!: number;

  @Column('text')
  digest!: string;

  @Column('int')
  version!: number;

  @Column('text')
  state!: Saga['state'];

  @Column('text')
  direction!: Saga['direction'];

  @Column('text')
  aim!: Saga['aim'];

  @Column('boolean')
  paused!: boolean;

  @Column('simple-json', { nullable: true })
  attention!: AttentionItem[] | null;

  @Column('text', { transformer: { from: positionFrom, to: positionText } })
  position!: SagaRow['position'];

  @Column('simple-json', { nullable: true })
  cause!: Cause | null;

  @Column('int')
  lane!: number;

  @Column('bigint', { transformer: milliseconds })
  number!: number;

  @Column('bigint', { name: 'created_at', transformer: milliseconds })
  createdAt!: number;

  @Column('bigint', { name: 'updated_at', transformer: milliseconds })
  updatedAt!: number;

  toRow(): SagaRow {
    return {
      sagaId: this.id,
      workflow: { name: this.workflow, version: this.workflowVersion, digest: this.digest },
      version: this.version,
      state: this.state,
      direction: this.direction,
      aim: this.aim,
      paused: this.paused,
      attention: this.attention ?? [],
      position: this.position,
      ...(this.cause && { cause: this.cause }),
      createdAt: this.createdAt,
      updatedAt: this.updatedAt,
    };
  }
}
