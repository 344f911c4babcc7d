import { Entity } from 'typeorm';
import { SagaColumns } from './saga-columns.js';

/** A finished saga. For reading. */
@Entity({ schema: 'counterstep', name: 'finished_saga' })
export class FinishedSagaEntity extends SagaColumns {}
