import { join, resolve } from 'node:path';
import { BaseStep, StepResult } from '@counterstep/steps';
import type { MadeFolder } from '../files.js';
import { FileError, makeFolder, removeFolder } from '../files.js';
import { portOf } from '../runtime.js';
import type { ExportContext } from './export-context.js';

/** Finds the storage, and makes a folder that only this export has. Rollback removes it, and what it made above it. */
export class ExportInitializeStep extends BaseStep<ExportContext, MadeFolder> {
  readonly name: string = 'initialize';
  readonly progressWeight: number = 0.05;

  async execute(context: ExportContext, signal: AbortSignal): Promise<StepResult<MadeFolder>> {
    const { saveOriginalFile, name } = context.params;
    const storage = saveOriginalFile ? portOf(context.runtimeCtx, 'storage') : null;
    const pathRoot = resolve(context.params.pathRoot);
    const made = await makeUnique(pathRoot, name, signal);
    const outputPaths = { json: join(made.own, 'json'), originFiles: join(made.own, 'origin_files') };
    try {
      for (const folder of Object.values(outputPaths)) await makeFolder(folder);
    } catch (thrown) {
      await removeFolder(made);
      throw thrown;
    }
    Object.assign(context, { storage, pathRoot, uniqueExportPath: made.own, outputPaths });
    return new StepResult({ data: { uniqueExportPath: made.own }, rollbackData: made });
  }

  override async rollback(context: ExportContext, { rollbackData }: StepResult<MadeFolder>): Promise<void> {
    const { above = [], own } = rollbackData;
    if (own !== undefined) await removeFolder({ above, own });
    const cleared = { storage: null, pathRoot: null, uniqueExportPath: null, outputPaths: null };
    Object.assign(context, cleared);
  }
}

/** `NAME`, or `NAME_1` and so on when that is taken, also by an export that begins at the same time. */
async function makeUnique(pathRoot: string, name: string, signal: AbortSignal): Promise<MadeFolder> {
  for (let number = 0; ; number += 1) {
    signal.throwIfAborted();
    const own = join(pathRoot, number === 0 ? name : `${name}_${number}`);
    try {
      return await makeFolder(own);
    } catch (thrown) {
      if (!(thrown instanceof FileError) || thrown.code !== 'FILE_EXISTS') throw thrown;
    }
  }
}
