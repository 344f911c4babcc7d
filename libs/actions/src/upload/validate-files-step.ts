import { BaseStep, StepResult } from '@counterstep/steps';
import { FileError, checkReadable } from '../files.js';
import { inParallel } from '../parallel.js';
import { readMetadata } from './metadata-sheet.js';
import { type FoundFile, findFiles, problemsIn } from './source-files.js';
import type { SourceFile, UploadContext } from './upload-context.js';

const CHECKS_AT_ONCE = 16;

/**
 * Finds the files, and checks that each exists, can be opened and is not too large. The metadata is read once too, so that it
 * is not found broken when everything has been uploaded. Every file that is not as it should be is named.
 */
export class ValidateFilesStep extends BaseStep<UploadContext> {
  readonly name: string = 'validate_files';
  readonly progressWeight: number = 0.1;

  async execute(context: UploadContext, signal: AbortSignal): Promise<StepResult> {
    const { metadataPath, maxFileBytes } = context.params;
    const found = await findFiles(context, signal);
    const sizes = new Map<FoundFile, number>();
    const problems: string[] = [];
    await inParallel(found, CHECKS_AT_ONCE, async (file) => {
      signal.throwIfAborted();
      try {
        sizes.set(file, await checkReadable(file.path, maxFileBytes));
      } catch (thrown) {
        if (!(thrown instanceof FileError)) throw thrown;
        problems.push(thrown.message);
      }
      context.setProgress(sizes.size + problems.length, found.length);
    });
    if (problems.length > 0) return new StepResult({ success: false, error: problemsIn(problems.sort()) });
    if (metadataPath !== undefined) await readMetadata(context.params, signal);
    const files: SourceFile[] = found.map((file) => ({ ...file, size: sizes.get(file) ?? 0 }));
    context.files = files;
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return new StepResult({ data: { files: files.length, bytes } });
  }
}
