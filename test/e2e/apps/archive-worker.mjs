// A worker that hosts the steps of an archive: they write files into the folder that the saga was started with, and their
// rollbacks remove them. What they do is told, line by line, in the file JOURNAL. With DEFINITION it writes the workflow
// there, as data, and ends. With HOLD it holds on in the second step, after its heartbeat; with ONCE that step has begun
// before, and says so.
import { appendFileSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KafkaBus } from '@counterstep/bus';
import { BaseStep, BaseStepContext, StepRegistry, StepResult } from '@counterstep/steps';
import { createWorker, toWorkflow } from '@counterstep/worker';
import pg from 'pg';

const { DATABASE_URL, KAFKA_BROKERS, TOPIC_PREFIX, JOURNAL, DEFINITION, HOLD, ONCE } = process.env;
const tell = (line) => appendFileSync(JOURNAL, `${line}\n`);

class ArchiveContext extends BaseStepContext {
  files = [];
  constructor(runtimeCtx, { folder, refuse = false }) {
    super(runtimeCtx);
    Object.assign(this, { folder, refuse });
  }
}

class Write extends BaseStep {
  progressWeight = 1;
  constructor(name) {
    super();
    this.name = name;
  }
  async execute(context) {
    tell(this.name);
    const file = `${this.name}.txt`;
    if (ONCE && this.name === 'second') throw new Error('it cannot be begun twice');
    await writeFile(join(context.folder, file), this.name);
    context.files.push(file);
    await context.runtimeCtx.heartbeat({ file });
    if (HOLD && this.name === 'second') {
      tell('holds');
      await new Promise(() => setInterval(() => undefined, 60_000));
    }
    return new StepResult({ data: { files: context.files.length }, rollbackData: { file } });
  }
  async rollback(context, { success, rollbackData }) {
    tell(`undo ${this.name} ${success} ${rollbackData.file}`);
    await rm(join(context.folder, rollbackData.file), { force: true });
  }
}

class Publish extends BaseStep {
  name = 'publish';
  progressWeight = 1;
  async execute({ refuse, files }) {
    tell(this.name);
    if (refuse) return new StepResult({ success: false, error: `nobody wants ${files.join(' and ')}` });
    return new StepResult({ data: { files } });
  }
}

const registry = new StepRegistry()
  .register(new Write('first'))
  .register(new Write('second'))
  .register(new Publish());
const { workflow, handlers } = toWorkflow('archive', registry, {
  createContext: (runtimeCtx, input) => new ArchiveContext(runtimeCtx, input),
  timeout: 3_000,
  retry: { maxRetries: 0 },
});

if (DEFINITION) {
  writeFileSync(DEFINITION, JSON.stringify(workflow));
} else {
  const logger = { debug() {}, info: console.log, warn: console.log, error: console.log };
  const worker = createWorker({
    bus: new KafkaBus({ brokers: KAFKA_BROKERS.split(','), clientId: 'archive', logger }),
    database: new pg.Pool({ connectionString: DATABASE_URL, max: 12 }),
    topicPrefix: TOPIC_PREFIX,
    logger,
    handlers,
    drainMs: 500,
  });
  await worker.start();
  process.on('SIGTERM', () => {
    void worker.stop().then(() => process.exit(0));
  });
}
