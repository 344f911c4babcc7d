import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BaseUploadAction } from '@counterstep/actions';
import type { FileClient, RuntimeContext, StepRegistry } from '@counterstep/steps';
import { BaseStep, BaseStepContext, LoggingStep, StepResult, reasonOf } from '@counterstep/steps';
import { z } from 'zod';

export const fileUploadParamsSchema = z.object({ sourcePath: z.string().min(1) });
export type FileUploadParams = z.output<typeof fileUploadParamsSchema>;

type FileId = number | string;

export class FileUploadContext extends BaseStepContext {
  files: readonly string[] = [];
  uploadedIds: readonly FileId[] = [];

  constructor(
    runtimeCtx: RuntimeContext,
    readonly sourcePath: string,
  ) {
    super(runtimeCtx);
  }

  get client(): FileClient {
    return this.runtimeCtx.client;
  }
}

export class DiscoverFilesStep extends BaseStep<FileUploadContext> {
  readonly name = 'discover_files';
  readonly progressWeight = 0.1;

  async execute(context: FileUploadContext): Promise<StepResult> {
    const { sourcePath } = context;
    const isFolder = await stat(sourcePath).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isFolder) return new StepResult({ success: false, error: `Source path not found: ${sourcePath}` });
    const entries = await readdir(sourcePath, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    if (files.length === 0)
      return new StepResult({ success: false, error: `No files found in ${sourcePath}` });
    context.files = files.sort();
    return new StepResult({ data: { fileCount: files.length } });
  }
}

interface Uploaded {
  readonly uploadedIds: readonly FileId[];
}

export class UploadFilesStep extends BaseStep<FileUploadContext, Uploaded> {
  readonly name = 'upload_files';
  readonly progressWeight = 0.8;

  async execute(context: FileUploadContext, signal: AbortSignal): Promise<StepResult<Uploaded>> {
    const { files, client } = context;
    const uploadedIds: FileId[] = [];
    try {
      for (const file of files) {
        signal.throwIfAborted();
        uploadedIds.push(await client.uploadFile(file));
        context.setProgress(uploadedIds.length, files.length, 'upload');
      }
    } catch (thrown) {
      // The rollback of a step that fails is not called: it cleans up after itself.
      await this.#delete(context, uploadedIds);
      throw thrown;
    }
    context.uploadedIds = uploadedIds;
    return new StepResult({ rollbackData: { uploadedIds } });
  }

  override async rollback(context: FileUploadContext, { rollbackData }: StepResult<Uploaded>): Promise<void> {
    await this.#delete(context, rollbackData.uploadedIds ?? []);
    context.uploadedIds = [];
  }

  async #delete(context: FileUploadContext, ids: readonly FileId[]): Promise<void> {
    for (const id of ids) {
      try {
        await context.client.deleteFile(id);
      } catch (thrown) {
        context.errors.push(`Failed to delete file ${id}: ${reasonOf(thrown)}`);
      }
    }
  }
}

export class FinalizeStep extends BaseStep<FileUploadContext> {
  readonly name = 'finalize';
  readonly progressWeight = 0.1;

  execute(context: FileUploadContext): StepResult {
    const { uploadedIds } = context;
    context.log('upload_complete', { fileCount: uploadedIds.length, fileIds: uploadedIds });
    return new StepResult();
  }
}

export class FileUploadAction extends BaseUploadAction<FileUploadParams, FileUploadContext> {
  readonly paramsSchema: z.ZodType<FileUploadParams> = fileUploadParamsSchema;

  override setupSteps(registry: StepRegistry<FileUploadContext>): void {
    registry
      .register(new LoggingStep(new DiscoverFilesStep()))
      .register(new LoggingStep(new UploadFilesStep()))
      .register(new LoggingStep(new FinalizeStep()));
  }

  override createContext(): FileUploadContext {
    return new FileUploadContext(this.ctx, this.params.sourcePath);
  }
}
